/**
 * Decides a part of a history in which only some operations count, and all others are free.
 *
 * Taking an operation out of a history is not sound: without a write, a read of its value looks
 * wrong that was right. So nothing is taken out. A free operation loses everything that was
 * recorded of it but its request: it may take effect at any time, any number of times, or never.
 * What cannot change the state (a read, a failed compare) then says nothing and is left out.
 *
 * Every linearization of the whole part is one of each such relaxation: keep its order. So when
 * a relaxation has none, neither has the history, and the operations that count contradict each
 * other whatever the others did. The more count, the fewer orders: a smallest set is well defined.
 *
 * That free operations may repeat is what makes this fast: a configuration is the set of counting
 * operations that are done and the state, and free operations only say which states reach which.
 */

import type { Operation } from '../../src/history';
import type { Part } from '../checker/decider';
import { NEVER } from '../checker/decider';
import type { Model } from '../model';
import { StateIds } from '../checker/stateIds';

/** Positions in the part; a free operation may stand there more than once. */
export interface Step {
  readonly index: number;
  readonly isFree: boolean;
}

export type FreeResult =
  | { readonly verdict: 'ok'; readonly steps: readonly Step[] }
  | { readonly verdict: 'fail' }
  | { readonly verdict: 'unknown'; readonly reason: string };

/** Operations that can count at once: a set of them is one number. */
export const countingMax = 48;

const nodesMax = 20_000;
const statesMax = 400;
/** Bytes of steps, by state and operation. */
const rowBytesMax = 256 * 1024 * 1024;
const illegal = -1;
const unexplored = -2;

class Limit extends Error {}

/** A free operation as the model sees it: asked, and never answered. */
export function freed({ id, process, f, key, input, call }: Operation): Operation {
  const unknown = { output: undefined, outcome: 'info' as const, return: NEVER };
  return { id, process, f, key, input, call, ...unknown };
}

/**
 * The part up to a moment. What was called later can come after all that had returned by then,
 * so it is left out; what was open then may come after it too, so it need not have happened.
 */
export function cutAt(part: Part, last: number): Part {
  const kept = part.operations.flatMap((_, i) => (part.call[i]! <= last ? [i] : []));
  return {
    key: part.key,
    operations: kept.map((i) => part.operations[i]!),
    call: Float64Array.from(kept, (i) => part.call[i]!),
    ret: Float64Array.from(kept, (i) => (part.ret[i]! <= last ? part.ret[i]! : NEVER)),
  };
}

export class FreeSearch<State> {
  private readonly ids: StateIds<State>;
  /** State after each free operation, by state and operation; -1 where it cannot take effect. */
  private readonly freeRows: Int32Array[] = [];
  private readonly countedRows: Int32Array[] = [];
  private rowBytes = 0;
  private readonly freeOperations: readonly (Operation | undefined)[];
  private readonly representative: (state: State) => State;

  /** `mayCount`: all operations that will ever count; all others are free throughout. */
  constructor(
    private readonly part: Part,
    private readonly model: Model<State>,
    mayCount: readonly number[],
  ) {
    this.ids = new StateIds(model);
    const seen = new Set<string>();
    const candidates = new Set(mayCount);
    this.freeOperations = part.operations.map((operation, i) => {
      if (!canChange(model, operation)) return undefined;
      if (candidates.has(i)) return freed(operation);
      // Operations that ask the same, and never count, are one.
      const { process, f, key, input } = operation;
      const label = JSON.stringify([model.label === undefined ? process : 0, f, key, input]);
      if (seen.has(label)) return undefined;
      seen.add(label);
      return freed(operation);
    });
    const observing = [
      ...mayCount.map((i) => part.operations[i]!),
      ...this.freeOperations.filter((operation) => operation !== undefined),
    ];
    this.representative = model.quotient?.(observing) ?? ((state) => state);
  }

  /** Looks for an order of the operations that count. */
  run(counting: readonly number[]): FreeResult {
    if (counting.length > countingMax) {
      return { verdict: 'unknown', reason: `more than ${countingMax} operations count` };
    }
    try {
      const steps = new Descent(this, this.part, counting).run();
      return steps === undefined ? { verdict: 'fail' } : { verdict: 'ok', steps };
    } catch (error) {
      if (error instanceof Limit) return { verdict: 'unknown', reason: error.message };
      throw error;
    }
  }

  get initial(): number {
    return this.intern(this.model.init());
  }

  get freeCount(): number {
    return this.freeOperations.length;
  }

  isObserver(index: number): boolean {
    return !canChange(this.model, this.part.operations[index]!);
  }

  afterFree(state: number, index: number): number {
    const operation = this.freeOperations[index];
    return operation === undefined ? illegal : this.after(this.freeRows, state, index, operation);
  }

  afterCounted(state: number, index: number): number {
    return this.after(this.countedRows, state, index, this.part.operations[index]!);
  }

  private after(rows: Int32Array[], state: number, index: number, operation: Operation): number {
    const row = (rows[state] ??= this.emptyRow());
    if (row[index] === unexplored) {
      const next = this.model.step(this.ids.state(state), operation);
      row[index] = next === undefined ? illegal : this.intern(next);
    }
    return row[index]!;
  }

  private emptyRow(): Int32Array {
    const row = new Int32Array(this.part.operations.length).fill(unexplored);
    this.rowBytes += row.byteLength;
    if (this.rowBytes > rowBytesMax) throw new Limit(`more than ${rowBytesMax} bytes of steps`);
    return row;
  }

  private intern(state: State): number {
    const id = this.ids.idOf(this.representative(state));
    if (id >= statesMax) throw new Limit(`more than ${statesMax} states`);
    return id;
  }
}

export function canChange<State>(model: Model<State>, operation: Operation): boolean {
  if (operation.outcome === 'fail') return false;
  return model.effect?.(operation) !== 'observe';
}

/** States that free operations lead to, the nearest first, each with the step before it. */
interface Reach {
  readonly states: readonly number[];
  readonly from: ReadonlyMap<number, { readonly state: number; readonly index: number }>;
}

class Descent<State> {
  private readonly done: boolean[];
  private readonly failed = new Set<string>();
  private readonly reaches = new Map<number, Reach>();
  private readonly isCounting: ReadonlySet<number>;
  private readonly steps: Step[] = [];
  private nodes = 0;
  private doneMask = 0;

  constructor(
    private readonly search: FreeSearch<State>,
    private readonly part: Part,
    private readonly counting: readonly number[],
  ) {
    this.done = counting.map(() => false);
    this.isCounting = new Set(counting);
  }

  run(): readonly Step[] | undefined {
    return this.descend(this.search.initial) ? this.steps : undefined;
  }

  private isRequired(at: number): boolean {
    return this.part.ret[this.counting[at]!] !== NEVER;
  }

  /** Counting operations that no unfinished one precedes in real time. */
  private candidates(): readonly number[] {
    const { call, ret } = this.part;
    let firstReturn = Infinity;
    this.counting.forEach((index, at) => {
      if (!this.done[at]) firstReturn = Math.min(firstReturn, ret[index]!);
    });
    return this.counting.flatMap((index, at) =>
      !this.done[at] && call[index]! < firstReturn ? [at] : [],
    );
  }

  private descend(state: number): boolean {
    if (this.counting.every((_, at) => this.done[at] || !this.isRequired(at))) return true;
    const configuration = `${this.doneMask} ${state}`;
    if (this.failed.has(configuration)) return false;
    if (++this.nodes > nodesMax) throw new Limit(`more than ${nodesMax} configurations`);
    const isFound = this.tryAll(state, this.candidates());
    if (!isFound) this.failed.add(configuration);
    return isFound;
  }

  private tryAll(state: number, candidates: readonly number[]): boolean {
    // An observer that agrees with the state can be placed at once.
    for (const at of candidates) {
      if (!this.search.isObserver(this.counting[at]!)) continue;
      if (this.search.afterCounted(state, this.counting[at]!) === state) {
        return this.place(at, state, []);
      }
    }
    const reach = this.reach(state);
    for (const reached of reach.states) {
      for (const at of candidates) {
        const next = this.search.afterCounted(reached, this.counting[at]!);
        if (next === illegal) continue;
        if (this.place(at, next, pathTo(reach, reached))) return true;
      }
    }
    return false;
  }

  private place(at: number, next: number, free: readonly number[]): boolean {
    const length = this.steps.length;
    for (const index of free) this.steps.push({ index, isFree: true });
    this.steps.push({ index: this.counting[at]!, isFree: false });
    this.done[at] = true;
    this.doneMask += 2 ** at;
    if (this.descend(next)) return true;
    this.done[at] = false;
    this.doneMask -= 2 ** at;
    this.steps.length = length;
    return false;
  }

  private reach(start: number): Reach {
    const known = this.reaches.get(start);
    if (known !== undefined) return known;
    const from = new Map<number, { state: number; index: number }>();
    const states = [start];
    const seen = new Set(states);
    for (let next = 0; next < states.length; next++) {
      const state = states[next]!;
      for (let index = 0; index < this.search.freeCount; index++) {
        if (this.isCounting.has(index)) continue;
        const reached = this.search.afterFree(state, index);
        if (reached === illegal || seen.has(reached)) continue;
        seen.add(reached);
        states.push(reached);
        from.set(reached, { state, index });
      }
    }
    const reach = { states, from };
    this.reaches.set(start, reach);
    return reach;
  }
}

function pathTo({ from }: Reach, state: number): readonly number[] {
  const path: number[] = [];
  for (let step = from.get(state); step !== undefined; step = from.get(step.state)) {
    path.push(step.index);
  }
  return path.reverse();
}

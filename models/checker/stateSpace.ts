/**
 * Numbers for states and actions, so that the search never touches an object.
 *
 * States are interned when first reached (after the model's quotient); an action is a class of
 * operations that no step tells apart. Each step of the model is computed once and kept in an
 * open hash table of integer triples (state, action, next).
 */

import type { Operation } from '../../src/history';
import { labelByAnswer } from '../model';
import type { Effect, Model } from '../model';
import { StateIds } from './stateIds';

/** The step is not allowed. */
export const REFUSED = -1;

const triple = 3;
const entriesMin = 64;
const entriesFirstMax = 1024;

function defaultLabel(operation: Operation): string {
  return `${labelByAnswer(operation)} ${operation.process} ${operation.member}`;
}

/**
 * Where a step belongs in the table. Actions that are asked about together have numbers near to
 * each other, so those of one state share a block of eight: one look at memory instead of eight.
 */
function home(state: number, action: number): number {
  const block = Math.imul(state, 0x9e3779b1) ^ Math.imul(action >>> 3, 0x85ebca6b);
  return ((block ^ (block >>> 15)) << 3) | (action & 7);
}

export class StateSpace<State> {
  /** Number of the initial state. */
  readonly initial: number;
  /** Action of each operation, in the order given. */
  readonly actionOf: Int32Array;
  readonly actionCount: number;
  private readonly ids: StateIds<State>;
  private readonly representatives: Operation[] = [];
  private readonly effects: Effect[] = [];
  private readonly represent: (state: State) => State;
  private table: Int32Array;
  private tableMask: number;
  private tableUsed = 0;

  constructor(
    private readonly model: Model<State>,
    operations: readonly Operation[],
  ) {
    let entries = entriesMin;
    while (entries < entriesFirstMax && entries < 4 * operations.length) entries *= 2;
    this.table = new Int32Array(triple * entries);
    this.tableMask = entries - 1;
    this.ids = new StateIds(model);
    this.represent = model.quotient?.(operations) ?? ((state) => state);
    const label = model.label ?? defaultLabel;
    const named = new Map<string, Map<string | number, number>>();
    this.actionOf = new Int32Array(operations.length);
    for (let i = 0; i < operations.length; i++) {
      const operation = operations[i]!;
      let actions = named.get(operation.f);
      if (actions === undefined)
        named.set(operation.f, (actions = new Map<string | number, number>()));
      const text = label(operation);
      let action = actions.get(text);
      if (action === undefined) {
        action = this.representatives.length;
        actions.set(text, action);
        this.representatives.push(operation);
        this.effects.push(model.effect?.(operation) ?? 'any');
      }
      this.actionOf[i] = action;
    }
    this.actionCount = this.representatives.length;
    this.initial = this.intern(model.init());
  }

  /** Bytes held by states and steps, estimated. */
  get bytes(): number {
    return this.ids.bytes + this.table.byteLength;
  }

  get stateCount(): number {
    return this.ids.count;
  }

  state(id: number): State {
    return this.ids.state(id);
  }

  effect(action: number): Effect {
    return this.effects[action]!;
  }

  /** The state after the action, or REFUSED. */
  next(state: number, action: number): number {
    let slot = home(state, action) & this.tableMask;
    const table = this.table;
    for (;;) {
      const at = triple * slot;
      const stored = table[at]!;
      // The state is stored plus one: zero is an empty entry.
      if (stored === state + 1 && table[at + 1] === action) return table[at + 2]!;
      if (stored === 0) return this.compute(state, action);
      slot = (slot + 1) & this.tableMask;
    }
  }

  private compute(state: number, action: number): number {
    const after = this.model.step(this.ids.state(state), this.representatives[action]!);
    const next = after === undefined ? REFUSED : this.intern(after);
    if (4 * this.tableUsed > 3 * this.tableMask) this.growTable();
    this.insert(state, action, next);
    return next;
  }

  private insert(state: number, action: number, next: number): void {
    let slot = home(state, action) & this.tableMask;
    while (this.table[triple * slot] !== 0) slot = (slot + 1) & this.tableMask;
    this.table[triple * slot] = state + 1;
    this.table[triple * slot + 1] = action;
    this.table[triple * slot + 2] = next;
    this.tableUsed++;
  }

  private growTable(): void {
    const old = this.table;
    this.tableMask = 4 * this.tableMask + 3;
    this.table = new Int32Array(triple * (this.tableMask + 1));
    this.tableUsed = 0;
    for (let at = 0; at < old.length; at += triple) {
      if (old[at] !== 0) this.insert(old[at]! - 1, old[at + 1]!, old[at + 2]!);
    }
  }

  private intern(reached: State): number {
    return this.ids.idOf(this.represent(reached));
  }
}

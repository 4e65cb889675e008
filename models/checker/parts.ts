/**
 * Brings a history into the form the deciders work on: ranked events, independent parts.
 *
 * Ranks replace times: event a happened before event b iff its rank is smaller. Intervals are
 * closed, so of two events with equal time and unknown order the call comes first. Operations
 * that can neither change anything nor tell anything are dropped here, once for all deciders.
 */

import type { Operation } from '../../src/history';
import type { Model } from '../model';
import { ModelError } from '../modelError';
import { NEVER } from './decider';
import type { Part } from './decider';

/** Whether leaving the operation out can change no verdict. */
function isIrrelevant<State>(model: Model<State>, operation: Operation): boolean {
  switch (operation.outcome) {
    case 'ok':
      return false;
    case 'fail':
      return model.observesFailure?.(operation) !== true;
    case 'info':
      return model.effect?.(operation) === 'observe';
  }
}

/** Positions looked at beyond those of the operations. */
const positionsMore = 256;

interface Ranks {
  readonly call: Float64Array;
  readonly ret: Float64Array;
}

/** Recorded positions are ranks already when they agree with the times. */
class Positions {
  private readonly call: Float64Array;
  private readonly ret: Float64Array;
  private readonly times: Float64Array;
  private isUsable = true;

  constructor(count: number) {
    this.call = new Float64Array(count);
    this.ret = new Float64Array(count);
    // Most histories have two events an operation and perhaps some of faults.
    this.times = new Float64Array(4 * count + positionsMore).fill(NaN);
  }

  note(i: number, operation: Operation): void {
    if (!this.isUsable) return;
    const { callIndex, returnIndex } = operation;
    const { times } = this;
    const end = operation.outcome === 'info' ? NEVER : returnIndex;
    if (callIndex === undefined || returnIndex === undefined || end === undefined) {
      this.isUsable = false;
    } else if (callIndex >= times.length || (end !== NEVER && end >= times.length)) {
      this.isUsable = false;
    } else {
      this.call[i] = callIndex;
      this.ret[i] = end;
      times[callIndex] = operation.call;
      if (end !== NEVER) times[end] = operation.return;
    }
  }

  /** Undefined when they are missing, or contradict the times. */
  ranks(): Ranks | undefined {
    if (!this.isUsable) return undefined;
    const { times } = this;
    let latest = -Infinity;
    for (let at = 0; at < times.length; at++) {
      const time = times[at]!;
      if (time < latest) return undefined;
      if (time > latest) latest = time;
    }
    return { call: this.call, ret: this.ret };
  }
}

/** All different, in the order in which the events happened. */
function ranksByTime(operations: readonly Operation[]): Ranks {
  const count = operations.length;
  const call = new Float64Array(count);
  const ret = new Float64Array(count).fill(NEVER);
  const positioned = operations.every(
    ({ callIndex, returnIndex }) => callIndex !== undefined && returnIndex !== undefined,
  );
  // Event 2i is the call of operation i, event 2i+1 its return.
  const events: number[] = [];
  for (let i = 0; i < count; i++) {
    events.push(2 * i);
    if (operations[i]!.outcome !== 'info') events.push(2 * i + 1);
  }
  const timeOf = (event: number): number => {
    const operation = operations[event >> 1]!;
    return event % 2 === 0 ? operation.call : operation.return;
  };
  const positionOf = (event: number): number => {
    const operation = operations[event >> 1]!;
    return (event % 2 === 0 ? operation.callIndex : operation.returnIndex)!;
  };
  events.sort(
    (a, b) =>
      timeOf(a) - timeOf(b) ||
      (positioned ? positionOf(a) - positionOf(b) : (a % 2) - (b % 2) || a - b),
  );
  events.forEach((event, rank) => {
    if (event % 2 === 0) call[event >> 1] = rank;
    else ret[event >> 1] = rank;
  });
  return { call, ret };
}

/**
 * Cuts a history into its parts, the ones with the fewest operations first. Refuses operations
 * that the model does not know. Looks at each operation once: of a large history none is in the
 * cache when it is looked at again.
 */
export function partition<State>(
  operations: readonly Operation[],
  model: Model<State>,
): readonly Part[] {
  const positions = new Positions(operations.length);
  const groups = new Map<string | undefined, number[]>();
  const known = model.operations === undefined ? undefined : new Set(model.operations);
  let lastName: string | undefined;
  for (let i = 0; i < operations.length; i++) {
    const operation = operations[i]!;
    if (operation.f !== lastName) {
      if (known !== undefined && !known.has(operation.f)) refuse(operation, model);
      lastName = operation.f;
    }
    positions.note(i, operation);
    if (isIrrelevant(model, operation)) continue;
    const key = model.partition?.(operation);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [i]);
    else group.push(i);
  }
  const ranks = positions.ranks() ?? ranksByTime(operations);
  const parts: Part[] = [];
  for (const [key, members] of groups) parts.push(makePart(key, members, operations, ranks));
  return parts.sort((a, b) => a.operations.length - b.operations.length);
}

function refuse<State>(operation: Operation, model: Model<State>): never {
  const names = model.operations!.join(', ');
  const reason = `the model ${model.name} has no "${operation.f}" (it has ${names})`;
  throw new ModelError(operation, reason);
}

function makePart(
  key: string | undefined,
  members: number[],
  operations: readonly Operation[],
  ranks: Ranks,
): Part {
  const isSorted = members.every(
    (i, at) => at === 0 || ranks.call[members[at - 1]!]! < ranks.call[i]!,
  );
  if (!isSorted) members.sort((a, b) => ranks.call[a]! - ranks.call[b]!);
  const count = members.length;
  const part = {
    key,
    operations: new Array<Operation>(count),
    call: new Float64Array(count),
    ret: new Float64Array(count),
  };
  for (let at = 0; at < count; at++) {
    part.operations[at] = operations[members[at]!]!;
    part.call[at] = ranks.call[members[at]!]!;
    part.ret[at] = ranks.ret[members[at]!]!;
  }
  return part;
}

/**
 * Brings a history into the form the deciders work on: ranked events, independent parts.
 *
 * Ranks replace times: event a happened before event b iff its rank is smaller. Intervals are
 * closed, so of two events with equal time and unknown order the call comes first. Operations
 * that can neither change anything nor tell anything are dropped here, once for all deciders.
 */

import type { Operation } from '../../src/history';
import type { Model } from '../model';
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

interface Ranks {
  readonly call: Float64Array;
  readonly ret: Float64Array;
}

/** Recorded positions are ranks already when they agree with the times. */
function ranksByPosition(operations: readonly Operation[]): Ranks | undefined {
  const count = operations.length;
  const call = new Float64Array(count);
  const ret = new Float64Array(count);
  let last = -1;
  for (let i = 0; i < count; i++) {
    const { callIndex, returnIndex, outcome } = operations[i]!;
    if (callIndex === undefined || returnIndex === undefined) return undefined;
    call[i] = callIndex;
    ret[i] = outcome === 'info' ? NEVER : returnIndex;
    if (callIndex > last) last = callIndex;
    if (outcome !== 'info' && returnIndex > last) last = returnIndex;
  }
  if (last > 4 * count + 1_000_000) return undefined;
  const times = new Float64Array(last + 1).fill(NaN);
  for (let i = 0; i < count; i++) {
    times[call[i]!] = operations[i]!.call;
    if (ret[i] !== NEVER) times[ret[i]!] = operations[i]!.return;
  }
  let latest = -Infinity;
  for (const time of times) {
    if (time < latest) return undefined;
    if (time > latest) latest = time;
  }
  return { call, ret };
}

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

/** The events of operations as ranks: all different, in the order in which they happened. */
export function rankEvents(operations: readonly Operation[]): Ranks {
  return ranksByPosition(operations) ?? ranksByTime(operations);
}

/** Cuts a history into its parts, the ones with the fewest operations first. */
export function partition<State>(
  operations: readonly Operation[],
  model: Model<State>,
): readonly Part[] {
  const ranks = rankEvents(operations);
  const groups = new Map<string | undefined, number[]>();
  for (let i = 0; i < operations.length; i++) {
    const operation = operations[i]!;
    if (isIrrelevant(model, operation)) continue;
    const key = model.partition?.(operation);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [i]);
    else group.push(i);
  }
  const parts: Part[] = [];
  for (const [key, members] of groups) parts.push(makePart(key, members, operations, ranks));
  return parts.sort((a, b) => a.operations.length - b.operations.length);
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

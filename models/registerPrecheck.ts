/**
 * Finds reads that no register could give, in O(n log n), whatever the concurrency.
 *
 * Two necessary conditions. A value that was seen was written by something called before the
 * look returned. And it was not overwritten for certain: there is no change that was called after
 * every writer of the value had returned and that had itself returned before the look was
 * called. Most real violations are of these two kinds, and these name the operations to blame.
 */

import type { Operation } from '../src/history';
import type { Decider, Decision, Part } from './checker/decider';
import { casOf, registerValue } from './registerValue';
import type { RegisterValue } from './registerValue';

const method = 'precheck';

/** The writers of one value by their calls. */
interface Writers {
  readonly indexes: number[];
  /** latest[k]: the writer with the latest return among the first k + 1. */
  readonly latest: number[];
}

export function precheck(
  initial: RegisterValue,
  describe: (operation: Operation) => string,
): Decider {
  return (part) => {
    const writers = collectWriters(part);
    const earliest = earliestChanges(part);
    for (let i = 0; i < part.operations.length; i++) {
      const seen = seenBy(part.operations[i]!);
      if (seen === undefined) continue;
      const latest = latestWriter(part, writers.get(seen), part.ret[i]!);
      if (latest === undefined && seen !== initial) {
        return refuse(part, i, [], describe, neverWritten(seen));
      }
      const written = latest === undefined ? -1 : part.ret[latest]!;
      if (written > part.call[i]!) continue;
      const change = earliestAfter(part, earliest, written);
      if (change === undefined || part.ret[change]! > part.call[i]!) continue;
      const before = latest === undefined ? [] : [latest];
      const why = overwritten(part, describe, seen, latest, change);
      return refuse(part, i, [...before, change], describe, why);
    }
    return undefined;
  };
}

/** The value that an operation certainly found; undefined when it tells none. */
function seenBy(operation: Operation): RegisterValue | undefined {
  if (operation.outcome !== 'ok') return undefined;
  if (operation.f === 'read') return registerValue(operation.output);
  return operation.f === 'cas' ? casOf(operation)[0] : undefined;
}

function collectWriters(part: Part): Map<RegisterValue, Writers> {
  const byValue = new Map<RegisterValue, Writers>();
  part.operations.forEach((operation, i) => {
    if (operation.f === 'read' || operation.outcome === 'fail') return;
    const value = operation.f === 'cas' ? casOf(operation)[1] : registerValue(operation.input);
    let writers = byValue.get(value);
    if (writers === undefined) byValue.set(value, (writers = { indexes: [], latest: [] }));
    const last = writers.latest.at(-1);
    writers.indexes.push(i);
    writers.latest.push(last === undefined || part.ret[i]! > part.ret[last]! ? i : last);
  });
  return byValue;
}

/** Of the writers called before a moment, the one that returned last. */
function latestWriter(
  part: Part,
  writers: Writers | undefined,
  moment: number,
): number | undefined {
  if (writers === undefined) return undefined;
  let low = 0;
  let high = writers.indexes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (part.call[writers.indexes[middle]!]! < moment) low = middle + 1;
    else high = middle;
  }
  return writers.latest[low - 1];
}

/** earliest[i]: of the certain changes from index i on, the one that returned first; else -1. */
function earliestChanges(part: Part): Int32Array {
  const { operations, ret } = part;
  const earliest = new Int32Array(operations.length + 1).fill(-1);
  for (let i = operations.length - 1; i >= 0; i--) {
    const { f, outcome } = operations[i]!;
    const next = earliest[i + 1]!;
    const isChange = outcome === 'ok' && f !== 'read';
    earliest[i] = isChange && (next === -1 || ret[i]! < ret[next]!) ? i : next;
  }
  return earliest;
}

/** Of the certain changes called after a moment, the one that returned first. */
function earliestAfter(part: Part, earliest: Int32Array, moment: number): number | undefined {
  let low = 0;
  let high = part.call.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (part.call[middle]! <= moment) low = middle + 1;
    else high = middle;
  }
  const found = earliest[low]!;
  return found === -1 ? undefined : found;
}

function neverWritten(seen: RegisterValue): string {
  return `nothing that was called before its return writes ${JSON.stringify(seen)}`;
}

function overwritten(
  part: Part,
  describe: (operation: Operation) => string,
  seen: RegisterValue,
  latest: number | undefined,
  change: number,
): string {
  const value = JSON.stringify(seen);
  const { process } = part.operations[change]!;
  const name = `${describe(part.operations[change]!)} by process ${process}`;
  return latest === undefined
    ? `${value} was there at the start only, and ${name} had returned before it was called`
    : `every operation that writes ${value} had returned before ${name} was called, which had ` +
        `itself returned before it was called`;
}

function refuse(
  part: Part,
  culprit: number,
  involved: readonly number[],
  describe: (operation: Operation) => string,
  why: string,
): Decision {
  const operation = part.operations[culprit]!;
  return {
    verdict: 'fail',
    method,
    explanation: {
      message: `${describe(operation)} by process ${operation.process} cannot be placed: ${why}`,
      operation,
      involved: [...involved.map((i) => part.operations[i]!), operation],
      linearized: [],
      state: '',
      rejected: [{ operation, why }],
    },
  };
}

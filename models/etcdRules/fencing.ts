/**
 * Mutual exclusion, and the fencing that makes it safe.
 *
 * `acquire` answers with `{fence}` (in etcd the creation revision of the lock's key), `release`
 * gives it back, `guarded` is a write that shows its fence to the resource that the lock guards.
 *
 * - exclusive: two processes never hold a lock at once. A holder certainly holds it from the
 *   return of its acquire to the call of its release, and with a lease no longer than the TTL
 *   after the call of the acquire: later it may have lost it without knowing;
 * - fences rise: who acquires later has the greater fence;
 * - fenced: after a guarded write with a fence was accepted, none with a smaller one is.
 *
 * A lock that expires cannot promise the third by itself, so a store can hold the first two and a
 * client that ignores fences still breaks the third: that is why they are rules of their own.
 */

import type { Operation } from '../../src/history';
import { nameOf, precedes, ruleResult } from './rule';
import type { RuleResult, Violation } from './rule';

export interface FencingOptions {
  /**
   * TTL of the lease behind each lock, where the answer to its acquire has no `ttlSeconds`; without
   * either a lock never expires.
   */
  readonly ttlMs?: number;
}

/** By how much the clock of the store may run faster than the clients'. */
const driftShare = 0.01;

const exclusive = {
  rule: 'lock-exclusive',
  promise: 'Two clients never hold a lock at once',
};
const rising = {
  rule: 'lock-fence-rises',
  promise: 'Who acquires a lock later has the greater fence',
};
const fenced = {
  rule: 'lock-fenced',
  promise: 'No write with an older fence is accepted after one with a newer fence',
};

interface Hold {
  readonly acquire: Operation;
  /** Nanoseconds between which the lock was certainly held. */
  readonly from: number;
  readonly to: number;
}

export function checkFencing(
  operations: readonly Operation[],
  options: FencingOptions = {},
): readonly RuleResult[] {
  const locks = byKey(operations.filter(({ f }) => f === 'acquire' || f === 'release'));
  const guarded = byKey(operations.filter(({ f, outcome }) => f === 'guarded' && outcome === 'ok'));
  const acquired = [...locks.values()].map((list) => list.filter(isAcquired));
  const count = acquired.reduce((sum, list) => sum + list.length, 0);
  const writes = [...guarded.values()].reduce((sum, list) => sum + list.length, 0);
  const overlap = firstIn([...locks.values()], (list) => findOverlap(list, options));
  return [
    ruleResult(exclusive, count, overlap, 'no lock was acquired'),
    ruleResult(rising, count, firstIn(acquired, findFall('acquired')), 'no lock was acquired'),
    ruleResult(
      fenced,
      writes,
      firstIn([...guarded.values()], findFall('wrote')),
      'no guarded write was accepted',
    ),
  ];
}

function isAcquired({ f, outcome }: Operation): boolean {
  return f === 'acquire' && outcome === 'ok';
}

function byKey(operations: readonly Operation[]): ReadonlyMap<string, readonly Operation[]> {
  const groups = new Map<string, Operation[]>();
  for (const operation of operations) {
    const key = operation.key ?? '';
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [operation]);
    else group.push(operation);
  }
  return groups;
}

function firstIn(
  groups: readonly (readonly Operation[])[],
  find: (group: readonly Operation[]) => Violation | undefined,
): Violation | undefined {
  for (const group of groups) {
    const violation = find(group);
    if (violation !== undefined) return violation;
  }
  return undefined;
}

/** When each acquired lock was certainly held. */
function holdsOf(operations: readonly Operation[], { ttlMs }: FencingOptions): readonly Hold[] {
  return operations.filter(isAcquired).map((acquire) => {
    const releases = operations.filter(
      ({ f, process, call }) =>
        f === 'release' && process === acquire.process && call >= acquire.return,
    );
    const released = Math.min(Infinity, ...releases.map(({ call }) => call));
    const { ttlSeconds } = (acquire.output ?? {}) as { readonly ttlSeconds?: number };
    const grantedMs = ttlSeconds === undefined ? ttlMs : ttlSeconds * 1_000 * (1 - driftShare);
    const expired = grantedMs === undefined ? Infinity : acquire.call + grantedMs * 1e6;
    return { acquire, from: acquire.return, to: Math.min(released, expired) };
  });
}

function findOverlap(
  operations: readonly Operation[],
  options: FencingOptions,
): Violation | undefined {
  const holds = [...holdsOf(operations, options)].sort((a, b) => a.from - b.from);
  let longest: Hold | undefined;
  for (const hold of holds) {
    if (hold.to <= hold.from) continue;
    if (longest !== undefined && hold.from < longest.to) {
      const [a, b] = [longest.acquire, hold.acquire];
      const message =
        `${nameOf(b)} succeeded while process ${a.process} held the lock ` +
        `(since ${seconds(longest.from)}, until at least ${seconds(longest.to)})`;
      return { message, operations: [a, b] };
    }
    if (longest === undefined || hold.to > longest.to) longest = hold;
  }
  return undefined;
}

function seconds(nanoseconds: number): string {
  return nanoseconds === Infinity ? 'the end' : `${(nanoseconds / 1e9).toFixed(6)} s`;
}

/** The fence an operation was given or showed. */
function fenceOf({ f, input, output }: Operation): number | undefined {
  const holder = f === 'acquire' ? output : input;
  return (holder as { readonly fence?: number } | null | undefined)?.fence;
}

/** The first operation with a smaller fence than one that had ended before it began. */
function findFall(did: string): (operations: readonly Operation[]) => Violation | undefined {
  const done = did === 'wrote' ? 'written' : did;
  return (operations) => {
    const list = operations.filter((operation) => fenceOf(operation) !== undefined);
    const byReturn = [...list].sort((a, b) => a.return - b.return);
    const byCall = [...list].sort((a, b) => a.call - b.call);
    let next = 0;
    let highest: Operation | undefined;
    for (const later of byCall) {
      while (next < byReturn.length && precedes(byReturn[next]!, later)) {
        const ended = byReturn[next++]!;
        if (highest === undefined || fenceOf(ended)! > fenceOf(highest)!) highest = ended;
      }
      const isAcquire = later.f === 'acquire';
      if (highest === undefined) continue;
      const falls = isAcquire
        ? fenceOf(later)! <= fenceOf(highest)!
        : fenceOf(later)! < fenceOf(highest)!;
      if (!falls) continue;
      const message =
        `process ${later.process} ${did} ${later.key ?? 'the lock'} with fence ` +
        `${fenceOf(later)} after process ${highest.process} had ${done} ` +
        `with fence ${fenceOf(highest)}`;
      return { message, operations: [highest, later] };
    }
    return undefined;
  };
}

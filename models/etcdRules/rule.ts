/**
 * What every rule about an etcd store says: how much it looked at, and the first thing wrong.
 *
 * A rule that found nothing to look at is `unknown`, never `ok`: silence is no evidence.
 */

import type { Operation } from '../../src/history';

export interface Violation {
  /** One sentence with the values that contradict each other. */
  readonly message: string;
  /** The operations that show it, by time; empty when no operation does. */
  readonly operations: readonly Operation[];
  /** What else shows it, line by line: of a watch its request and its last responses. */
  readonly lines?: readonly string[];
}

export interface RuleResult {
  /** `watch-ordered`, `lease-alive`, ... */
  readonly rule: string;
  /** What the rule promises, for a report. */
  readonly promise: string;
  readonly verdict: 'ok' | 'fail' | 'unknown';
  /** How many answers, events or changes were looked at. */
  readonly looked: number;
  /** Of a `fail`: the first violation. */
  readonly violation?: Violation;
  /** Of an `unknown`. */
  readonly reason?: string;
}

export interface Rule {
  readonly rule: string;
  readonly promise: string;
}

/** The result of a rule that looked at so much and found this, if anything. */
export function ruleResult(
  { rule, promise }: Rule,
  looked: number,
  violation: Violation | undefined,
  nothing: string,
): RuleResult {
  const base = { rule, promise, looked };
  if (violation !== undefined) return { ...base, verdict: 'fail', violation };
  return looked === 0
    ? { ...base, verdict: 'unknown', reason: nothing }
    : { ...base, verdict: 'ok' };
}

/** Whether one operation had certainly ended before the other one began. */
export function precedes(a: Operation, b: Operation): boolean {
  if (a.outcome === 'info') return false;
  if (a.return !== b.call) return a.return < b.call;
  // Of equal times positions decide; without them the two count as overlapping.
  return (a.returnIndex ?? Infinity) < (b.callIndex ?? -Infinity);
}

/** How an operation is named in a sentence. */
export function nameOf({ f, key, process, member }: Operation): string {
  const target = key === undefined ? '' : ` of ${key}`;
  return `the ${f}${target} by process ${process}${member === undefined ? '' : ` at ${member}`}`;
}

/**
 * Did the run try what it was meant to try? A kind of operation that never succeeded, or faults
 * that no operation raced with, leave the other verdicts without meaning. That is `unknown`, not
 * `fail`: the store did nothing wrong.
 */
import type { Operation } from '../../src/history';
import type { PropertyResult } from '../../reports';

export interface ExercisedInput {
  readonly operations: readonly Operation[];
  readonly faults: number;
  /** Whether faults were asked for that the target is capable of. Default false. */
  readonly faultsPossible?: boolean;
  /** Operations that overlapped a fault. */
  readonly racing: number;
}

export function checkExercised(input: ExercisedInput): PropertyResult {
  const { operations, faults, racing, faultsPossible = false } = input;
  const succeeded = new Map<string, number>();
  for (const { f, outcome } of operations) {
    succeeded.set(f, (succeeded.get(f) ?? 0) + (outcome === 'ok' ? 1 : 0));
  }
  const kinds = [...succeeded].sort(([a], [b]) => (a < b ? -1 : 1));
  const base = {
    id: 'exercised',
    title: faultsPossible
      ? 'Every kind of operation succeeded, and some raced with faults'
      : 'Every kind of operation succeeded',
    evidence: { operations: operations.length, faults, counts: { 'raced with a fault': racing } },
  };
  const reasons = kinds.filter(([, count]) => count === 0).map(([f]) => `no ${f} succeeded`);
  if (operations.length === 0) reasons.push('no operation was performed');
  if (faultsPossible && faults === 0) reasons.push('no fault was injected');
  if (faults > 0 && racing === 0) reasons.push('no operation raced with a fault');
  if (reasons.length === 0) return { ...base, verdict: 'ok' };
  return { ...base, verdict: 'unknown', reason: reasons.join('; ') };
}

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
  const never = kinds.filter(([, count]) => count === 0).map(([f]) => f);
  const missing = new Map(never.map((f) => [f, whyMissing(operations, f)]));
  const reasons = never.filter((f) => !missing.get(f)).map((f) => `no ${f} succeeded`);
  if (operations.length === 0) reasons.push('no operation was performed');
  if (faultsPossible && faults === 0) reasons.push('no fault was injected');
  if (faults > 0 && racing === 0) reasons.push('no operation raced with a fault');
  const absent = [...missing].filter(([, why]) => why !== undefined);
  if (reasons.length === 0 && absent.length > 0) {
    const list = absent.map(([f, why]) => `${f} (${why})`).join(', ');
    return { ...base, verdict: 'skipped', reason: `skipped, because the store has no ${list}` };
  }
  if (reasons.length === 0) return { ...base, verdict: 'ok' };
  return { ...base, verdict: 'unknown', reason: reasons.join('; ') };
}

/** The answer that says there is no such call, when nothing else was ever answered to a kind. */
export function whyMissing(operations: readonly Operation[], f: string): string | undefined {
  const answers = operations.filter((one) => one.f === f);
  const refused = answers.every(({ outcome, error = '' }) => {
    return outcome === 'fail' && error.startsWith('unimplemented');
  });
  return refused ? answers[0]?.error : undefined;
}

/**
 * Holds the checker against the definition of linearizability, on one history or on many.
 */

import fc from 'fast-check';
import { checkLinearizable } from '../../models';
import type { CheckOptions, Model, Verdict } from '../../models';
import { faultOf } from '../../models/checker/linearization';
import { partition } from '../../models/checker/parts';
import { plainSearch } from '../../models/checker/plainSearch';
import type { Operation } from '../../src/history';

/**
 * Expects the checker's verdict to be that of the plain search, and every linearization that
 * either claims to be one. Gives the verdict.
 */
export function expectAgreement<State>(
  operations: readonly Operation[],
  model: Model<State>,
  options: CheckOptions = {},
): Verdict {
  const verdict = checkLinearizable(operations, model, options);
  const parts = partition(operations, model);
  const isValid = parts.every((part) => {
    const order = plainSearch(part, model);
    return order !== undefined && faultOf(part, model, order) === undefined;
  });
  for (const part of parts) {
    const { order, verdict: of } = verdict.partitions.find(({ key }) => key === part.key)!;
    if (of === 'ok' && order !== undefined) expect(faultOf(part, model, order)).toBeUndefined();
  }
  expect(verdict.verdict).toBe(isValid ? 'ok' : 'fail');
  return verdict;
}

/**
 * Expects agreement on many histories, and that both verdicts were among them often enough for
 * the comparison to mean something.
 */
export function expectAgreementOn<State>(
  histories: fc.Arbitrary<readonly Operation[]>,
  model: Model<State>,
  numRuns: number,
  options: CheckOptions = {},
): void {
  const counts = { ok: 0, fail: 0, unknown: 0 };
  fc.assert(
    fc.property(histories, (operations) => {
      counts[expectAgreement(operations, model, options).verdict]++;
    }),
    { numRuns },
  );
  expect(counts.ok).toBeGreaterThan(numRuns / 20);
  expect(counts.fail).toBeGreaterThan(numRuns / 20);
}

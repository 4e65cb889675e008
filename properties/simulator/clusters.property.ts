/**
 * The law of the whole: no cluster, no fault schedule and no list of operations breaks an
 * invariant, keeps a healed cluster from converging, or gives a history that is not linearizable.
 * fast-check shrinks the plan itself; a failing one is written down for `crucible replay`.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describeFailure, saveFailure } from '../../src/cli/simulation/failure';
import { judgeHistory } from '../../src/cli/simulation/judge';
import { simulate } from '../../src/simulator';
import type { Plan } from '../../src/simulator';
import { plan } from '../arbitraries';

/** Throws with all that a reader needs when the plan breaks something. */
function holds(candidate: Plan): void {
  const { violation, hash, events, verdict, reason } = simulate(candidate, {
    judge: judgeHistory,
  });
  if (verdict === 'undecided') throw new Error(`undecided: ${reason}`);
  if (violation === undefined) return;
  const failure = {
    format: 'crucible-failure',
    version: 1,
    plan: candidate,
    violation,
    hash,
    events,
    original: { faults: candidate.faults.length, operations: candidate.operations.length },
    shrinkRuns: 0,
    shrinkMs: 0,
  } as const;
  throw new PlanFails(candidate, describeFailure(failure), () =>
    saveFailure(failure, mkdtempSync(join(tmpdir(), 'crucible-'))),
  );
}

class PlanFails extends Error {
  constructor(
    readonly plan: Plan,
    message: string,
    readonly save: () => string,
  ) {
    super(message);
  }
}

/** Runs the property and, on failure, writes the shrunk plan down and says how to replay it. */
function check(property: fc.IProperty<[Plan]>, parameters: fc.Parameters<[Plan]>): void {
  const details = fc.check(property, parameters);
  if (!details.failed) return;
  const error = details.errorInstance;
  const replay =
    error instanceof PlanFails ? `\nreplay: crucible replay ${error.save()} --log` : '';
  throw new Error(`${fc.defaultReportMessage(details) ?? 'the property failed'}${replay}`, {
    cause: error,
  });
}

describe('a simulated cluster', () => {
  it('keeps every promise under any faults, and converges once they are over', () => {
    check(
      fc.property(plan({ safetyMs: 3_000 }), (candidate) => holds(candidate)),
      { numRuns: 60, endOnFailure: false },
    );
  });

  it('gives the same run for the same plan', () => {
    fc.assert(
      fc.property(plan({ safetyMs: 1_500, operationsMax: 40 }), (candidate) => {
        const first = simulate(candidate);
        const second = simulate(candidate);
        expect(second.hash).toBe(first.hash);
        expect(second.marks).toEqual(first.marks);
      }),
      { numRuns: 15 },
    );
  });
});

/**
 * One seed of a sweep: simulated, judged and, if asked for or if it failed, run a second time,
 * because a run that does not repeat proves nothing.
 */
import { simulate, swarmPlan } from '../../simulator';
import type { MarkCounts, Outcome, SwarmOptions, Violation } from '../../simulator';
import { divergenceOf } from './divergence';
import { judgeHistory } from './judge';

export interface SeedRecord {
  readonly seed: string;
  readonly verdict: Outcome['verdict'];
  /** Identity of the run. */
  readonly hash: string;
  readonly members: number;
  readonly faults: number;
  readonly operations: number;
  readonly events: number;
  readonly simulatedMs: number;
  /** Wall clock time, the judge's included. */
  readonly ms: number;
  /** It was run twice, with the same hash. */
  readonly repeated: boolean;
  readonly violation?: Violation;
  /** Of an undecided one. */
  readonly reason?: string;
}

export interface SeedResult {
  readonly record: SeedRecord;
  readonly marks: MarkCounts;
}

export interface SeedOrder {
  readonly seed: string;
  readonly swarm: SwarmOptions | undefined;
  readonly repeat: boolean;
}

const NONDETERMINISM = {
  invariant: 'determinism',
  sentence: 'The same plan gives the same run, event by event.',
};

export function runSeed({ seed, swarm, repeat }: SeedOrder): SeedResult {
  const plan = swarmPlan(seed, swarm);
  const startMs = performance.now();
  const outcome = simulate(plan, { judge: judgeHistory });
  const ms = performance.now() - startMs;
  const repeated = repeat || outcome.verdict === 'violation';
  let { verdict, violation } = outcome;
  if (repeated && simulate(plan).hash !== outcome.hash) {
    verdict = 'violation';
    const timeMs = outcome.simulatedMs;
    violation = { ...NONDETERMINISM, details: divergenceOf(plan), timeMs, event: outcome.events };
  }
  const record: SeedRecord = {
    seed,
    verdict,
    hash: outcome.hash,
    members: plan.members,
    faults: plan.faults.length,
    operations: outcome.history.operations.length,
    events: outcome.events,
    simulatedMs: outcome.simulatedMs,
    ms,
    repeated,
    ...(violation !== undefined && { violation }),
    ...(outcome.reason !== undefined && { reason: outcome.reason }),
  };
  return { record, marks: outcome.marks };
}

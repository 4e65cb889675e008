/**
 * A sweep: simulates one seed after the other, judges every history, and runs each failure and
 * every twentieth success a second time, because a run that does not repeat proves nothing.
 *
 * Between seeds the event loop gets its turn, so a sweep can be interrupted and still says what
 * it has found.
 */
import { addMarks, missedMarks, noMarks, simulate, swarmPlan } from '../../simulator';
import type { Mark, MarkCounts, Outcome, Plan, SwarmOptions, Violation } from '../../simulator';
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
  readonly violation?: Violation;
  /** Of an undecided one. */
  readonly reason?: string;
}

export interface SweepSummary {
  readonly seeds: number;
  readonly failed: readonly SeedRecord[];
  readonly undecided: readonly SeedRecord[];
  readonly events: number;
  readonly operations: number;
  readonly simulatedMs: number;
  /** Wall clock time of the whole sweep. */
  readonly ms: number;
  /** Runs that were repeated and compared. */
  readonly repeated: number;
  readonly marks: MarkCounts;
  /** States that no seed reached. */
  readonly missed: readonly Mark[];
  readonly interrupted: boolean;
}

export interface RunSeedsOptions {
  /** How many seeds; default: until `budgetMs` is over. */
  readonly seeds?: number;
  /** Ends the sweep after this time, with the seed that is running. Default: no limit. */
  readonly budgetMs?: number;
  /** Number of the first seed. Default 1. */
  readonly from?: number;
  /** Exactly these seeds, whatever `seeds` and `from` say. */
  readonly names?: readonly string[];
  readonly swarm?: SwarmOptions;
  readonly onSeed?: (record: SeedRecord, plan: Plan) => void;
  readonly signal?: AbortSignal;
}

const NONDETERMINISM = {
  invariant: 'determinism',
  sentence: 'The same plan gives the same run, event by event.',
};

/** One of so many successes is run again; failures always are. */
const REPEAT_EVERY = 20;

export async function runSeeds(options: RunSeedsOptions): Promise<SweepSummary> {
  const startMs = performance.now();
  const failed: SeedRecord[] = [];
  const undecided: SeedRecord[] = [];
  const sums = { seeds: 0, events: 0, operations: 0, simulatedMs: 0, repeated: 0 };
  let marks = noMarks();
  for (const seed of seedNames(options)) {
    const outOfTime = performance.now() - startMs >= (options.budgetMs ?? Infinity);
    if (options.signal?.aborted === true || outOfTime) break;
    const plan = swarmPlan(seed, options.swarm);
    const { outcome, record, repeated } = runSeed(plan, sums.seeds % REPEAT_EVERY === 0);
    sums.seeds++;
    sums.events += outcome.events;
    sums.operations += record.operations;
    sums.simulatedMs += outcome.simulatedMs;
    if (repeated) sums.repeated++;
    marks = addMarks(marks, outcome.marks);
    if (record.verdict === 'violation') failed.push(record);
    if (record.verdict === 'undecided') undecided.push(record);
    options.onSeed?.(record, plan);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return {
    ...sums,
    failed,
    undecided,
    ms: performance.now() - startMs,
    marks,
    missed: missedMarks(marks),
    interrupted: options.signal?.aborted ?? false,
  };
}

function* seedNames(options: RunSeedsOptions): Generator<string> {
  if (options.names !== undefined) {
    yield* options.names;
    return;
  }
  const from = options.from ?? 1;
  for (let i = 0; i < (options.seeds ?? Infinity); i++) yield String(from + i);
}

function runSeed(plan: Plan, repeatAnyway: boolean) {
  const startMs = performance.now();
  const outcome = simulate(plan, { judge: judgeHistory });
  const ms = performance.now() - startMs;
  const repeated = repeatAnyway || outcome.verdict === 'violation';
  let { verdict, violation } = outcome;
  if (repeated) {
    const again = simulate(plan);
    if (again.hash !== outcome.hash) {
      verdict = 'violation';
      const details = `seed ${plan.seed} gives ${outcome.hash} and then ${again.hash}`;
      violation = {
        ...NONDETERMINISM,
        details,
        timeMs: outcome.simulatedMs,
        event: outcome.events,
      };
    }
  }
  const record: SeedRecord = {
    seed: plan.seed,
    verdict,
    hash: outcome.hash,
    members: plan.members,
    faults: plan.faults.length,
    operations: outcome.history.operations.length,
    events: outcome.events,
    simulatedMs: outcome.simulatedMs,
    ms,
    ...(violation !== undefined && { violation }),
    ...(outcome.reason !== undefined && { reason: outcome.reason }),
  };
  return { outcome, record, repeated };
}

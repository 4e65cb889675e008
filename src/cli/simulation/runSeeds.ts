/**
 * A sweep: simulates many seeds, judges every history, and runs each failure and every twentieth
 * success a second time. Only sums, marks and what failed are kept, so memory stays flat.
 *
 * Between seeds the event loop gets its turn, so a sweep can be interrupted and still says what
 * it has found.
 */
import { addMarks, missedMarks, noMarks, swarmPlan } from '../../simulator';
import type { Mark, MarkCounts, Plan, SwarmOptions } from '../../simulator';
import { runSeed } from './runSeed';
import type { SeedOrder, SeedRecord, SeedResult } from './runSeed';
import { runOnThreads } from './seedThreads';

export type { SeedRecord };

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
  /** Every so many seeds only: those of one machine among several. */
  readonly shard?: { readonly index: number; readonly of: number };
  /** Threads that run seeds side by side. Default 1: in this one. */
  readonly threads?: number;
  /** Told of each seed as it ends, with the marks that all of them have reached so far. */
  readonly onSeed?: (record: SeedRecord, plan: () => Plan, marks: MarkCounts) => void;
  readonly signal?: AbortSignal;
}

/** One of so many successes is run again; failures always are. */
const REPEAT_EVERY = 20;

export async function runSeeds(options: RunSeedsOptions): Promise<SweepSummary> {
  const startMs = performance.now();
  const failed: SeedRecord[] = [];
  const undecided: SeedRecord[] = [];
  const sums = { seeds: 0, events: 0, operations: 0, simulatedMs: 0, repeated: 0 };
  let marks = noMarks();
  const take = ({ record, marks: reached }: SeedResult): void => {
    sums.seeds++;
    sums.events += record.events;
    sums.operations += record.operations;
    sums.simulatedMs += record.simulatedMs;
    if (record.repeated) sums.repeated++;
    marks = addMarks(marks, reached);
    if (record.verdict === 'violation') failed.push(record);
    if (record.verdict === 'undecided') undecided.push(record);
    options.onSeed?.(record, () => swarmPlan(record.seed, options.swarm), marks);
  };
  const orders = ordersOf(options, startMs);
  const threads = options.threads ?? 1;
  if (threads > 1) await runOnThreads(orders, threads, take);
  else await runHere(orders, take);
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

async function runHere(
  orders: Iterable<SeedOrder>,
  take: (result: SeedResult) => void,
): Promise<void> {
  for (const order of orders) {
    take(runSeed(order));
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** Ends when all seeds are given out, the time is over, or somebody interrupts. */
function* ordersOf(options: RunSeedsOptions, startMs: number): Generator<SeedOrder> {
  let given = 0;
  for (const seed of seedNames(options)) {
    const outOfTime = performance.now() - startMs >= (options.budgetMs ?? Infinity);
    if (options.signal?.aborted === true || outOfTime) return;
    yield { seed, swarm: options.swarm, repeat: given++ % REPEAT_EVERY === 0 };
  }
}

function* seedNames(options: RunSeedsOptions): Generator<string> {
  if (options.names !== undefined) {
    yield* options.names;
    return;
  }
  const from = options.from ?? 1;
  const { index, of } = options.shard ?? { index: 1, of: 1 };
  for (let i = index - 1; i < (options.seeds ?? Infinity); i += of) yield String(from + i);
}

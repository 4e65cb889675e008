/**
 * `crucible simulate`: sweeps seeds of the reference through the deterministic simulator.
 *
 * Every seed is a cluster with faults, invariants after each event, a liveness phase and a judged
 * history. The first failures are shrunk and written down for `crucible replay`. With --json one
 * record a seed on standard output, the last line is the summary; progress goes to stderr.
 */
import { join } from 'node:path';
import { Command } from 'commander';
import { MARKS, missedMarks } from '../../simulator';
import type { Plan, SwarmOptions } from '../../simulator';
import { searchScope } from '../../../properties/raft/smallScope';
import { EXIT } from '../exitCodes';
import { onInterrupt } from '../interrupt';
import { Progress } from '../progress';
import { describeFailure, minimize, saveFailure } from '../simulation/failure';
import { runSeeds } from '../simulation/runSeeds';
import type { RunSeedsOptions, SeedRecord, SweepSummary } from '../simulation/runSeeds';
import { UsageError } from '../usageError';

interface SimulateFlags {
  readonly seeds?: number;
  readonly seed?: string;
  readonly from: number;
  readonly minutes?: number;
  readonly members?: number;
  readonly rate?: number;
  readonly shrinkSeconds: number;
  readonly out: string;
  readonly json?: boolean;
  readonly shard?: { readonly index: number; readonly of: number };
  readonly workers: number;
  readonly requireMarks?: boolean;
  readonly exhaustive?: number;
}

/** A sweep of fewer seeds is not expected to reach every rare state. */
const SEEDS_FOR_ALL_MARKS = 200;
/** Failures beyond these are counted, not shrunk: they are mostly the same. */
const SHRUNK_MAX = 3;
const SEEDS_DEFAULT = 100;
/** More than anybody runs; the simulator's cost grows with the square. */
const MEMBERS_MAX = 31;

export function simulateCommand(): Command {
  return new Command('simulate')
    .description('property sweep of the reference in the deterministic simulator')
    .option('--seeds <n>', `number of seeds (default ${SEEDS_DEFAULT})`, wholePositive)
    .option('--seed <seed>', 'run exactly this seed')
    .option('--from <n>', 'number of the first seed', wholePositive, 1)
    .option('--minutes <n>', 'sweep for this long in place of a number of seeds', positive)
    .option(
      '--members <n>',
      'members of every cluster (default: drawn from the seed)',
      membersNumber,
    )
    .option('--rate <n>', 'operations a second (default: drawn from the seed)', positive)
    .option('--shrink-seconds <n>', 'time for making a failure small', positive, 60)
    .option('--out <directory>', 'where failures are written', join('reports', 'runs'))
    .option('--shard <i/n>', 'every n-th seed only, beginning with the i-th', shardOf)
    .option('--workers <n>', 'threads that run seeds', wholePositive, 1)
    .option('--require-marks', 'fail unless every registered state was reached')
    .option(
      '--exhaustive <worlds>',
      'in place of seeds: every order and loss of a small scope, so many worlds at most',
      wholePositive,
    )
    .option('--json', 'one JSON record a seed on standard output')
    .action(async (flags: SimulateFlags) => {
      const { exhaustive: worldsMax } = flags;
      process.exitCode = worldsMax === undefined ? await sweep(flags) : search(worldsMax, flags);
    });
}

/** Three cores, two elections, two writes, a loss and a crash, unless --members says otherwise. */
const SMALL_BUDGET = { campaigns: 2, proposals: 2, losses: 1, doublings: 0, crashes: 1 };

function search(worldsMax: number, { members = 3, json }: SimulateFlags): number {
  const startMs = performance.now();
  const found = searchScope({ members, budget: SMALL_BUDGET, worldsMax });
  const ms = Math.round(performance.now() - startMs);
  const { worlds, known, depth, complete, failure } = found;
  if (json === true) print({ summary: true, members, budget: SMALL_BUDGET, ...found, ms });
  else {
    const budget = Object.entries(SMALL_BUDGET).map(([name, count]) => `${count} ${name}`);
    process.stdout.write(
      `${members} members, ${budget.join(', ')}: ${worlds} worlds within ${depth} moves, ` +
        `${known} more ways to them, ${(ms / 1000).toFixed(1)} s\n` +
        (failure === undefined
          ? `nothing is false${complete ? ', and there is no more' : ' as far as it went'}\n`
          : `FALSE: ${failure.what}\n${failure.moves.map((move) => `  ${move}\n`).join('')}`),
    );
  }
  if (failure !== undefined) return EXIT.violated;
  return complete ? EXIT.ok : EXIT.undecided;
}

async function sweep(flags: SimulateFlags): Promise<number> {
  const progress = new Progress(process.stderr);
  using interrupt = onInterrupt((text) => progress.line(text));
  const failures: { readonly record: SeedRecord; readonly plan: Plan }[] = [];
  const goal = goalOf(flags);
  const startMs = performance.now();
  let done = 0;
  let events = 0;
  let failed = 0;
  const summary = await runSeeds({
    ...goal,
    ...(flags.shard !== undefined && { shard: flags.shard }),
    threads: flags.workers,
    swarm: swarmOf(flags),
    signal: interrupt.signal,
    onSeed: (record, plan, marks) => {
      done++;
      events += record.events;
      if (flags.json === true) print(record);
      if (record.verdict === 'violation' && failed++ < SHRUNK_MAX) {
        failures.push({ record, plan: plan() });
      }
      const seconds = (performance.now() - startMs) / 1000;
      const reached = MARKS.length - missedMarks(marks).length;
      progress.update(
        `${done} seeds (${Math.round((done / seconds) * 60)} a minute), ` +
          `${Math.round(events / seconds).toLocaleString('en')} events/s, ` +
          `${reached} of ${MARKS.length} marks, ${failed} failed`,
      );
    },
  });
  progress.clear();
  const replays = failures.map(({ record, plan }) =>
    explain(record, plan, flags, progress, interrupt.signal),
  );
  report(summary, replays, flags);
  return exitCodeOf(summary, flags);
}

/** Shrinks one failure, writes it down and says what a user needs; answers where it is. */
function explain(
  record: SeedRecord,
  plan: Plan,
  flags: SimulateFlags,
  progress: Progress,
  signal: AbortSignal,
): string {
  progress.update(`shrinking seed ${record.seed} (at most ${flags.shrinkSeconds} s) ...`);
  const failure = minimize(plan, record.violation!, {
    budgetMs: flags.shrinkSeconds * 1000,
    signal,
  });
  progress.clear();
  const path = saveFailure(failure, join(flags.out, `simulate-${record.seed}`));
  if (flags.json !== true) {
    process.stdout.write(`${describeFailure(failure)}\n`);
    process.stdout.write(`replay: crucible replay ${path} --log\n\n`);
  }
  return path;
}

function report(summary: SweepSummary, replays: readonly string[], flags: SimulateFlags): void {
  if (flags.json === true) {
    const { failed, undecided, ...rest } = summary;
    const ids = (records: readonly SeedRecord[]) => records.map(({ seed }) => seed);
    print({
      summary: true,
      ...rest,
      ...ratesOf(summary),
      failed: ids(failed),
      undecided: ids(undecided),
      replays,
    });
    return;
  }
  const seconds = summary.ms / 1000;
  const simulated = summary.simulatedMs / 1000;
  const lines = [
    `${summary.seeds} seeds${summary.interrupted ? ' (interrupted)' : ''}: ` +
      `${summary.failed.length} failed, ${summary.undecided.length} undecided`,
    `${summary.events.toLocaleString('en')} events in ${seconds.toFixed(1)} s ` +
      `(${Math.round(summary.events / seconds).toLocaleString('en')} a second), ` +
      `${Math.round(simulated).toLocaleString('en')} simulated seconds ` +
      `(${Math.round(simulated / seconds)}x, ` +
      `${(summary.operations / simulated).toFixed(0)} operations a simulated second, ` +
      `invariants and judge on)`,
    `${summary.repeated} runs repeated, event by event the same`,
  ];
  for (const { seed, reason } of summary.undecided)
    lines.push(`undecided: seed ${seed}: ${reason}`);
  if (summary.failed.length > SHRUNK_MAX) {
    const seeds = summary.failed.slice(SHRUNK_MAX).map(({ seed }) => seed);
    lines.push(`failed as well: seeds ${seeds.join(', ')}`);
  }
  if (summary.missed.length > 0) lines.push(`never reached: ${summary.missed.join(', ')}`);
  process.stdout.write(`${lines.join('\n')}\n`);
}

function ratesOf({ seeds, events, simulatedMs, ms }: SweepSummary) {
  return {
    eventsPerSecond: Math.round((events / ms) * 1000),
    simSecondsPerSecond: Math.round(simulatedMs / ms),
    seedsPerMinute: Math.round((seeds / ms) * 60_000),
  };
}

function exitCodeOf(summary: SweepSummary, flags: SimulateFlags): number {
  if (summary.failed.length > 0) return EXIT.violated;
  if (summary.interrupted) return EXIT.interrupted;
  if (flags.requireMarks === true && summary.missed.length > 0) return EXIT.violated;
  if (summary.undecided.length > 0 || summary.seeds === 0) return EXIT.undecided;
  // A green sweep that never got where bugs live has not decided anything.
  const isFull = flags.members === undefined && flags.rate === undefined;
  const mustReachAll = isFull && summary.seeds >= SEEDS_FOR_ALL_MARKS;
  return mustReachAll && missedMarks(summary.marks).length > 0 ? EXIT.undecided : EXIT.ok;
}

function goalOf(flags: SimulateFlags): RunSeedsOptions {
  if (flags.seed !== undefined) return { names: [flags.seed] };
  const { from } = flags;
  if (flags.minutes === undefined) return { from, seeds: flags.seeds ?? SEEDS_DEFAULT };
  const budgetMs = flags.minutes * 60_000;
  return flags.seeds === undefined ? { from, budgetMs } : { from, budgetMs, seeds: flags.seeds };
}

function swarmOf({ members, rate }: SimulateFlags): SwarmOptions {
  return {
    ...(members !== undefined && { members }),
    ...(rate !== undefined && { operationsPerSecond: rate }),
  };
}

function shardOf(text: string) {
  const [index = NaN, of = NaN] = text.split('/').map(Number);
  if (!Number.isSafeInteger(of) || !Number.isSafeInteger(index) || index < 1 || index > of) {
    throw new UsageError(`'${text}' is no shard: write i/n with 1 <= i <= n`);
  }
  return { index, of };
}

function wholePositive(text: string): number {
  const value = positive(text);
  if (!Number.isSafeInteger(value)) throw new UsageError(`'${text}' is not a whole number`);
  return value;
}

function membersNumber(text: string): number {
  const value = wholePositive(text);
  if (value > MEMBERS_MAX) throw new UsageError(`${value} members are more than ${MEMBERS_MAX}`);
  return value;
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) {
    throw new UsageError(`'${text}' is not a positive number`);
  }
  return value;
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

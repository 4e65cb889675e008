/**
 * How fast the simulator is: `npm run bench:simulator [-- --seconds N]`.
 *
 * JSON lines, one a load, with the load beside each figure, because a rate means nothing without
 * it; a last line with `summary: true` for the main load (five members, 100 operations a second,
 * faults and every invariant on). Time is the CPU time of this process, one thread, warm.
 *
 * What runs is `dist`, as in `crucible simulate`: the loader of the sources puts a getter before
 * every imported name, which costs more than a tenth.
 */
import { join } from 'node:path';
import type * as JudgeModule from '../src/cli/simulation/judge';
import type * as SimulatorModule from '../src/simulator';
import type { Plan, RunOptions } from '../src/simulator';

interface Load {
  readonly load: string;
  readonly members: string;
  readonly operationsPerSecond: string;
  readonly faults: boolean;
  readonly checks: 'invariants' | 'invariants and judge';
  readonly planOf: (seed: number) => Plan;
  readonly options: RunOptions;
}

/** CPU seconds a load, after as many of warming up: the compiler takes its time. */
const seconds = Number(process.argv[process.argv.indexOf('--seconds') + 1] ?? NaN) || 8;

type Simulator = typeof SimulatorModule;
type Judge = typeof JudgeModule;

const MAIN = 'five members';

function loads({ CALM_OPTIONS, swarmPlan }: Simulator, { judgeHistory }: Judge): readonly Load[] {
  const judged: RunOptions = { judge: judgeHistory };
  const fiveMembers = (seed: number, operationsPerSecond: number): Plan =>
    swarmPlan(`bench ${seed}`, { profile: 'uniform', members: 5, operationsPerSecond });
  /** Nobody asks for anything: heartbeats alone. */
  const quiet = (seed: number, safetyMs: number): Plan => {
    const options = { ...CALM_OPTIONS, safetyMs };
    return { seed: `idle ${seed}`, members: 5, options, faults: [], operations: [] };
  };
  /** The same operations on quiet devices: what the members cost when nothing goes wrong. */
  const calm = (seed: number): Plan => {
    const plan = fiveMembers(seed, 100);
    return { ...plan, options: CALM_OPTIONS, faults: [], watchers: [], outsiders: [] };
  };
  return [
    {
      load: 'five members start and no more',
      members: '5',
      operationsPerSecond: '0',
      faults: false,
      checks: 'invariants',
      planOf: (seed) => quiet(seed, 1),
      options: { safetyOnly: true },
    },
    {
      load: 'idle',
      members: '5',
      operationsPerSecond: '0',
      faults: false,
      checks: 'invariants',
      planOf: (seed) => quiet(seed, 60_000),
      options: {},
    },
    {
      load: 'five members, calm',
      members: '5',
      operationsPerSecond: '100',
      faults: false,
      checks: 'invariants',
      planOf: calm,
      options: {},
    },
    {
      load: MAIN,
      members: '5',
      operationsPerSecond: '100',
      faults: true,
      checks: 'invariants',
      planOf: (seed) => fiveMembers(seed, 100),
      options: {},
    },
    {
      load: 'five members, judged',
      members: '5',
      operationsPerSecond: '100',
      faults: true,
      checks: 'invariants and judge',
      planOf: (seed) => fiveMembers(seed, 100),
      options: judged,
    },
    {
      load: 'five members, busy',
      members: '5',
      operationsPerSecond: '1000',
      faults: true,
      checks: 'invariants',
      planOf: (seed) => fiveMembers(seed, 1000),
      options: {},
    },
    {
      load: 'swarm',
      members: '1-5',
      operationsPerSecond: '10-100',
      faults: true,
      checks: 'invariants and judge',
      planOf: (seed) => swarmPlan(`bench ${seed}`),
      options: judged,
    },
  ];
}

function measure({ simulate, CALM_OPTIONS }: Simulator, { planOf, options, ...load }: Load) {
  let seed = 0;
  const run = (cpuSeconds: number) => {
    const sums = { seeds: 0, events: 0, operations: 0, simulatedMs: 0, failed: 0 };
    const start = process.cpuUsage();
    for (;;) {
      const { user, system } = process.cpuUsage(start);
      const spent = (user + system) / 1e6;
      if (spent >= cpuSeconds) return { ...sums, spent };
      const outcome = simulate(planOf(++seed), options);
      sums.seeds++;
      sums.events += outcome.events;
      sums.operations += outcome.history.operations.length;
      sums.simulatedMs += outcome.simulatedMs;
      if (outcome.verdict !== 'ok') sums.failed++;
    }
  };
  run(seconds);
  const { seeds, events, operations, simulatedMs, failed, spent } = run(seconds);
  return {
    ...load,
    heartbeatMs: CALM_OPTIONS.member.tickMs,
    warm: true,
    threads: 1,
    seeds,
    failed,
    cpuSeconds: Math.round(spent * 100) / 100,
    eventsPerSecond: Math.round(events / spent),
    simSecondsPerSecond: Math.round(simulatedMs / 1000 / spent),
    seedsPerMinute: Math.round((seeds / spent) * 60),
    ...(load.operationsPerSecond !== '0' && {
      cpuMicrosecondsPerOperation: Math.round((spent * 1e6) / operations),
    }),
  };
}

async function main(): Promise<void> {
  const built = join(__dirname, '../dist/src');
  const simulator = (await import(join(built, 'simulator/index.js'))) as Simulator;
  const judge = (await import(join(built, 'cli/simulation/judge.js'))) as Judge;
  const figures = loads(simulator, judge).map((load) => {
    const measured = measure(simulator, load);
    process.stdout.write(`${JSON.stringify(measured)}\n`);
    return measured;
  });
  const summary = figures.find(({ load }) => load === MAIN)!;
  process.stdout.write(`${JSON.stringify({ summary: true, ...summary })}\n`);
}

void main();

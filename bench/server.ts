/**
 * Throughput of three members with fsync on: the reference beside etcd, the same client, the same
 * run. Rounds alternate between the targets, so that what else the machine does hits all of them;
 * figures are medians over the rounds, `ratio` is to etcd in the same round.
 *
 *   npm run bench:server -- [--cases LIST] [--targets LIST] [--rounds N] [--seconds N]
 *
 * One JSON line for each case and target. A target is `etcd` (from PATH), `reference`, or
 * `NAME=[SCRIPT] [FLAG...]`: the reference as another build has it, or with flags for Node, to
 * compare before with after.
 */
import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import type { RunningCluster } from '../chaos/target';
import { etcdProcess } from '../chaos/targets/etcdProcess';
import { referenceProcess } from '../chaos/targets/referenceProcess';
import { CASES } from './server/cases';
import { figuresOf, type Sample } from './server/figures';
import type { Job } from './server/load';
import { Loader } from './server/loader';

const BASE = 'etcd';
/** Clock ticks of /proc/PID/stat in a second; the same on all Linux systems. */
const TICKS_PER_SECOND = 100;

const { values: flags } = parseArgs({
  options: {
    cases: { type: 'string', default: Object.keys(CASES).join(',') },
    targets: { type: 'string', default: `${BASE},reference` },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    'warm-up-seconds': { type: 'string', default: '2' },
    connections: { type: 'string', default: '12' },
    /** Which members clients talk to: `all`, or the `leader` alone. */
    members: { type: 'string', default: 'all' },
    /** Where data directories go. Default: the system's temporary directory. */
    directory: { type: 'string' },
  },
});

interface Running {
  readonly name: string;
  readonly cluster: RunningCluster;
  readonly samples: Map<string, Sample[]>;
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} ${text} is not a number greater than 0`);
  return value;
}

/** Name, script and flags. */
function partsOf(target: string): readonly string[] {
  const [name = '', rest = ''] = target.split(/=(.*)/s);
  const [script = '', ...nodeFlags] = rest.split(' ');
  return [name, script, ...nodeFlags];
}

async function start(target: string): Promise<Running> {
  const [name = '', script = '', ...nodeArgv] = partsOf(target);
  const directory =
    flags.directory === undefined ? {} : { directory: `${flags.directory}/${name}` };
  // Without proxies between the members: they would be measured along.
  const common = { partitions: false, ...directory };
  const cluster =
    name === 'etcd'
      ? etcdProcess({ ...common, argvExtra: ['--quota-backend-bytes', String(8 * 2 ** 30)] })
      : referenceProcess({ ...common, nodeArgv, ...(script !== '' && { script }) });
  return { name, cluster: await cluster.start(), samples: new Map() };
}

/** Processor seconds that the members have used so far. */
function cpuSeconds(cluster: RunningCluster): number {
  let ticks = 0;
  for (const { pid } of cluster.members()) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS_PER_SECOND;
}

async function urlsOf(cluster: RunningCluster): Promise<readonly string[]> {
  const members = cluster.members();
  if (flags.members === 'all') return members.map(({ clientUrl }) => clientUrl);
  const leader = await cluster.leader();
  const chosen = members.filter(({ name }) => name === leader);
  if (chosen.length === 0) throw new Error(`${cluster.description.target} has no leader`);
  return chosen.map(({ clientUrl }) => clientUrl);
}

async function measure(loader: Loader, running: Running, name: string, round: number) {
  const { cluster, samples } = running;
  const job: Job = {
    case: name,
    urls: await urlsOf(cluster),
    connections: positive('connections', flags.connections),
    warmUpMs: 1000 * positive('warm-up-seconds', flags['warm-up-seconds']),
    runMs: 1000 * positive('seconds', flags.seconds),
    seed: 1 + round,
  };
  const before = cpuSeconds(cluster);
  const startMs = performance.now();
  const result = await loader.run(job);
  const seconds = (performance.now() - startMs) / 1000;
  const exits = cluster.unexpectedExits();
  if (exits.length > 0) throw new Error(`${exits[0]!.member} ended: ${exits[0]!.logTail}`);
  const memberCores = (cpuSeconds(cluster) - before) / seconds;
  samples.set(name, [...(samples.get(name) ?? []), { ...result, memberCores }]);
}

async function main(): Promise<void> {
  const cases = flags.cases.split(',');
  const unknown = cases.find((name) => !(name in CASES));
  if (unknown !== undefined) {
    throw new Error(`there is no case ${unknown}: ${Object.keys(CASES).join(', ')}`);
  }
  const loader = new Loader();
  const targets: Running[] = [];
  try {
    for (const target of flags.targets.split(',')) targets.push(await start(target));
    for (const running of targets) {
      await measure(loader, running, 'fill', 0);
      running.samples.clear();
    }
    for (const name of cases) {
      for (let round = 0; round < positive('rounds', flags.rounds); round++) {
        // Whoever is first has the disk after a pause: take turns.
        const order = round % 2 === 0 ? targets : [...targets].reverse();
        for (const running of order) await measure(loader, running, name, round);
      }
      const base = targets.find((running) => running.name === BASE)?.samples.get(name);
      const loadAverages = loadavg().map((value) => Number(value.toFixed(2)));
      for (const running of targets) {
        const figures = figuresOf(name, running.name, running.samples.get(name)!, base);
        console.log(JSON.stringify({ ...figures, members: flags.members, loadAverages }));
      }
    }
  } finally {
    loader.close();
    for (const { cluster } of targets) {
      // In order, so that a profile that a flag asks for is written.
      for (const { name, state } of cluster.members()) {
        if (state === 'running') await cluster.stop(name);
      }
      await cluster[Symbol.asyncDispose]();
    }
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});

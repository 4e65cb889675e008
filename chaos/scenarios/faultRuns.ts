/**
 * The scenarios that are one kind of trouble under random work: clients go on while the nemesis
 * does its worst, then everything is read back and judged (`runChaos`). They differ in what is
 * done, in the size of the cluster and in the disk below it.
 */
import { allFaults, faults } from '../faults/faults';
import type { Fault } from '../faults/fault';
import type { ChaosOptions, ChaosResult } from '../options';
import { Random } from '../random';
import { runChaos } from '../run';
import type { ClusterWishes } from '../targets/makeTarget';
import { registerWorkload, txnWorkload, type Workload } from '../workloads';
import type { Scenario, ScenarioContext } from './scenario';

interface FaultRun {
  readonly name: string;
  readonly promise: string;
  readonly faults: (random: Random) => readonly Fault[];
  readonly wishes?: ClusterWishes;
  readonly workload?: () => Workload;
}

/** Where old revisions are compacted, a watch cannot show everything from the beginning. */
function compacting(workload: Workload): Workload {
  return { ...workload, compacts: true };
}

function play(run: FaultRun, context: ScenarioContext, part = run.name): Promise<ChaosResult> {
  return playOn(run, context, part, run.wishes);
}

async function playOn(
  run: FaultRun,
  context: ScenarioContext,
  part: string,
  wishes?: ClusterWishes,
  limits: Pick<ChaosOptions, 'healLimitMs'> = {},
): Promise<ChaosResult> {
  const { seed, seconds, signal, onProgress, directory } = context;
  return runChaos({
    target: await context.cluster(part, wishes),
    workload: (run.workload ?? registerWorkload)(),
    faults: run.faults(new Random(`${seed}/${part}`)),
    ...{ name: part, seconds, seed, signal, ...limits },
    directory: `${directory}/${part}`,
    onProgress: ({ phase, seconds: done, operations, fault }) => {
      const doing = fault === undefined ? '' : `, ${fault}`;
      onProgress(`${part}: ${phase}, ${done.toFixed(0)} s, ${operations} operations${doing}`);
    },
  });
}

function scenarioOf(run: FaultRun): Scenario {
  const { name, promise } = run;
  return { name, promise, isTimed: true, run: async (context) => [await play(run, context)] };
}

export const kill = scenarioOf({
  name: 'kill',
  promise:
    'Members are killed, the leader again and again, a majority and all at once: nothing that ' +
    'was acknowledged is lost, and the cluster works again within 30 s',
  faults: () => [
    faults.kill('leader'),
    faults.kill('random'),
    faults.restart('leader'),
    faults.kill('majority'),
    faults.kill('all'),
    faults.kill({ member: 'm1' }),
  ],
});

export const partition = scenarioOf({
  name: 'partition',
  promise: 'However the links between members are cut, no two leaders both take writes',
  wishes: { memberCount: 5 },
  faults: () => [
    faults.partition('leader'),
    faults.partition('minority'),
    faults.partition('majority'),
    faults.isolate('all'),
    faults.mute('leader'),
    faults.deafen('follower'),
    faults.cutLink('leader'),
    faults.bridge('random'),
    faults.ring(),
  ],
});

export const network = scenarioOf({
  name: 'network',
  promise: 'A slow and unreliable network costs time and nothing else',
  faults: () => [
    faults.latency('all'),
    faults.latency('leader', 150),
    faults.bandwidth('leader'),
    faults.loss('all'),
    faults.duplicate('all'),
    faults.reorder('all'),
    faults.reset('all'),
    faults.reset('leader'),
  ],
});

export const disk = scenarioOf({
  name: 'disk',
  promise: 'A disk that is full, hangs, is slow or breaks costs a member and no data',
  wishes: { disks: 'own' },
  faults: () => [
    faults.diskFull('minority'),
    faults.diskFull('leader'),
    faults.diskHangs('leader'),
    faults.diskHangs('follower'),
    faults.slowDisk('leader'),
    faults.diskFails('follower'),
    faults.diskFails('leader'),
  ],
});

export const rolling = scenarioOf({
  name: 'rolling',
  promise: 'Members are restarted one after the other, as for an upgrade, while clients work',
  faults: () => ['m1', 'm2', 'm3'].map((member) => faults.stop({ member })),
});

export const membership = scenarioOf({
  name: 'membership',
  promise: 'Members are replaced, removed, added and told to lead while clients work',
  workload: registerWorkload,
  faults: () => [
    faults.wipeAndRejoin('follower'),
    faults.removeAndAdd('follower'),
    faults.removeAndAdd('leader'),
    faults.moveLeader(),
    faults.wipeAndRejoin('leader'),
  ],
});

/** How many kinds of faults one run of the sink has: fewer at a time meet more often. */
const kindsOfSink = 12;

export const sink = scenarioOf({
  name: 'sink',
  promise: 'Everything at once: a random choice of all faults there are, under transactions',
  wishes: { disks: 'own', fakeClock: true },
  workload: () => compacting(txnWorkload()),
  faults: (random) => random.shuffled(allFaults()).slice(0, kindsOfSink),
});

const powerRun: FaultRun = {
  name: 'power',
  promise:
    'The power fails, of one member or of all at the same time: what was acknowledged was synced',
  wishes: { disks: 'own' },
  faults: () => [
    faults.powerFailure('all'),
    faults.powerFailure('leader'),
    faults.powerFailure('minority'),
  ],
};

/** Seconds of the run on disks that lie; the first failure of all members shows it. */
const lyingSeconds = 8;
/** A cluster that lost what it knew often never works again: nobody waits for that. */
const lyingHealLimitMs = 5_000;

export const power: Scenario = {
  name: powerRun.name,
  promise: powerRun.promise,
  isTimed: true,
  run: async (context) => {
    const honest = await play(powerRun, context);
    if (context.signal.aborted || honest.faults.length === 0) return [honest];
    const all = { ...powerRun, faults: () => [faults.powerFailure('all')] };
    const lied = await playOn(
      all,
      { ...context, seconds: Math.min(lyingSeconds, context.seconds) },
      'power-lying',
      { disks: 'lying' },
      { healLimitMs: lyingHealLimitMs },
    );
    return [honest, asControl(lied)];
  },
};

/**
 * The other way round: on disks that ignore every sync, data must get lost, and the loss must be
 * noticed. Else the honest run would prove nothing.
 */
function asControl(lied: ChaosResult): ChaosResult {
  const noticed = lied.properties.filter(({ verdict }) => verdict === 'fail');
  const faultCount = lied.faults.reduce((sum, { count }) => sum + count, 0);
  const base = {
    id: 'lying-disk-is-caught',
    title: 'On disks that ignore every sync, the loss of acknowledged writes is noticed',
    evidence: {
      operations: lied.history.history.operations.length,
      faults: faultCount,
      counts: { 'broken promises': noticed.length },
    },
  };
  const isCaught = noticed.length > 0;
  const reason =
    faultCount === 0 ? 'the power never failed' : 'nothing was lost, or the loss went unnoticed';
  return {
    ...lied,
    properties: [isCaught ? { ...base, verdict: 'ok' } : { ...base, verdict: 'unknown', reason }],
  };
}

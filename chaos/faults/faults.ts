/**
 * The faults, by name: `faults.kill('leader')`, `faults.partition('minority')`. Which one is for
 * what, their own files say.
 */
import type { RunningCluster } from '../target';
import * as admin from './adminFaults';
import * as disk from './diskFaults';
import { each, type Fault } from './fault';
import * as network from './networkFaults';
import * as process from './processFaults';
import * as resource from './resourceFaults';

/** The named constructors. */
export const faults = { ...process, ...network, ...disk, ...resource, ...admin } as const;

/** A sound mixture for a first run: every kind once, aimed where it hurts. */
export function defaultFaults(): readonly Fault[] {
  return [
    faults.kill('leader'),
    faults.kill('minority'),
    faults.kill('all'),
    faults.stop('leader'),
    faults.pause('leader'),
    faults.pause('majority'),
    faults.partition('leader'),
    faults.mute('leader'),
    faults.deafen('follower'),
    faults.cutLink('leader'),
  ];
}

/** Everything there is, one of each kind, for a run in which anything may happen. */
export function allFaults(): readonly Fault[] {
  return [
    ...defaultFaults(),
    faults.restart('random'),
    faults.partition('majority'),
    faults.isolate('all'),
    faults.bridge('random'),
    faults.ring(),
    ...[faults.latency(), faults.bandwidth(), faults.loss(), faults.duplicate(), faults.reorder()],
    faults.reset('all'),
    ...[faults.diskFull('minority'), faults.diskHangs('leader'), faults.slowDisk('leader')],
    ...[faults.diskFails('follower'), faults.powerFailure('all'), faults.powerFailure('leader')],
    ...[faults.outOfMemory('leader'), faults.slowProcessor('leader')],
    ...[faults.clockJump('leader'), faults.clockJump('follower', -3_600_000)],
    ...[faults.wipeAndRejoin('follower'), faults.removeAndAdd('follower')],
    ...[faults.compaction(), faults.defragment('leader'), faults.moveLeader()],
  ];
}

/** Makes everything well again, whatever was done: for the end of a run, also an aborted one. */
export async function healEverything(cluster: RunningCluster): Promise<void> {
  const { capabilities } = cluster;
  if (capabilities.has('partition')) await cluster.mendAll();
  const names = cluster.members().map(({ name }) => name);
  if (capabilities.has('disk')) {
    await each(names, async (name) => {
      await cluster.disk(name).thaw();
      await cluster.disk(name).release();
    });
  }
  if (capabilities.has('clock')) await each(names, (name) => cluster.setClock(name, 0));
  if (capabilities.has('cpu')) await each(names, (name) => cluster.limit(name, {}));
  for (const { name, state } of cluster.members()) {
    if (state === 'paused') await cluster.resume(name);
    else if (state === 'down') await cluster.start(name);
  }
}

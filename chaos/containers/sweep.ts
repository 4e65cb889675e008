/**
 * Finding and removing what a cluster of containers consists of, by labels alone: the same code
 * ends an orderly run, follows a killed runner, and clears what an earlier one left.
 */
import type { Engine } from './runtime';
import { statusOf } from './runtime';
import { decodeRunner, encodeRunner, fateOf, thisRunner } from './runner';
import { waitFor } from '../wait';

/** On everything this program creates in an engine. */
export const projectLabel = 'raft-crucible';
/** The cluster a container or network belongs to. */
export const clusterLabel = 'raft-crucible.cluster';
/** The member a container belongs to. */
export const memberLabel = 'raft-crucible.member';
const runnerLabel = 'raft-crucible.runner';

/** How old leftovers of a runner on another machine must be before they are swept. */
const foreignAgeMaxMsDefault = 24 * 60 * 60 * 1_000;
const removeLimitMs = 30_000;

export function labelsOf(cluster: string): Readonly<Record<string, string>> {
  return {
    [projectLabel]: 'true',
    [clusterLabel]: cluster,
    [runnerLabel]: encodeRunner(thisRunner()),
  };
}

/** "Not there" and "being removed already" are both what was wanted. */
async function unlessGone(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (![404, 409].includes(statusOf(error) ?? 0)) throw error;
  }
}

/**
 * Removes all containers and networks of a cluster and returns once they are gone.
 * @returns how many there were.
 */
export async function removeCluster(engine: Engine, cluster: string): Promise<number> {
  const filters = { label: [`${clusterLabel}=${cluster}`] };
  const seen = new Set<string>();
  await waitFor(
    async () => {
      const containers = await engine.listContainers({ all: true, filters });
      await Promise.all(
        containers.map(({ Id }) => {
          seen.add(Id);
          return unlessGone(engine.getContainer(Id).remove({ force: true, v: true }));
        }),
      );
      const networks = await engine.listNetworks({ filters });
      for (const { Id } of networks) {
        seen.add(Id);
        await unlessGone(engine.getNetwork(Id).remove());
      }
      return containers.length + networks.length === 0 ? true : undefined;
    },
    { what: `the containers of cluster ${cluster} to be gone`, limitMs: removeLimitMs },
  );
  return seen.size;
}

/**
 * Removes the clusters of runners that are dead. What belongs to a runner on another machine is
 * removed when it is older than `foreignAgeMaxMs`.
 * @returns the clusters that were removed.
 */
export async function sweepDeadRunners(
  engine: Engine,
  foreignAgeMaxMs = foreignAgeMaxMsDefault,
): Promise<readonly string[]> {
  const filters = { label: [projectLabel] };
  const [containers, networks] = await Promise.all([
    engine.listContainers({ all: true, filters }),
    engine.listNetworks({ filters }),
  ]);
  const found = [
    ...containers.map(({ Labels, Created }) => ({ Labels, createdMs: Created * 1_000 })),
    ...networks.map(({ Labels, Created }) => ({ Labels, createdMs: Date.parse(Created) })),
  ];
  const doomed = new Set<string>();
  for (const { Labels = {}, createdMs } of found) {
    const cluster = Labels[clusterLabel];
    const runner = decodeRunner(Labels[runnerLabel]);
    if (cluster === undefined || runner === undefined) continue;
    const fate = fateOf(runner);
    const isOld = Date.now() - createdMs > foreignAgeMaxMs;
    if (fate === 'dead' || (fate === 'unknown' && isOld)) doomed.add(cluster);
  }
  for (const cluster of doomed) await removeCluster(engine, cluster);
  return [...doomed].sort();
}

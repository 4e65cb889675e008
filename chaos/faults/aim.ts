/** Turns a symbolic aim into names, at the moment of injection. */
import type { Random } from '../random';
import { TargetError, type RunningCluster } from '../target';
import { WaitTimeout, waitFor } from '../wait';
import type { Aim } from './fault';

/** How long an aim at the leader waits for one to be elected. */
const leaderLimitMs = 5_000;

/**
 * The members that an aim means now, in the cluster's order. An aim at the leader of a cluster
 * that elects none within the limit takes any running member: the fault is wanted all the same.
 * @throws TargetError `wrongState` when no running member is left to hit.
 */
export async function resolveAim(
  aim: Aim,
  cluster: RunningCluster,
  random: Random,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const all = cluster.members().map(({ name }) => name);
  const running = cluster
    .members()
    .filter(({ state }) => state === 'running')
    .map(({ name }) => name);
  if (running.length === 0) throw new TargetError('wrongState', 'no member is running');
  const some = (count: number): readonly string[] => {
    const chosen = new Set(random.shuffled(running).slice(0, count));
    return all.filter((name) => chosen.has(name));
  };
  if (typeof aim === 'object') {
    if (!all.includes(aim.member)) {
      throw new TargetError('noSuchMember', `there is no member called ${aim.member}`);
    }
    return [aim.member];
  }
  switch (aim) {
    case 'all':
      return running;
    case 'random':
      return some(1);
    case 'minority':
      // A cluster of one or two has no minority that could fail without an outage.
      return some(Math.max(1, Math.floor((all.length - 1) / 2)));
    case 'majority':
      return some(Math.floor(all.length / 2) + 1);
    case 'leader': {
      const leader = await leaderOrNone(cluster, signal);
      return leader === undefined ? some(1) : [leader];
    }
    case 'follower': {
      const leader = await leaderOrNone(cluster, signal);
      const followers = running.filter((name) => name !== leader);
      return followers.length === 0 ? some(1) : [random.pick(followers)];
    }
  }
}

async function leaderOrNone(
  cluster: RunningCluster,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    const limitMs = leaderLimitMs;
    return await waitFor(() => cluster.leader(500), { what: 'a leader', limitMs, signal });
  } catch (error) {
    if (error instanceof WaitTimeout) return undefined;
    throw error;
  }
}

/**
 * What operators do to a cluster, at the worst moment: replace members, compact, defragment, tell
 * who shall lead. They go through the store's own API, as any operator's tool does.
 */
import { EtcdClient, type Outcome } from '../../src/client';
import { TargetError, type RunningCluster } from '../target';
import { waitFor } from '../wait';
import { describeAim, each, makeFault, type Aim, type Fault } from './fault';

const colour = '#7d8c3a';
const requestMs = 3_000;
const changeLimitMs = 20_000;
/** Revisions that a compaction leaves: the clients still read some of the past. */
const keptRevisions = 30;

/** Asks running members until one does it; what none of them implements cannot be done. */
async function ask<Value>(
  cluster: RunningCluster,
  what: string,
  request: (client: EtcdClient, endpoint: number) => Promise<Outcome<Value>>,
  except?: string,
): Promise<Value> {
  const members = cluster
    .members()
    .filter(({ name, state }) => state === 'running' && name !== except);
  const client = new EtcdClient({
    endpoints: members.map(({ clientUrl }) => clientUrl),
    timeoutMs: requestMs,
  });
  let turn = 0;
  try {
    const answer = await waitFor(
      async () => {
        const outcome = await request(client, turn++ % members.length);
        if (outcome.type === 'ok') return { value: outcome.value };
        if (outcome.code === 'unimplemented') {
          throw new TargetError('notCapable', `the store has no ${what}: ${outcome.error}`);
        }
        throw new Error(`${what}: ${outcome.code}: ${outcome.error}`);
      },
      {
        what,
        limitMs: changeLimitMs,
        intervalMs: 200,
        isFinal: (error) => error instanceof TargetError,
      },
    );
    return answer.value;
  } finally {
    client.close();
  }
}

/** Removes a member from the cluster by its peer url; one that is not in it is no error. */
async function remove(cluster: RunningCluster, name: string): Promise<void> {
  const url = cluster.peerUrl(name);
  await ask(
    cluster,
    'removal of a member',
    async (client, endpoint) => {
      const list = await client.memberList({}, { endpoint });
      if (list.type !== 'ok') return list;
      const member = list.value.members.find(({ peerURLs }) => peerURLs.includes(url));
      if (member === undefined) return { ...list, value: undefined };
      const removed = await client.memberRemove(member.ID, { endpoint });
      return removed.type === 'ok' ? { ...removed, value: undefined } : removed;
    },
    name,
  );
}

/** Adds it as a new member and starts it with nothing. */
async function join(cluster: RunningCluster, name: string): Promise<void> {
  const url = cluster.peerUrl(name);
  const members = await ask(
    cluster,
    'addition of a member',
    async (client, endpoint) => {
      const list = await client.memberList({}, { endpoint });
      if (list.type !== 'ok') return list;
      const isThere = list.value.members.some(({ peerURLs }) => peerURLs.includes(url));
      // An addition without an answer may have happened.
      if (isThere) return { ...list, value: list.value.members };
      const added = await client.memberAdd({ peerUrls: [url] }, { endpoint });
      return added.type === 'ok' ? { ...added, value: added.value.members } : added;
    },
    name,
  );
  const initial = members
    .map(({ name: known, peerURLs }) => `${known === '' ? name : known}=${peerURLs[0]}`)
    .join(',');
  await cluster.startAnew(name, initial);
}

/** Ends the member, with all of its data. */
async function lose(cluster: RunningCluster, name: string): Promise<void> {
  const state = cluster.members().find((member) => member.name === name)?.state;
  if (state !== 'down') await cluster.kill(name);
  await cluster.wipe(name);
}

/** The members die and their data is gone; healing replaces them by new ones of the same name. */
export function wipeAndRejoin(aim: Aim = 'follower'): Fault {
  return makeFault({
    name: `wipe ${describeAim(aim)}`,
    needs: ['kill', 'rejoin'],
    ...{ aim, colour },
    inject: (cluster, members) => each(members, (name) => lose(cluster, name)),
    heal: async (cluster, members) => {
      for (const name of members) {
        await remove(cluster, name);
        await join(cluster, name);
      }
    },
  });
}

/** The members are removed while they run, and later added as new ones. */
export function removeAndAdd(aim: Aim = 'follower'): Fault {
  return makeFault({
    name: `remove ${describeAim(aim)}`,
    needs: ['kill', 'rejoin'],
    ...{ aim, colour },
    inject: async (cluster, members) => {
      for (const name of members) {
        // A member that learns of its removal ends by itself.
        cluster.allowExit(name);
        await remove(cluster, name);
      }
    },
    heal: async (cluster, members) => {
      for (const name of members) {
        await lose(cluster, name);
        await join(cluster, name);
      }
    },
  });
}

/** All but the last revisions are compacted. */
export function compaction(): Fault {
  return makeFault({
    name: 'compaction',
    needs: ['maintenance'],
    ...{ aim: 'random', colour },
    inject: async (cluster) => {
      await ask(cluster, 'compaction', async (client, endpoint) => {
        const now = await client.range({ key: 'x' }, { endpoint });
        if (now.type !== 'ok') return now;
        const revision = now.revision - keptRevisions;
        if (revision <= 1) return { ...now, value: undefined };
        const compacted = await client.compact({ revision, physical: true }, { endpoint });
        // Somebody else was faster, or an attempt without an answer had worked.
        const isDone = compacted.type !== 'ok' && compacted.error.includes('has been compacted');
        return compacted.type === 'ok' || isDone ? { ...now, value: undefined } : compacted;
      });
    },
    heal: () => Promise.resolve(),
  });
}

/** The members defragment their stores, during which they may not serve. */
export function defragment(aim: Aim = 'leader'): Fault {
  return makeFault({
    name: `defragment ${describeAim(aim)}`,
    needs: ['maintenance'],
    ...{ aim, colour },
    inject: async (cluster, members) => {
      const all = cluster.members();
      const client = new EtcdClient({ endpoints: all.map(({ clientUrl }) => clientUrl) });
      try {
        for (const name of members) {
          const endpoint = all.findIndex((member) => member.name === name);
          const outcome = await client.defragment({ endpoint, timeoutMs: changeLimitMs });
          if (outcome.type === 'ok') continue;
          const code = outcome.code === 'unimplemented' ? 'notCapable' : 'wrongState';
          throw new TargetError(code, `defragment: ${outcome.code}: ${outcome.error}`);
        }
      } finally {
        client.close();
      }
    },
    heal: () => Promise.resolve(),
  });
}

/** The leader is told to hand over to another member. */
export function moveLeader(): Fault {
  return makeFault({
    name: 'move leader',
    needs: ['maintenance'],
    ...{ aim: 'follower', colour },
    inject: async (cluster, [target]) => {
      const { memberId } = await cluster.status(target!);
      const leader = await cluster.leader();
      // An election may be going on; then somebody else takes over anyway.
      if (leader === undefined || leader === target) return;
      const endpoint = cluster.members().findIndex(({ name }) => name === leader);
      const client = new EtcdClient({
        endpoints: cluster.members().map(({ clientUrl }) => clientUrl),
        timeoutMs: requestMs,
      });
      try {
        const outcome = await client.moveLeader(memberId, { endpoint });
        if (outcome.type !== 'ok' && outcome.code === 'unimplemented') {
          throw new TargetError(
            'notCapable',
            `the store has no move of a leader: ${outcome.error}`,
          );
        }
      } finally {
        client.close();
      }
    },
    heal: () => Promise.resolve(),
  });
}

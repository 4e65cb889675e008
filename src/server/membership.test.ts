/** Real members that come, go and come back: over gRPC, on real files and sockets. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClusterService, MaintenanceService, type Member as WireMember } from '../api';
import { EtcdClient } from '../client';
import { ConfigError } from './clusterConfig';
import { RemovedMemberError } from './dataDirectory';
import { MemberCluster, untilOk } from './testing/memberCluster';

let directory: string;
let cluster: MemberCluster;
const clients: EtcdClient[] = [];
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'crucible-membership-'));
  cluster = await MemberCluster.make(directory, 3);
  await cluster.start('n1', 'n2', 'n3');
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await cluster.stopAll();
  rmSync(directory, { recursive: true, force: true });
});

function client(name: string): EtcdClient {
  const made = new EtcdClient({ endpoints: [cluster.url(name)], timeoutMs: 10_000 });
  clients.push(made);
  return made;
}

async function members(at: EtcdClient): Promise<readonly WireMember[]> {
  const call = () => at.call(ClusterService.memberList, { linearizable: true });
  return (await untilOk(call)).value.members;
}

/** Waits until the members that run have told their client URLs. */
async function started(at: EtcdClient, count: number): Promise<readonly WireMember[]> {
  for (;;) {
    const list = await members(at);
    if (list.filter(({ clientURLs }) => clientURLs.length > 0).length === count) return list;
  }
}

async function idOf(at: EtcdClient, peerUrl: string): Promise<bigint> {
  return (await members(at)).find(({ peerURLs }) => peerURLs.includes(peerUrl))!.ID;
}

async function leader(at: EtcdClient): Promise<string> {
  const status = await untilOk(() => at.call(MaintenanceService.status, {}));
  const list = await members(at);
  return list.find(({ ID }) => ID === status.value.leader)!.name;
}

const key = (text: string): Buffer => Buffer.from(text);

test('a learner joins, becomes a voter, and the leader is removed', async () => {
  const first = client('n1');
  expect(await started(first, 3)).toMatchObject(
    (await members(first)).map(({ name }) => ({
      name,
      peerURLs: [cluster.peerUrl(name)],
      clientURLs: [cluster.url(name)],
      isLearner: false,
    })),
  );
  await untilOk(() => first.put({ key: key('a'), value: key('1') }));
  const peerUrl = await cluster.extend('n4');
  const unknown = cluster.start('n4');
  await expect(unknown).rejects.toThrow(ConfigError);
  await expect(unknown).rejects.toThrow(`no member with the peer URL ${peerUrl}`);
  const request = { peerURLs: [peerUrl], isLearner: true };
  const added = await untilOk(() => first.call(ClusterService.memberAdd, request));
  expect(added.value).toMatchObject({ member: { name: '', isLearner: true } });
  await cluster.start('n4');
  await started(first, 4);
  const fourth = client('n4');
  const local = await untilOk(() => fourth.range({ key: key('a'), serializable: true }));
  expect(local.value.count).toBe(1n);
  const { ID } = added.value.member!;
  const promoted = await untilOk(() => fourthOrFirst(ID));
  expect(promoted.value.members.filter(({ isLearner }) => isLearner)).toEqual([]);
  const old = await leader(first);
  const rest = ['n1', 'n2', 'n3', 'n4'].filter((name) => name !== old);
  const asked = client(rest[0]!);
  const gone = await idOf(asked, cluster.peerUrl(old));
  await untilOk(() => asked.call(ClusterService.memberRemove, { ID: gone }));
  expect(await cluster.member(old).ended).toBe('removed');
  await cluster.stop(old);
  await expect(cluster.start(old)).rejects.toThrow(RemovedMemberError);
  expect((await members(asked)).map(({ name }) => name).sort()).toEqual(rest);
  await untilOk(() => asked.put({ key: key('b'), value: key('2') }));

  /** A learner cannot be asked itself; the leader or a follower can. */
  function fourthOrFirst(id: bigint) {
    return first.call(ClusterService.memberPromote, { ID: id });
  }
});

test('a learner serves nothing while it does not know yet that it is one', async () => {
  const first = client('n1');
  await started(first, 3);
  const request = { peerURLs: [await cluster.extend('n4')], isLearner: true };
  await untilOk(() => first.call(ClusterService.memberAdd, request));
  // Whom it asks tells it who the members are; nobody can send it the log.
  await cluster.stop('n2', 'n3');
  await cluster.start('n4');
  const fourth = client('n4');
  const refused = { type: 'info', code: 'unavailable', error: 'etcdserver: not capable' };
  const a = key('a');
  expect(await fourth.range({ key: a })).toMatchObject(refused);
  expect(await fourth.range({ key: a, serializable: true })).toMatchObject(refused);
  expect(await fourth.call(ClusterService.memberList, { linearizable: false })).toMatchObject(
    refused,
  );
  expect(await fourth.put({ key: a, value: a })).toMatchObject(refused);
  const status = await fourth.call(MaintenanceService.status, {});
  expect(status).toMatchObject({ type: 'ok', value: { isLearner: false } });
  const { errors } = (status as Extract<typeof status, { type: 'ok' }>).value;
  expect(errors).toContain('etcdserver: not capable');
  await cluster.start('n2', 'n3');
  await started(first, 4);
  await untilOk(() => fourth.range({ key: a, serializable: true }));
  const learner = { error: 'etcdserver: rpc not supported for learner' };
  expect(await fourth.range({ key: a })).toMatchObject(learner);
});

test('a member that was removed while it was down is told when it comes back', async () => {
  const first = client('n1');
  await started(first, 3);
  await cluster.stop('n3');
  const ID = await idOf(first, cluster.peerUrl('n3'));
  await untilOk(() => first.call(ClusterService.memberRemove, { ID }));
  await cluster.start('n3');
  expect(await cluster.member('n3').ended).toBe('removed');
  await cluster.stop('n3');
  await expect(cluster.start('n3')).rejects.toThrow('was removed from its cluster');
});

test('a member that lost its disk is replaced, and cannot come back as it was', async () => {
  const first = client('n1');
  await started(first, 3);
  await cluster.stop('n3');
  rmSync(cluster.config('n3').dataDir, { recursive: true });
  await expect(cluster.start('n3')).rejects.toThrow('has already been bootstrapped');
  cluster.reconfigure('n3', { newCluster: false });
  await expect(cluster.start('n3')).rejects.toThrow('has already been bootstrapped');
  const peerUrl = cluster.peerUrl('n3');
  const ID = await idOf(first, peerUrl);
  await untilOk(() => first.call(ClusterService.memberRemove, { ID }));
  const request = { peerURLs: [peerUrl], isLearner: false };
  await untilOk(() => first.call(ClusterService.memberAdd, request));
  await cluster.start('n3');
  await started(first, 3);
  expect(await idOf(first, peerUrl)).not.toBe(ID);
  await untilOk(() => first.put({ key: key('a'), value: key('1') }));
  const third = client('n3');
  expect((await untilOk(() => third.range({ key: key('a') }))).value.count).toBe(1n);
});

test('a member moves to another peer URL', async () => {
  const first = client('n1');
  await started(first, 3);
  const ID = await idOf(first, cluster.peerUrl('n3'));
  await cluster.stop('n3');
  const peerUrl = await cluster.extend('n3');
  const request = { ID, peerURLs: [peerUrl] };
  const updated = await untilOk(() => first.call(ClusterService.memberUpdate, request));
  expect(updated.value.members.find((member) => member.ID === ID)).toMatchObject({
    peerURLs: [peerUrl],
  });
  await cluster.start('n3');
  const third = client('n3');
  await untilOk(() => third.put({ key: key('a'), value: key('1') }));
});

/** Maintenance of real members: snapshots that restore, space, alarms, leadership. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AlarmRequest_AlarmAction, AlarmType, ClusterService, MaintenanceService } from '../api';
import { EtcdClient } from '../client';
import { withProgram } from '../client/testing/withProgram';
import { ConfigError, parseCluster } from './clusterConfig';
import { Logger } from './logger';
import { restoreMember } from './restoring';
import { SavedSnapshotError } from './savedSnapshot';
import { MemberCluster, untilOk } from './testing/memberCluster';

const silent = new Logger(
  'error',
  () => undefined,
  () => 0,
);
const key = (text: string): Buffer => Buffer.from(text);
const everything = { key: key('\0'), rangeEnd: key('\0') };

let directory: string;
let cluster: MemberCluster;
const clients: EtcdClient[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'crucible-maintenance-'));
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await cluster.stopAll();
  rmSync(directory, { recursive: true, force: true });
});

async function begin(size: number, changes: object = {}): Promise<EtcdClient> {
  cluster = await MemberCluster.make(directory, size);
  const names = Array.from({ length: size }, (_, i) => `n${i + 1}`);
  for (const name of names) cluster.reconfigure(name, changes);
  await cluster.start(...names);
  return client('n1');
}

function client(name: string): EtcdClient {
  const made = new EtcdClient({ endpoints: [cluster.url(name)], timeoutMs: 20_000 });
  clients.push(made);
  return made;
}

async function hash(at: EtcdClient): Promise<number> {
  return (await untilOk(() => at.call(MaintenanceService.hashKv, { revision: 0n }))).value.hash;
}

withProgram(describe, 'etcdctl', ['version'])('a saved snapshot', () => {
  const etcdctl = (at: string, ...args: readonly string[]) =>
    promisify(execFile)('etcdctl', ['--endpoints', cluster.url(at), ...args], {
      env: { ...process.env, ETCDCTL_API: '3' },
    });

  it('makes a new cluster with the same state and other members', async () => {
    const old = await begin(1);
    for (let i = 0; i < 50; i++) {
      await untilOk(() => old.put({ key: key(`k${i}`), value: Buffer.alloc(2_000, i) }));
    }
    await untilOk(() => old.deleteRange({ key: key('k7') }));
    await untilOk(() => old.compact({ revision: 20 }));
    await untilOk(() => old.leaseGrant({ id: 5n, ttlSeconds: 1_000 }));
    const file = join(directory, 'saved');
    await etcdctl('n1', 'snapshot', 'save', file);
    const before = await hash(old);
    await cluster.stopAll();
    const fresh = join(directory, 'fresh');
    cluster = await MemberCluster.make(fresh, 3);
    for (const name of ['n1', 'n2', 'n3']) {
      const { cluster: config, dataDir } = cluster.config(name);
      const restored = await restoreMember(file, dataDir, config, silent);
      expect(restored).toMatchObject({ keys: 49, revision: 52 });
    }
    await cluster.start('n1', 'n2', 'n3');
    const restored = client('n1');
    expect((await untilOk(() => restored.range(everything))).value.count).toBe(49n);
    for (const name of ['n1', 'n2', 'n3']) expect(await hash(client(name))).toBe(before);
    const list = () => restored.call(ClusterService.memberList, { linearizable: true });
    const { members } = (await untilOk(list)).value;
    expect(members.map(({ name }) => name).sort()).toEqual(['n1', 'n2', 'n3']);
    const put = await untilOk(() => restored.put({ key: key('new'), value: key('') }));
    expect(put.revision).toBe(53);
    const leases = await untilOk(() => restored.leaseLeases());
    expect(leases.value.leases).toEqual([{ ID: 5n }]);
  });

  it('restores into memory as well, and is refused when anything is wrong', async () => {
    const old = await begin(1);
    await untilOk(() => old.put({ key: key('a'), value: key('1') }));
    const file = join(directory, 'saved');
    await etcdctl('n1', 'snapshot', 'save', file);
    const config = parseCluster('n1', `n1=${cluster.peerUrl('n1')}`, 'restored');
    const target = join(directory, 'target');
    await expect(restoreMember(file, cluster.config('n1').dataDir, config, silent)).rejects.toThrow(
      ConfigError,
    );
    const bytes = readFileSync(file);
    bytes[600] = bytes[600]! ^ 1;
    writeFileSync(`${file}.bad`, bytes);
    await expect(restoreMember(`${file}.bad`, target, config, silent)).rejects.toThrow(
      SavedSnapshotError,
    );
    await restoreMember(file, target, config, silent);
    await cluster.stopAll();
    rmSync(join(target, 'member', 'state'), { recursive: true });
    cluster.reconfigure('n1', { dataDir: target, cluster: config, backend: 'memory' });
    await cluster.start('n1');
    const again = client('n1');
    expect((await untilOk(() => again.range({ key: key('a') }))).value.count).toBe(1n);
  });
});

describe('space', () => {
  it('ends at the quota, with room made by deleting, and goes on when disarmed', async () => {
    // In memory, so that what is deleted and compacted is free at once.
    const at = await begin(1, { quotaBackendBytes: 20_000, backend: 'memory' });
    const put = (name: string) => at.put({ key: key(name), value: Buffer.alloc(5_000) });
    await untilOk(() => put('a'));
    await untilOk(() => put('b'));
    await untilOk(() => put('c'));
    const full = await put('d');
    expect(full).toMatchObject({ error: 'etcdserver: mvcc: database space exceeded' });
    const get = { action: AlarmRequest_AlarmAction.GET, memberID: 0n, alarm: AlarmType.NONE };
    const raised = await untilOk(() => at.call(MaintenanceService.alarm, get));
    expect(raised.value.alarms).toMatchObject([{ alarm: AlarmType.NOSPACE }]);
    const status = await untilOk(() => at.call(MaintenanceService.status, {}));
    expect(status.value).toMatchObject({ dbSizeQuota: 20_000n });
    expect(status.value.errors[0]).toMatch(/^memberID:\d+ alarm:NOSPACE $/);
    // Room alone is not enough: somebody has to say that it will do.
    const gone = await untilOk(() => at.deleteRange(everything));
    await untilOk(() => at.compact({ revision: gone.revision, physical: true }));
    expect(await put('small')).toMatchObject({ code: 'resourceExhausted' });
    const disarm = { ...raised.value.alarms[0]!, action: AlarmRequest_AlarmAction.DEACTIVATE };
    await untilOk(() => at.call(MaintenanceService.alarm, disarm));
    await untilOk(() => put('e'));
  });

  it('is free some time after a compaction, although nobody writes any more', async () => {
    const at = await begin(1, { backend: 'memory' });
    const value = Buffer.alloc(1_000);
    let revision = 0;
    for (let i = 0; i < 300; i++) {
      ({ revision } = await untilOk(() => at.put({ key: key('k'), value })));
    }
    await untilOk(() => at.compact({ revision }));
    const inUse = async (): Promise<number> => {
      const status = await untilOk(() => at.call(MaintenanceService.status, {}));
      return Number(status.value.dbSizeInUse);
    };
    while ((await inUse()) > 10_000);
  });

  it('is given back by defragmenting, and nothing is lost', async () => {
    const at = await begin(1);
    for (let i = 0; i < 40; i++) {
      await untilOk(() => at.put({ key: key(`k${i}`), value: Buffer.alloc(100_000, i) }));
    }
    // The state is on disk as a whole only now.
    await cluster.stop('n1');
    await cluster.start('n1');
    const gone = await untilOk(() => at.deleteRange({ key: key('k1'), rangeEnd: key('k9') }));
    await untilOk(() => at.compact({ revision: gone.revision, physical: true }));
    const size = async (): Promise<number> => {
      const status = await untilOk(() => at.call(MaintenanceService.status, {}));
      return Number(status.value.dbSize);
    };
    const [before, hashed] = [await size(), await hash(at)];
    const writes = Array.from({ length: 20 }, (_, i) =>
      at.put({ key: key(`while${i}`), value: key('x') }),
    );
    await untilOk(() => at.call(MaintenanceService.defragment, {}));
    for (const write of writes) expect((await write).type).toBe('ok');
    expect(await size()).toBeLessThan(before / 2);
    await untilOk(() => at.deleteRange({ key: key('while'), rangeEnd: key('whilf') }));
    const after = await untilOk(() => at.range(everything));
    expect(after.value.count).toBe(2n);
    await cluster.stop('n1');
    await cluster.start('n1');
    const again = await untilOk(() => at.range(everything));
    expect(again.value).toEqual({ ...after.value, header: again.value.header });
    expect(hashed).not.toBe(await hash(at));
  });
});

test('leadership moves where it is asked for, and only the leader is asked', async () => {
  const first = await begin(3);
  const status = await untilOk(async () => {
    const answer = await first.call(MaintenanceService.status, {});
    return answer.type === 'ok' && answer.value.leader === 0n ? { type: 'info' as const } : answer;
  });
  const { members } = (
    await untilOk(() => first.call(ClusterService.memberList, { linearizable: false }))
  ).value;
  const leader = members.find(({ ID }) => ID === status.value.leader)!;
  const target = members.find(({ ID }) => ID !== leader.ID)!;
  const move = (name: string, targetID: bigint) =>
    client(name).call(MaintenanceService.moveLeader, { targetID });
  expect(await move(target.name, target.ID)).toMatchObject({
    error: 'etcdserver: not leader',
  });
  expect(await move(leader.name, 1n)).toMatchObject({
    error: 'etcdserver: bad leader transferee',
  });
  await untilOk(() => move(leader.name, target.ID));
  const moved = await untilOk(() => client(target.name).call(MaintenanceService.status, {}));
  expect(moved.value.leader).toBe(target.ID);
});

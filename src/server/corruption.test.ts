/**
 * Corruption checks: by the rules, against a real peer, and on real members whose state was
 * damaged on the disk.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AlarmType, MaintenanceService } from '../api';
import { EtcdClient } from '../client';
import { bytesOfString, MemoryStore, NO_LEASE, OverlayStore, StateMachine } from '../kv';
import type { Command } from '../kv';
import { NodeRuntime } from '../runtime/nodeRuntime';
import { loadLmdb, StateDirectory } from '../stateStore';
import { TcpTransport } from '../transport/tcpTransport';
import { CorruptionMonitor } from './corruptionMonitor';
import { CorruptStateError, initialCorruptCheck } from './initialCorruptCheck';
import { Logger } from './logger';
import { encodeHash, hashAnswer, type PeerHash } from './peerHash';
import { MemberCluster, untilOk } from './testing/memberCluster';
import { TestRuntime } from './testing/testRuntime';

const put = (key: string, value: string): Command => ({
  kind: 'put',
  request: {
    key,
    value: bytesOfString(value),
    lease: NO_LEASE,
    prevKv: false,
    ignoreValue: false,
    ignoreLease: false,
  },
});
const compact = (revision: number): Command => ({
  kind: 'compact',
  request: { revision, physical: false },
});

const MEMBERS = [1, 2, 3].map((id) => ({
  id,
  name: `n${id}`,
  peerUrls: ['http://127.0.0.1:1'],
  clientUrls: [],
  isLearner: false,
}));

function machineOf(commands: readonly Command[], store = new MemoryStore()): StateMachine {
  const machine = new StateMachine({ store });
  machine.resetCluster(MEMBERS);
  commands.forEach((command, i) => machine.apply(command, i + 1));
  return machine;
}

const history = [put('a', '1'), put('b', '2'), put('a', '3')];

/** Changes a byte of a value where it lies. */
function damage(
  store: { scan: MemoryStore['scan']; batch: MemoryStore['batch'] },
  kind = 'k',
): void {
  const found: { readonly key: string; readonly value: Uint8Array }[] = [];
  store.scan(kind, `${kind}\xff`, (key, value) => {
    found.push({ key, value });
    return false;
  });
  const { key, value } = found[0]!;
  const changed = value.slice();
  changed[changed.length - 1]! ^= 1;
  store.batch([{ key, value: changed }]);
}

class Lines {
  readonly lines: string[] = [];
  readonly logger = new Logger(
    'info',
    (line) => this.lines.push(line),
    () => 0,
  );
  get text(): string {
    return this.lines.join('');
  }
}

describe('the leader compares', () => {
  function alarmsAfter(answers: Readonly<Record<number, PeerHash | undefined>>, isLeader = true) {
    const runtime = new TestRuntime();
    const raised: bigint[] = [];
    const lines = new Lines();
    const monitor = new CorruptionMonitor({
      runtime,
      intervalMs: 1_000,
      self: 1,
      machine: machineOf(history),
      isLeader: () => isLeader,
      ask: (to, _, done) => done(answers[to]),
      readBarrier: (done) => done(undefined),
      propose: (command) => {
        if (command.kind === 'alarm') raised.push(command.alarm.memberId);
      },
      logger: lines.logger,
    });
    runtime.advance(1_000);
    monitor.stop();
    runtime.advance(10_000);
    return { raised, text: lines.text };
  }
  const good = hashAnswer(machineOf(history), 4);
  const other = hashAnswer(machineOf([put('a', '1'), put('b', 'x'), put('a', '3')]), 4);

  it.each<[string, PeerHash | undefined, string | undefined]>([
    ['an equal member', good, undefined],
    ['a member that does not answer', undefined, undefined],
    ['a member that is behind', hashAnswer(machineOf([put('a', '1')]), 4), undefined],
    ['another content', other, 'same compact revision then hashes must match'],
    [
      'a revision that nobody committed',
      hashAnswer(machineOf([...history, put('c', '4')]), 4),
      "revision from follower must be less than or equal to leader's",
    ],
    [
      'a compaction that nobody committed',
      hashAnswer(machineOf([...history, compact(3)]), 4),
      "compact revision from follower must be less than or equal to leader's",
    ],
    ['another hash after an older compaction', { ...other, compactRevision: -2 }, undefined],
  ])('%s', (_, answer, text) => {
    const { raised, text: logged } = alarmsAfter({ 2: good, 3: answer });
    expect(raised).toEqual(text === undefined ? [] : [3n]);
    expect(logged).toContain(text === undefined ? 'enabled corruption checking' : text);
    expect(alarmsAfter({ 2: good, 3: answer }, false).raised).toEqual([]);
  });
});

test('every member finds damage of its own', () => {
  const store = new MemoryStore();
  const machine = machineOf(history, store);
  expect(auditOf(machine)).toBeUndefined();
  damage(store);
  // The sums that are carried along do not notice.
  expect(machine.hashKv()).toBe(machineOf(history).hashKv());
  expect(auditOf(machine)).toContain('a damaged version under the key "ka');
});

test('an index of the newest versions that says something else is damage, too', () => {
  const damaged = new MemoryStore();
  const one = machineOf(history, damaged);
  damage(damaged, 'n');
  expect(auditOf(one)).toBe('no newest version under the key "na\\u0000"');
  const extended = new MemoryStore();
  const two = machineOf(history, extended);
  extended.batch([{ key: 'nz\0', value: new Uint8Array(20) }]);
  expect(auditOf(two)).toBe('3 newest versions of 2 keys');
});

function auditOf(machine: StateMachine): string | undefined {
  const audit = machine.audit();
  for (;;) {
    const outcome = audit.step();
    if (outcome !== undefined) return outcome.damage;
  }
}

describe('before it takes part, a member', () => {
  async function check(theirs: StateMachine | undefined, own = machineOf(history)) {
    const lines = new Lines();
    const peer = new TcpTransport({
      runtime: new NodeRuntime(),
      clusterId: 'c',
      id: 2,
      listen: { host: '127.0.0.1', port: 0 },
      peers: [],
      answerQuery: (query) =>
        theirs === undefined || query.kind !== 'hashKv'
          ? new Uint8Array(0)
          : encodeHash(hashAnswer(theirs, query.revision)),
      log: () => undefined,
    });
    await peer.start();
    const url = `http://127.0.0.1:${peer.port}`;
    own.resetCluster(MEMBERS.slice(0, 2).map((member) => ({ ...member, peerUrls: [url] })));
    const outcome = await initialCorruptCheck({
      machine: own,
      self: 1,
      tls: undefined,
      logger: lines.logger,
    }).then(
      () => undefined,
      (error: unknown) => error,
    );
    peer.close();
    await peer.closed();
    return { outcome, text: lines.text };
  }

  it('finds that a peer holds the same', async () => {
    const { outcome, text } = await check(machineOf([...history, put('later', '')]));
    expect(outcome).toBeUndefined();
    expect(text).toContain('initial corruption checking passed; no corruption');
  });

  it('refuses to when a peer holds something else at its revision', async () => {
    const { outcome, text } = await check(machineOf([put('a', '1'), put('b', 'x'), put('a', '3')]));
    expect(outcome).toBeInstanceOf(CorruptStateError);
    expect((outcome as Error).message).toBe('1 found data inconsistency with peers');
    expect(text).toContain('found different hash values from remote peer');
  });

  it.each<[string, StateMachine | undefined, string]>([
    ['is ahead of a peer', machineOf([put('a', '1')]), 'cannot fetch hash from slow remote peer'],
    [
      'is behind the compaction of a peer',
      machineOf([...history, put('a', '4'), compact(5)]),
      'cannot fetch hash from remote peer; local member is behind',
    ],
    [
      'has compacted otherwise',
      machineOf([...history, compact(4)]),
      'found different compact revision values from remote peer',
    ],
    ['gets no answer', undefined, 'failed hash kv request'],
  ])('starts when it %s', async (_, theirs, line) => {
    const { outcome, text } = await check(theirs);
    expect(outcome).toBeUndefined();
    expect(text).toContain(line);
  });

  it('refuses to with a damaged state', async () => {
    const store = new MemoryStore();
    const own = machineOf(history, store);
    damage(store);
    const { outcome } = await check(machineOf(history), own);
    expect((outcome as Error).message).toMatch(/^1 found its own state damaged: a damaged version/);
  });
});

describe('real members', () => {
  let directory: string;
  let cluster: MemberCluster;
  let client: EtcdClient;
  const names = ['n1', 'n2', 'n3'];
  const a = Buffer.from('a');
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'crucible-corruption-'));
    cluster = await MemberCluster.make(directory, 3);
    const checks = { initialCorruptCheck: true, corruptCheckMs: 20 };
    for (const name of names) cluster.reconfigure(name, checks);
    await cluster.start(...names);
    client = new EtcdClient({ endpoints: [cluster.url('n1')], timeoutMs: 10_000 });
  });
  afterEach(async () => {
    client.close();
    await cluster.stopAll();
    rmSync(directory, { recursive: true, force: true });
  });

  const alarms = async () => {
    const get = { action: 0, memberID: 0n, alarm: AlarmType.NONE };
    return (await untilOk(() => client.call(MaintenanceService.alarm, get))).value.alarms;
  };

  it('refuse to start, or raise the alarm, when a disk changed what they wrote', async () => {
    for (let i = 0; i < 30; i++) {
      await untilOk(() => client.put({ key: a, value: Buffer.from(`${i}`) }));
      if (i === 15) await untilOk(() => client.compact({ revision: 10 }));
    }
    expect(await alarms()).toEqual([]);
    expect(cluster.lines.join('')).not.toContain('hashes must match');
    const { dataDir } = cluster.config('n3');
    const id = cluster.member('n3').driver.node.id;
    await cluster.stop('n3');
    await damageOnDisk(join(dataDir, 'member', 'state'));
    await expect(cluster.start('n3')).rejects.toThrow(CorruptStateError);
    expect(await alarms()).toEqual([]);
    cluster.reconfigure('n3', { initialCorruptCheck: false });
    await cluster.start('n3');
    for (;;) {
      const raised = await alarms();
      if (raised.length === 0) continue;
      expect(raised).toEqual([{ memberID: BigInt(id), alarm: AlarmType.CORRUPT }]);
      break;
    }
    const refused = { code: 'dataLoss', error: 'etcdserver: corrupt cluster' };
    expect(await client.put({ key: a, value: a })).toMatchObject(refused);
    expect((await untilOk(() => client.range({ key: a }))).value.count).toBe(1n);
  });
});

/** Through the engine's own interface: the file is as sound as any other. */
async function damageOnDisk(path: string): Promise<void> {
  const lmdb = await loadLmdb();
  if ('missing' in lmdb) throw new Error(lmdb.missing);
  const state = new StateDirectory(lmdb, path);
  const store = new OverlayStore(state.open(), {
    failed: (error) => {
      throw error;
    },
  });
  damage(store);
  store.durability.syncNow();
  store.close();
  await state.closed();
}

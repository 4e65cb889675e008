/**
 * The client against a real etcd from PATH: every call once, and what it says about requests that
 * were refused, never sent, or lost.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { RangeRequest, KVService, type WatchResponse } from '../api';
import { EtcdClient } from './etcdClient';
import { failure } from './outcome';
import type { Ok, Outcome } from './outcome';
import { FROM_KEY, prefixEnd } from './requests';
import { freePorts } from '../../chaos/targets/freePorts';
import { EtcdProcess, etcdVersion } from './testing/etcdProcess';
import { withProgram } from './testing/withProgram';
import type { WatchEnd, WatchStream } from './watchStream';

const version = etcdVersion();
const withEtcd = withProgram(describe, 'etcd', ['--version']);

function value<T>(outcome: Outcome<T>): Ok<T> {
  if (outcome.type !== 'ok') throw new Error(`${outcome.type} ${outcome.code}: ${outcome.error}`);
  return outcome;
}

describe('a failed request', () => {
  test('is without effect when it was never sent, whatever its code', () => {
    expect(failure(14, 'No connection established', false)).toEqual({
      type: 'fail',
      code: 'unavailable',
      error: 'No connection established',
    });
    expect(failure(4, 'Deadline exceeded', false).type).toBe('fail');
  });

  test.each([
    [3, 'etcdserver: key is not provided'],
    [5, 'etcdserver: requested lease not found'],
    [9, 'etcdserver: lease already exists'],
    [11, 'etcdserver: mvcc: required revision has been compacted'],
    [7, 'etcdserver: permission denied'],
    [16, 'etcdserver: invalid auth token'],
    [12, 'unknown service'],
    [8, 'etcdserver: too many requests'],
    [8, 'grpc: received message larger than max (3000000 vs. 2097152)'],
    [8, 'Received message larger than max (3000000 vs 2097152)'],
  ])('is without effect when the server refused it: %d %s', (code, text) => {
    expect(failure(code, text, true).type).toBe('fail');
  });

  test.each([
    [14, 'etcdserver: request timed out'],
    [14, 'etcdserver: leader changed'],
    [14, 'etcdserver: no leader'],
    [14, 'Connection dropped'],
    [4, 'Deadline exceeded'],
    [1, 'Call cancelled'],
    [2, 'anything'],
    [13, 'anything'],
    [10, 'aborted'],
    [15, 'etcdserver: corrupt cluster'],
    // etcd can answer so after it has applied the write.
    [8, 'etcdserver: mvcc: database space exceeded'],
    // The response was too large for us: the request was carried out.
    [8, 'Received message larger than max (70000000 vs 67108864)'],
    [12, 'No message received'],
    [7, 'Received HTTP status code 403'],
    [99, 'a code from the future'],
  ])('is unknown otherwise: %d %s', (code, text) => {
    expect(failure(code, text, true).type).toBe('info');
  });
});

describe('a client without a server', () => {
  let client: EtcdClient;
  let silent: Server;
  const sockets: Socket[] = [];

  beforeAll(async () => {
    const [closed] = await freePorts(1);
    silent = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
    });
    await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening));
    const address = silent.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    client = new EtcdClient({
      endpoints: [`127.0.0.1:${closed}`, `127.0.0.1:${address.port}`],
      timeoutMs: 300,
    });
  });

  afterAll(() => {
    client.close();
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  test('knows that a refused connection carried no request', async () => {
    const outcome = await client.put({ key: 'a', value: '1' });
    expect(outcome).toMatchObject({ type: 'fail', code: 'unavailable' });
    expect(await client.leaseKeepAlive(1n)).toMatchObject({ type: 'fail', code: 'unavailable' });
  });

  test('knows that a request waiting for a connection was not sent', async () => {
    const outcome = await client.put({ key: 'a', value: '1' }, { endpoint: 1 });
    expect(outcome).toMatchObject({ type: 'fail', code: 'deadlineExceeded' });
  });

  test('rejects an endpoint that it does not have', () => {
    expect(() => client.status({ endpoint: 2 })).toThrow('endpoint 2 of a client with 2 endpoints');
    expect(() => new EtcdClient({ endpoints: [] })).toThrow('at least one endpoint');
    expect(() => new EtcdClient({ endpoints: ['ftp://x'] })).toThrow('is not host:port');
  });
});

describe('prefixEnd', () => {
  test.each([
    ['a', 'b'],
    ['a\u007f', 'a\u0080'],
    ['', '\0'],
  ])('of %j', (prefix, end) => {
    expect(prefixEnd(Buffer.from(prefix, 'latin1')).toString('latin1')).toBe(end);
  });

  test('of the highest bytes is everything', () => {
    expect(prefixEnd(Buffer.from([0xff, 0xff]))).toEqual(Buffer.from([0]));
    expect(prefixEnd(Buffer.from([1, 0xff]))).toEqual(Buffer.from([2]));
  });
});

withEtcd(`a client of etcd ${version}`, () => {
  let etcd: EtcdProcess;
  let client: EtcdClient;

  beforeAll(async () => {
    etcd = await EtcdProcess.start();
    client = new EtcdClient({ endpoints: [etcd.endpoint], timeoutMs: 10_000 });
  });

  afterAll(async () => {
    client.close();
    await etcd.close();
  });

  test('puts, reads and deletes', async () => {
    const put = value(await client.put({ key: 'kv/a', value: 'one' }));
    expect(put.memberId).toBeGreaterThan(2n ** 53n);
    value(await client.put({ key: 'kv/b', value: Buffer.from([0, 255]) }));
    const read = value(await client.range({ key: 'kv/', rangeEnd: prefixEnd('kv/'), limit: 1 }));
    expect(read.value.kvs.map((kv) => kv.value.toString())).toEqual(['one']);
    expect(read.value.more).toBe(true);
    expect(read.value.count).toBe(2n);
    expect(read.revision).toBe(put.revision + 1);
    expect(read.value.kvs[0]!.modRevision).toBe(BigInt(put.revision));
    const gone = value(await client.deleteRange({ key: 'kv/', rangeEnd: FROM_KEY, prevKv: true }));
    expect(gone.value.deleted).toBe(2n);
    expect(gone.value.prevKvs[1]!.value).toEqual(Buffer.from([0, 255]));
  });

  test('runs transactions', async () => {
    const create = {
      compare: [{ key: 'txn', target: 'create', operand: 0 }],
      success: [{ op: 'put', key: 'txn', value: '1' }],
      failure: [{ op: 'range', key: 'txn' }],
    } as const;
    expect(value(await client.txn(create)).value.succeeded).toBe(true);
    const again = value(await client.txn(create)).value;
    expect(again.succeeded).toBe(false);
    expect(again.responses[0]!.response?.$case).toBe('responseRange');
  });

  test('says that refused requests had no effect', async () => {
    const future = await client.range({ key: 'a', revision: 1e9 });
    expect(future).toEqual({
      type: 'fail',
      code: 'outOfRange',
      error: 'etcdserver: mvcc: required revision is a future revision',
    });
    expect(await client.put({ key: '', value: '' })).toMatchObject({ code: 'invalidArgument' });
    expect(await client.put({ key: 'a', value: '', lease: 77n })).toMatchObject({
      type: 'fail',
      code: 'notFound',
    });
    const large = await client.put({ key: 'a', value: Buffer.alloc(1_600_000) });
    expect(large).toMatchObject({ type: 'fail', error: 'etcdserver: request is too large' });
    const larger = await client.put({ key: 'a', value: Buffer.alloc(2_200_000) });
    expect(larger).toMatchObject({ type: 'fail', code: 'resourceExhausted' });
  });

  test('sends raw requests and survives what etcd answers to them', async () => {
    const request = RangeRequest.create({ key: Buffer.from('a'), sortOrder: 77 as never });
    const outcome = await client.call(KVService.range, request);
    expect(['ok', 'fail', 'info']).toContain(outcome.type);
    expect(await client.healthy()).toBe(true);
  });

  test('grants, renews and revokes leases', async () => {
    const lease = value(await client.leaseGrant({ ttlSeconds: 60, id: 2n ** 60n })).value;
    expect(lease.ID).toBe(2n ** 60n);
    value(await client.put({ key: 'leased', value: '', lease: lease.ID }));
    expect(value(await client.leaseKeepAlive(lease.ID)).value.TTL).toBe(60n);
    const left = value(await client.leaseTimeToLive({ id: lease.ID, keys: true })).value;
    expect(left.keys.map(String)).toEqual(['leased']);
    expect(value(await client.leaseLeases()).value.leases).toEqual([{ ID: lease.ID }]);
    value(await client.leaseRevoke(lease.ID));
    expect(value(await client.leaseKeepAlive(lease.ID)).value.TTL).toBe(0n);
    expect(await client.leaseRevoke(lease.ID)).toMatchObject({ type: 'fail', code: 'notFound' });
  });

  test('asks a member about itself', async () => {
    const status = value(await client.status());
    expect(status.value.version).toBe(version);
    expect(status.value.leader).toBe(status.memberId);
    const members = value(await client.memberList()).value.members;
    expect(members.map((member) => [member.ID, member.name])).toEqual([[status.memberId, 'm1']]);
    const hash = value(await client.hashKv(0)).value;
    expect(value(await client.hashKv(0)).value.hash).toBe(hash.hash);
    value(await client.defragment());
    expect(await client.moveLeader(1n)).toMatchObject({ type: 'fail' });
    expect(await client.authenticate({ name: 'a', password: 'b' })).toMatchObject({
      code: 'failedPrecondition',
    });
  });

  test('hands on watch responses as they come', async () => {
    const responses: WatchResponse[] = [];
    let wake: () => void = () => undefined;
    const until = async (done: () => boolean) => {
      while (!done()) await new Promise<void>((resolve) => (wake = resolve));
    };
    let ended: WatchEnd | undefined;
    const stream: WatchStream = client.watch({
      onResponse: (response) => (responses.push(response), wake()),
      onEnd: (end) => ((ended = end), wake()),
    });
    const first = value(await client.put({ key: 'watched', value: '1' })).revision;
    value(await client.deleteRange({ key: 'watched' }));
    stream.create({ key: 'watched', startRevision: first, prevKv: true });
    await until(() => responses.flatMap((response) => response.events).length === 2);
    expect(responses[0]!.created).toBe(true);
    const events = responses.flatMap((response) => response.events);
    expect(events.map((event) => [event.type, event.kv!.modRevision])).toEqual([
      [0, BigInt(first)],
      [1, BigInt(first + 1)],
    ]);
    expect(events[1]!.prevKv!.value.toString()).toBe('1');
    stream.cancel(responses[0]!.watchId);
    await until(() => responses.at(-1)!.canceled);
    // A new connection does not tear the streams of the old one.
    client.reconnect(0);
    value(await client.put({ key: 'watched', value: '2' }));
    const seen = responses.length;
    stream.create({ key: 'watched', startRevision: first + 2, without: ['delete'] });
    await until(() => responses.length > seen && responses.at(-1)!.events.length === 1);
    expect(ended).toBeUndefined();
    stream.close();
    await until(() => ended !== undefined);
    expect(ended).toMatchObject({ code: 'cancelled' });
  });

  test('compacts, and reads below the compacted revision are refused', async () => {
    const { revision } = value(await client.put({ key: 'c', value: '1' }));
    value(await client.compact({ revision, physical: true }));
    expect(await client.compact({ revision })).toMatchObject({ type: 'fail', code: 'outOfRange' });
    expect(await client.range({ key: 'c', revision: revision - 1 })).toMatchObject({
      error: 'etcdserver: mvcc: required revision has been compacted',
    });
  });

  test('does not know what became of a request to a stopped process', async () => {
    await etcd.pause();
    const put = client.put({ key: 'paused', value: '1' }, { timeoutMs: 200 });
    expect(await put).toMatchObject({ type: 'info', code: 'deadlineExceeded' });
    etcd.resume();
    expect(await client.healthy()).toBe(true);
  });

  test('uses a restarted member again at once', async () => {
    const open = client.put({ key: 'k', value: '1' });
    await etcd.kill();
    await open;
    const down = await client.put({ key: 'k', value: '2' });
    expect(['fail', 'info']).toContain(down.type);
    await etcd.run();
    const started = performance.now();
    while (!(await client.healthy({ timeoutMs: 1000 }))) {
      await new Promise((turn) => setImmediate(turn));
    }
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

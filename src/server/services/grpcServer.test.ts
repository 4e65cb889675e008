/** The services over a state machine without consensus, as clients see them. */
import { createServer } from 'node:net';
import { Client, credentials, status as Status } from '@grpc/grpc-js';
import {
  ClusterService,
  KVService,
  LeaseService,
  MaintenanceService,
  RangeRequest,
  TxnRequest,
  type LeaseKeepAliveResponse,
} from '../../api';
import { EtcdClient, type Ok, type Outcome } from '../../client';
import { NotServed } from '../notServed';
import { startGrpcServer, type RunningGrpcServer } from './grpcServer';
import { SoloBackend } from './testing/soloBackend';

const invalid = (text: string) => ({ type: 'fail', code: 'invalidArgument', error: text });

function value<T>(outcome: Outcome<T>): Ok<T> {
  if (outcome.type !== 'ok') throw new Error(`${outcome.type} ${outcome.code}: ${outcome.error}`);
  return outcome;
}

describe('the services', () => {
  let backend: SoloBackend;
  let server: RunningGrpcServer;
  let client: EtcdClient;
  const defects: unknown[] = [];

  beforeEach(async () => {
    backend = new SoloBackend();
    defects.length = 0;
    server = await startGrpcServer(backend, {
      host: '127.0.0.1',
      port: 0,
      maxRequestBytes: 100_000,
      maxTxnOps: 3,
      onDefect: (error) => defects.push(error),
    });
    client = new EtcdClient({ endpoints: [`127.0.0.1:${server.port}`], timeoutMs: 10_000 });
  });

  afterEach(async () => {
    client.close();
    await server.close();
  });

  test('answer with the header of the member', async () => {
    const put = value(await client.put({ key: 'a', value: '1' }));
    expect(put).toMatchObject({
      revision: 2,
      raftTerm: 7,
      memberId: backend.memberId,
      clusterId: backend.clusterId,
    });
  });

  test('wait for a read barrier unless the read is serializable', async () => {
    value(await client.range({ key: 'a', serializable: true }));
    const serializable = { op: 'range', key: 'a', serializable: true } as const;
    value(await client.txn({ success: [serializable], failure: [serializable] }));
    expect(backend.barriers).toBe(0);
    value(await client.range({ key: 'a' }));
    value(await client.txn({ success: [serializable], failure: [{ op: 'range', key: 'b' }] }));
    expect(backend.barriers).toBe(2);
    expect(backend.proposals).toBe(0);
    value(await client.memberList({ linearizable: true }));
    expect(backend.barriers).toBe(3);
  });

  test('number the responses inside a transaction as etcd does', async () => {
    value(await client.put({ key: 'a', value: '1' }));
    const txn = value(
      await client.txn({
        success: [
          { op: 'range', key: 'a' },
          { op: 'delete', key: 'missing' },
          { op: 'put', key: 'b', value: '2', prevKv: true },
        ],
      }),
    );
    const revisions = txn.value.responses.map(({ response }) => response!.value.header!.revision);
    expect(revisions).toEqual([2n, 2n, 3n]);
    expect(txn.revision).toBe(3);
  });

  test('refuse what is too large before it is proposed', async () => {
    const large = { key: 'a', value: Buffer.alloc(100_000) };
    expect(await client.put(large)).toEqual(invalid('etcdserver: request is too large'));
    const txn = await client.txn({ success: [{ op: 'put', ...large }] });
    expect(txn).toEqual(invalid('etcdserver: request is too large'));
    const larger = await client.put({ key: 'a', value: Buffer.alloc(100_000 + 512 * 1024) });
    expect(larger).toMatchObject({ type: 'fail', code: 'resourceExhausted' });
    const op = { op: 'range', key: 'a' } as const;
    expect(await client.txn({ success: [op, op, op, op] })).toEqual(
      invalid('etcdserver: too many operations in txn request'),
    );
    expect(backend.proposals).toBe(0);
  });

  test.each([
    ['noLeader', 'info', 'unavailable', 'etcdserver: no leader'],
    ['timeout', 'info', 'unavailable', 'etcdserver: request timed out'],
    ['stopped', 'info', 'unavailable', 'etcdserver: server stopped'],
    ['tooManyRequests', 'fail', 'resourceExhausted', 'etcdserver: too many requests'],
    ['tooLarge', 'fail', 'invalidArgument', 'etcdserver: request is too large'],
  ] as const)('say why a request was not served: %s', async (reason, type, code, error) => {
    backend.refusing = new NotServed(reason, true, 'a reason with its numbers');
    expect(await client.put({ key: 'a', value: '1' })).toEqual({ type, code, error });
    expect(await client.range({ key: 'a' })).toEqual({ type, code, error });
    expect((await client.range({ key: 'a', serializable: true })).type).toBe('ok');
    expect(defects).toEqual([]);
  });

  test('report a defect and answer it as unknown', async () => {
    backend.refusing = new Error('a bug');
    expect(await client.put({ key: 'a', value: '1' })).toEqual({
      type: 'info',
      code: 'unknown',
      error: 'etcdserver: a bug',
    });
    expect(defects).toEqual([backend.refusing]);
  });

  test('refuse enums that do not exist and operands of another kind', async () => {
    const key = Buffer.from('a');
    const range = (fields: object) =>
      client.call(KVService.range, RangeRequest.fromPartial({ key, ...fields }));
    const sort = invalid('etcdserver: invalid sort option');
    expect(await range({ sortOrder: 77 })).toEqual(sort);
    expect(await range({ sortTarget: -5 })).toEqual(sort);
    const compare = (fields: object) =>
      client.call(KVService.txn, TxnRequest.fromPartial({ compare: [{ key, ...fields }] }));
    const refusal = 'etcdserver: invalid compare in txn request: ';
    expect(await compare({ result: 9 })).toEqual(invalid(`${refusal}result 9`));
    expect(await compare({ target: 9 })).toEqual(invalid(`${refusal}target 9`));
    for (const target of [0, 1, 2, 4]) {
      const targetUnion = { $case: 'value', value: key };
      expect(await compare({ target, targetUnion })).toMatchObject({ code: 'invalidArgument' });
    }
    expect(await compare({ target: 3, targetUnion: { $case: 'version', value: 1n } })).toEqual(
      invalid(`${refusal}target VALUE with operand version`),
    );
    for (const target of [0, 1, 2, 3, 4]) expect((await compare({ target })).type).toBe('ok');
    expect(defects).toEqual([]);
  });

  test('take the largest and smallest integers for what they are', async () => {
    const key = Buffer.from('a');
    const top = 2n ** 63n - 1n;
    const range = (fields: object) =>
      client.call(KVService.range, RangeRequest.fromPartial({ key, ...fields }));
    expect(await range({ revision: top })).toMatchObject({ code: 'outOfRange' });
    expect((await range({ revision: -top, limit: -top })).type).toBe('ok');
    expect((await range({ minModRevision: top, maxModRevision: -top })).type).toBe('ok');
    expect(await client.call(KVService.compact, { revision: top, physical: false })).toMatchObject({
      error: 'etcdserver: mvcc: required revision is a future revision',
    });
    const version = { key, targetUnion: { $case: 'version', value: top } } as const;
    const txn = value(
      await client.call(
        KVService.txn,
        TxnRequest.fromPartial({
          compare: [version],
          success: [{ request: { $case: 'requestPut', value: { key } } }],
          failure: [{ request: { $case: 'requestPut', value: { key, value: key } } }],
        }),
      ),
    );
    expect(txn.value.succeeded).toBe(false);
    expect(await client.put({ key: 'a', value: '1', lease: -(2n ** 63n) })).toMatchObject({
      code: 'notFound',
    });
    expect(defects).toEqual([]);
  });

  test('a range learns that its client has gone', async () => {
    const gone = new Promise<void>((resolve) => {
      backend.beforeRange = (isWanted) => {
        const look = (): void => void (isWanted() ? setImmediate(look) : resolve());
        look();
        return gone;
      };
    });
    const hasty = new EtcdClient({ endpoints: [`127.0.0.1:${server.port}`], timeoutMs: 100 });
    expect(await hasty.range({ key: 'a' })).toMatchObject({ code: 'deadlineExceeded' });
    await gone;
    hasty.close();
  });

  test('a learner answers status and serializable reads only', async () => {
    backend.isLearner = true;
    const refused = { code: 'unavailable', error: 'etcdserver: rpc not supported for learner' };
    expect(await client.put({ key: 'a', value: '1' })).toMatchObject(refused);
    expect(await client.range({ key: 'a' })).toMatchObject(refused);
    expect((await client.range({ key: 'a', serializable: true })).type).toBe('ok');
    expect(value(await client.status()).value.isLearner).toBe(true);
  });

  test('a member that does not know yet whether it is a learner answers status only', async () => {
    backend.isMember = false;
    const refused = { code: 'unavailable', error: 'etcdserver: not capable' };
    expect(await client.put({ key: 'a', value: '1' })).toMatchObject(refused);
    expect(await client.range({ key: 'a' })).toMatchObject(refused);
    expect(await client.range({ key: 'a', serializable: true })).toMatchObject(refused);
    expect(await client.call(ClusterService.memberList, { linearizable: false })).toMatchObject(
      refused,
    );
    expect((await client.status()).type).toBe('ok');
    expect(backend.proposals + backend.barriers).toBe(0);
  });

  test('a client that requires a leader is refused without one', async () => {
    backend.leader = 0n;
    const serializable = { key: 'a', serializable: true } as const;
    expect(await client.range(serializable, { requireLeader: true })).toMatchObject({
      error: 'etcdserver: no leader',
    });
    expect((await client.range(serializable)).type).toBe('ok');
  });

  test('what is not implemented says so', async () => {
    for (const outcome of [
      await client.authenticate({ name: 'a', password: 'b' }),
      await client.defragment(),
      await client.call(MaintenanceService.alarm, { action: 9, memberID: 0n, alarm: 1 }),
      await client.call(MaintenanceService.alarm, { action: 1, memberID: 0n, alarm: 9 }),
      await client.call(ClusterService.memberRemove, { ID: 1n }),
    ]) {
      expect(outcome).toMatchObject({ type: 'fail', code: 'unimplemented' });
    }
    value(await client.moveLeader(5n));
    expect(backend.moved).toEqual([5n]);
    const alarms = value(
      await client.call(MaintenanceService.alarm, { action: 0, memberID: 0n, alarm: 0 }),
    );
    expect(alarms.value.alarms).toEqual([]);
  });

  test('alarms are raised, listed by kind and taken back', async () => {
    const alarm = async (action: number, kind: number, memberID = 2n ** 64n - 1n) =>
      value(await client.call(MaintenanceService.alarm, { action, memberID, alarm: kind })).value
        .alarms;
    const raised = [{ memberID: 2n ** 64n - 1n, alarm: 1 }];
    expect(await alarm(1, 1)).toEqual(raised);
    expect(await alarm(0, 0)).toEqual(raised);
    expect(await alarm(0, 2)).toEqual([]);
    expect(await client.put({ key: 'full', value: 'x' })).toMatchObject({
      error: 'etcdserver: mvcc: database space exceeded',
    });
    expect(await alarm(2, 1)).toEqual(raised);
    expect(await alarm(2, 1)).toEqual([]);
    value(await client.put({ key: 'full', value: 'x' }));
  });

  test('leases are granted, renewed and revoked', async () => {
    const lease = value(await client.leaseGrant({ ttlSeconds: 60, id: 7n }));
    expect(lease.value).toMatchObject({ ID: 7n, TTL: 60n, error: '' });
    expect(value(await client.leaseGrant({ ttlSeconds: -5 })).value).toMatchObject({
      ID: 1001n,
      TTL: 2n,
    });
    expect(await client.leaseGrant({ ttlSeconds: 60, id: 7n })).toMatchObject({
      type: 'fail',
      code: 'failedPrecondition',
      error: 'etcdserver: lease already exists',
    });
    expect(await client.leaseGrant({ ttlSeconds: 9_000_000_001 })).toMatchObject({
      code: 'outOfRange',
      error: 'etcdserver: too large lease TTL',
    });
    value(await client.put({ key: 'a', value: '1', lease: 7n }));
    const time = value(await client.leaseTimeToLive({ id: 7n, keys: true })).value;
    expect(time).toMatchObject({ TTL: 60n, grantedTTL: 60n, keys: [Buffer.from('a')] });
    expect(value(await client.leaseLeases()).value.leases).toEqual([{ ID: 7n }, { ID: 1001n }]);
    expect(value(await client.leaseKeepAlive(7n)).value.TTL).toBe(60n);
    expect(value(await client.leaseKeepAlive(8n)).value.TTL).toBe(0n);
    const revoked = value(await client.leaseRevoke(7n));
    expect(revoked.revision).toBe(3);
    expect(value(await client.range({ key: 'a' })).value.count).toBe(0n);
    expect(await client.leaseRevoke(7n)).toMatchObject({ code: 'notFound' });
    const gone = value(await client.leaseTimeToLive({ id: 7n, keys: true })).value;
    expect(gone).toMatchObject({ TTL: -1n, grantedTTL: 0n, keys: [] });
  });

  test('a renewal that is not served ends its stream with the reason', async () => {
    backend.refusing = new NotServed('noLeader', true, 'none known');
    expect(await client.leaseKeepAlive(7n)).toMatchObject({ error: 'etcdserver: no leader' });
    backend.refusing = new Error('a bug');
    expect(await client.leaseKeepAlive(7n)).toMatchObject({ code: 'unknown' });
    expect(defects).toEqual([backend.refusing]);
  });

  test('a client that is done renewing gets its answers and the end of the stream', async () => {
    value(await client.leaseGrant({ ttlSeconds: 60, id: 7n }));
    const raw = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure());
    const { path, requestSerialize, responseDeserialize } = LeaseService.leaseKeepAlive;
    const renewals = raw.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    const answered: bigint[] = [];
    const ended = new Promise<Status>((resolve) => {
      renewals.on('data', ({ ID }: LeaseKeepAliveResponse) => answered.push(ID));
      renewals.on('status', ({ code }: { readonly code: Status }) => resolve(code));
    });
    for (const ID of [7n, 8n, 7n]) renewals.write({ ID });
    renewals.end();
    expect(await ended).toBe(Status.OK);
    expect(answered).toEqual([7n, 8n, 7n]);
    raw.close();
  });

  test('members that agree have the same hash', async () => {
    const before = value(await client.hashKv(0)).value;
    value(await client.put({ key: 'a', value: '1' }));
    const after = value(await client.hashKv(0)).value;
    expect(after.hash).not.toBe(before.hash);
    expect(after.hashRevision).toBe(2n);
    expect(await client.hashKv(99)).toMatchObject({ code: 'outOfRange' });
  });
});

describe('the server', () => {
  test('says which address it could not listen on', async () => {
    // grpc-js also writes a line of its own.
    const log = jest.spyOn(console, 'error').mockImplementation(() => undefined);
    const other = createServer();
    await new Promise<void>((listening) => other.listen(0, '127.0.0.1', listening));
    const { port } = other.address() as { port: number };
    await expect(startGrpcServer(new SoloBackend(), { host: '127.0.0.1', port })).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: the port is in use (EADDRINUSE)`,
    );
    other.close();
    log.mockRestore();
  });

  test('cuts off calls that do not end in its grace period', async () => {
    const backend = new SoloBackend();
    let asked: () => void = () => undefined;
    const arrived = new Promise<void>((resolve) => (asked = resolve));
    backend.linearizableRead = () => new Promise(() => asked());
    const server = await startGrpcServer(backend, { host: '127.0.0.1', port: 0, graceMs: 10 });
    const client = new EtcdClient({ endpoints: [`127.0.0.1:${server.port}`], timeoutMs: 10_000 });
    const read = client.range({ key: 'a' });
    await arrived;
    await server.close();
    expect(await read).toMatchObject({ type: 'info' });
    client.close();
  });
});

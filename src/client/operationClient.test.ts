/** Recorded operations against a real etcd: what each vocabulary sends and what it records. */
import { EtcdClient } from './etcdClient';
import { OperationError, type Vocabulary } from './operation';
import { OperationClient } from './operationClient';
import { freePorts } from '../../chaos/targets/freePorts';
import { EtcdProcess, etcdVersion } from './testing/etcdProcess';
import { withProgram } from './testing/withProgram';

const version = etcdVersion();
const withEtcd = withProgram(describe, 'etcd', ['--version']);

describe('a store that is down', () => {
  test('fails every operation without effect', async () => {
    const [port] = await freePorts(1);
    const client = new EtcdClient({ endpoints: [`127.0.0.1:${port}`], timeoutMs: 300 });
    const register = new OperationClient(client, { vocabulary: 'register' });
    for (const operation of [
      { f: 'read', key: 'a' },
      { f: 'write', key: 'a', value: 1 },
      { f: 'cas', key: 'a', value: [1, 2] },
    ]) {
      const completion = await register.perform(operation);
      expect(completion.type).toBe('fail');
      expect(completion.error).toMatch(/^unavailable: /);
    }
    client.close();
  });
});

withEtcd(`operations on etcd ${version}`, () => {
  let etcd: EtcdProcess;
  let client: EtcdClient;
  const speaking = (vocabulary: Vocabulary, more: object = {}) =>
    new OperationClient(client, { vocabulary, keyPrefix: `${vocabulary}/`, ...more });

  beforeAll(async () => {
    etcd = await EtcdProcess.start();
    client = new EtcdClient({ endpoints: [etcd.endpoint], timeoutMs: 10_000 });
  });

  afterAll(async () => {
    client.close();
    await etcd.close();
  });

  test('a register is read, written and compared', async () => {
    const register = speaking('register', { memberName: () => 'm1' });
    const missing = await register.perform({ f: 'read', key: 'r' });
    expect(missing).toMatchObject({ type: 'ok', value: null, mod: 0, member: 'm1' });
    const written = await register.perform({ f: 'write', key: 'r', value: 1 });
    expect(written).toMatchObject({ type: 'ok', mod: written.rev, value: 1 });
    const read = await register.perform({ f: 'read', key: 'r' });
    expect(read).toMatchObject({ type: 'ok', value: 1, mod: written.rev, rev: written.rev });
    const other = await register.perform({ f: 'cas', key: 'r', value: [7, 2] });
    expect(other).toEqual({ type: 'fail', rev: written.rev, mod: written.rev, member: 'm1' });
    const set = await register.perform({ f: 'cas', key: 'r', value: [1, 'two'] });
    expect(set).toMatchObject({ type: 'ok', rev: written.rev! + 1, mod: written.rev! + 1 });
    expect(await register.perform({ f: 'read', key: 'r' })).toMatchObject({ value: 'two' });
  });

  test('a cas from nothing creates a register once', async () => {
    const register = speaking('register');
    const create = { f: 'cas', key: 'new', value: [null, 1] };
    expect((await register.perform(create)).type).toBe('ok');
    const again = await register.perform(create);
    expect(again.type).toBe('fail');
    expect(again.error).toBeUndefined();
  });

  test('an append changes the key only if nobody else did', async () => {
    const kv = speaking('kv');
    expect(await kv.perform({ f: 'get', key: 'k' })).toMatchObject({ value: null, mod: 0 });
    await kv.perform({ f: 'append', key: 'k', value: 'a' });
    await kv.perform({ f: 'append', key: 'k', value: 'b' });
    expect(await kv.perform({ f: 'get', key: 'k' })).toMatchObject({ value: 'ab' });
    await kv.perform({ f: 'put', key: 'k', value: 'c' });
    const together = await Promise.all(
      ['x', 'y', 'z'].map((value) => kv.perform({ f: 'append', key: 'k', value })),
    );
    const appended = together.filter((completion) => completion.type === 'ok');
    const { value } = await kv.perform({ f: 'get', key: 'k' });
    expect(value).toHaveLength(1 + appended.length);
    expect((await kv.perform({ f: 'delete', key: 'k' })).type).toBe('ok');
    expect(await kv.perform({ f: 'get', key: 'k' })).toMatchObject({ value: null });
  });

  test("etcd's requests come back in the shapes of a history", async () => {
    const store = speaking('etcd');
    const put = await store.perform({ f: 'put', key: 'a', value: { value: '1' } });
    await store.perform({ f: 'put', key: 'b', value: { value: '2' } });
    const all = await store.perform({ f: 'range', key: 'a', value: { end: '\0', limit: 1 } });
    expect(all).toEqual({
      type: 'ok',
      rev: put.rev! + 1,
      value: {
        kvs: [{ key: 'a', value: '1', mod: put.rev, create: put.rev, version: 1 }],
        count: 2,
        more: true,
      },
    });
    const txn = await store.perform({
      f: 'txn',
      value: {
        compare: [{ key: 'a', target: 'mod', result: 'equal', value: put.rev }],
        success: [
          { f: 'put', key: 'c', value: { value: '3' } },
          { f: 'delete', key: 'a', value: { end: 'c' } },
          { f: 'range', key: 'a', value: { end: 'z', countOnly: true } },
          { f: 'txn', value: { compare: [], success: [], failure: [] } },
        ],
        failure: [],
      },
    });
    expect(txn.value).toEqual({
      succeeded: true,
      results: [
        {},
        { deleted: 2 },
        { kvs: [], count: 1, more: false },
        { succeeded: true, results: [] },
      ],
    });
    const compact = { f: 'compact', value: { revision: txn.rev } };
    expect(await store.perform(compact)).toMatchObject({ type: 'ok', value: {} });
    expect(await store.perform(compact)).toMatchObject({
      type: 'fail',
      error: 'outOfRange: etcdserver: mvcc: required revision has been compacted',
    });
    const old = await store.perform({ f: 'range', key: 'a', value: { revision: put.rev } });
    expect(old.type).toBe('fail');
  });

  test('a lost write is unknown, a lost read had no effect', async () => {
    const register = speaking('register', { timeoutMs: 100 });
    const store = speaking('etcd', { timeoutMs: 100 });
    const reading = { compare: [], success: [{ f: 'range', key: 'a', value: {} }], failure: [] };
    await etcd.pause();
    const [write, cas, read, txn] = await Promise.all([
      register.perform({ f: 'write', key: 'p', value: 1 }),
      register.perform({ f: 'cas', key: 'p', value: [1, 2] }),
      register.perform({ f: 'read', key: 'p' }),
      store.perform({ f: 'txn', value: reading }),
    ]);
    etcd.resume();
    expect([write.type, cas.type, read.type, txn.type]).toEqual(['info', 'info', 'fail', 'fail']);
  });

  test('what is not of the vocabulary is a mistake of the workload', async () => {
    await expect(speaking('register').perform({ f: 'get', key: 'a' })).rejects.toThrow(
      OperationError,
    );
    await expect(speaking('kv').perform({ f: 'put', key: 'a', value: 1 })).rejects.toThrow('text');
    await expect(speaking('register').perform({ f: 'read' })).rejects.toThrow('key is missing');
    await expect(
      speaking('register').perform({ f: 'cas', key: 'a', value: [1, null] }),
    ).rejects.toThrow('cannot be set to nothing');
    await expect(speaking('etcd').perform({ f: 'txn' })).rejects.toThrow('must be an object');
  });
});

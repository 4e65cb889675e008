/** Watches over gRPC: the protocol of a stream, and what a client that does not read costs. */
import { EtcdClient, FROM_KEY } from '../../client';
import { startGrpcServer, type RunningGrpcServer } from './grpcServer';
import { SoloBackend } from './testing/soloBackend';
import { WatchLog } from './testing/watchLog';

describe('a watch stream', () => {
  let backend: SoloBackend;
  let server: RunningGrpcServer;
  let client: EtcdClient;
  let log: WatchLog;
  const defects: unknown[] = [];

  beforeEach(async () => {
    backend = new SoloBackend();
    defects.length = 0;
    server = await startGrpcServer(backend, {
      host: '127.0.0.1',
      port: 0,
      maxRequestBytes: 10_000,
      onDefect: (error) => defects.push(error),
    });
    client = new EtcdClient({ endpoints: [`127.0.0.1:${server.port}`], timeoutMs: 10_000 });
    log = new WatchLog(client);
  });

  afterEach(async () => {
    log.stream.close();
    client.close();
    await server.close();
    expect(defects).toEqual([]);
  });

  const put = (key: string, value = '') => client.put({ key, value });

  test('delivers the past and then the present', async () => {
    await put('a', 'one');
    log.stream.create({ key: 'a', startRevision: 2, prevKv: true });
    await log.until(() => log.events(0n).length === 1);
    await put('a', 'two');
    await client.deleteRange({ key: 'a' });
    await log.until(() => log.events(0n).length === 3);
    const shown = log.events(0n).map(({ type, kv, prevKv }) => ({
      type,
      value: kv!.value.toString(),
      mod: kv!.modRevision,
      before: prevKv?.value.toString(),
    }));
    expect(shown).toEqual([
      { type: 0, value: 'one', mod: 2n, before: undefined },
      { type: 0, value: 'two', mod: 3n, before: 'one' },
      { type: 1, value: '', mod: 4n, before: 'two' },
    ]);
    expect(log.responses[0]).toMatchObject({ created: true, watchId: 0n });
    expect(log.responses.at(-1)!.header).toMatchObject({ revision: 4n, raftTerm: 7n });
  });

  test('refuses, cancels and ends watches', async () => {
    log.stream.create({ key: 'b', rangeEnd: 'a' });
    log.stream.create({ key: 'a', watchId: 5n });
    log.stream.create({ key: 'a', watchId: 5n });
    log.stream.cancel(99n);
    log.stream.cancel(5n);
    log.stream.send(undefined);
    log.stream.requestProgress();
    await log.until(() => log.responses.length === 5);
    expect(
      log.responses.map(({ watchId, created, canceled, cancelReason }) => ({
        watchId,
        created,
        canceled,
        cancelReason,
      })),
    ).toEqual([
      { watchId: -1n, created: true, canceled: true, cancelReason: 'mvcc: watcher range is empty' },
      { watchId: 5n, created: true, canceled: false, cancelReason: '' },
      {
        watchId: -1n,
        created: true,
        canceled: true,
        cancelReason: 'mvcc: duplicate watch ID provided on the WatchStream',
      },
      { watchId: 5n, created: false, canceled: true, cancelReason: '' },
      { watchId: -1n, created: false, canceled: false, cancelReason: '' },
    ]);
    expect(backend.watches.watcherCount).toBe(0);
  });

  test('cancels a watch that starts before the compacted revision', async () => {
    await put('a');
    await put('a');
    await client.compact({ revision: 3 });
    log.stream.create({ key: 'a', startRevision: 2 });
    await log.until(() => log.responses.length === 2);
    expect(log.responses[1]).toMatchObject({ canceled: true, compactRevision: 3n });
  });

  test('cuts large responses into fragments for those who ask for it', async () => {
    for (let i = 0; i < 5; i++) await put('a', 'x'.repeat(4000));
    log.stream.create({ key: 'a', startRevision: 2, fragment: true });
    log.stream.create({ key: 'a', startRevision: 2 });
    await log.until(() => log.events(0n).length === 5 && log.events(1n).length === 5);
    const fragments = log.of(0n).filter(({ events }) => events.length > 0);
    expect(fragments.map(({ fragment }) => fragment)).toEqual([true, true, false]);
    expect(log.of(1n).some(({ fragment }) => fragment)).toBe(false);
  });

  test('frees its watches when the client goes', async () => {
    log.stream.create({ key: 'a', rangeEnd: FROM_KEY });
    await log.until(() => log.responses.length === 1);
    expect(backend.watches.watcherCount).toBe(1);
    log.stream.close();
    // The cancellation is on its way before this request, on the same connection.
    await client.status();
    await client.status();
    expect(backend.watches.watcherCount).toBe(0);
  });

  test('ends with a status that tells clients to go elsewhere when the member stops', async () => {
    log.stream.create({ key: 'a' });
    await log.until(() => log.responses.length === 1);
    await server.close();
    expect(await log.end()).toEqual({ code: 'unavailable', error: 'etcdserver: server stopped' });
  });

  test('is refused without a leader when it requires one', async () => {
    backend.leader = 0n;
    const strict = new WatchLog(client, { requireLeader: true });
    expect(await strict.end()).toMatchObject({ error: 'etcdserver: no leader' });
  });

  test('that nobody reads keeps a bounded number of events and misses none', async () => {
    const revisions = 1500;
    log.stream.create({ key: 'a' });
    await log.until(() => log.responses.length === 1);
    const value = 'x'.repeat(9000);
    // All in one turn, so that the client cannot read in between.
    for (let i = 0; i < revisions; i++) {
      void backend.propose({
        kind: 'put',
        request: {
          key: 'a',
          value: Buffer.from(value),
          lease: 0n,
          prevKv: false,
          ignoreValue: false,
          ignoreLease: false,
        },
      });
    }
    await client.status();
    expect(backend.watches.waitingBytes).toBeLessThanOrEqual(4 * 2 ** 20);
    await log.until(() => log.events(0n).length >= revisions);
    expect(log.events(0n).map(({ kv }) => Number(kv!.modRevision))).toEqual(
      Array.from({ length: revisions }, (_, i) => i + 2),
    );
    expect(backend.watches.waitingBytes).toBe(0);
  });

  test('that nobody reads has little of a long past on its way', async () => {
    // The hub gives up what it hands out: count what the connection got.
    let takenBytes = 0;
    const open = backend.watches.open.bind(backend.watches);
    backend.watches.open = (onReady) => {
      const stream = open(onReady);
      const take = stream.take.bind(stream);
      stream.take = () => {
        const response = take();
        for (const { kv } of response?.events ?? []) takenBytes += kv.value.length;
        return response;
      };
      return stream;
    };
    const [count, valueBytes] = [150, 256 * 1024];
    for (let i = 0; i < count; i++) {
      const request = { key: 'a', value: Buffer.alloc(valueBytes), lease: 0n, prevKv: false };
      const flags = { ignoreValue: false, ignoreLease: false };
      void backend.propose({ kind: 'put', request: { ...request, ...flags } });
    }
    log.stream.create({ key: 'a', startRevision: 2 });
    await log.until(() => log.responses.length === 1);
    log.stream.pause();
    // On other streams of the connection, until the watch does not move any more.
    for (let before = -1; before < takenBytes;) {
      before = takenBytes;
      for (let i = 0; i < 20; i++) await client.status();
    }
    const received = log.events(0n).length * valueBytes;
    // The client's own gRPC holds sixteen messages.
    expect(takenBytes - received).toBeLessThanOrEqual(16 * valueBytes + 2 * 2 ** 20);
    expect(backend.watches.sendingBytes).toBeLessThanOrEqual(2 ** 20);
    log.stream.resume();
    await log.until(() => log.events(0n).length >= count);
    const revisions = log.events(0n).map(({ kv }) => Number(kv!.modRevision));
    expect(revisions).toEqual(Array.from({ length: count }, (_, i) => i + 2));
    expect(backend.watches.waitingBytes).toBe(0);
  });
});

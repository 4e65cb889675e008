/**
 * Watches see what watches of a real etcd see: the same changes on both sides, the same watches
 * created before and between them, and at the end each watch has got the same events, the same
 * way: created, refused or canceled, value, revisions, previous value.
 *
 * How events are spread over responses is free, so they are compared as one list. The end is a
 * change of every key, which all watches wait for. Compaction is left out, where etcd 3.4 loses
 * events (a delete at the compacted revision), and so are two changes of a key in one revision,
 * whose second event it gives the previous value of the first.
 */
import * as fc from 'fast-check';
import type { Event, WatchResponse } from '../../api';
import { EtcdClient, type OpInit, type Outcome, type WatchInit } from '../../client';
import { EtcdProcess, etcdVersion } from '../../client/testing/etcdProcess';
import { withProgram } from '../../client/testing/withProgram';
import { startGrpcServer, type RunningGrpcServer } from './grpcServer';
import { SoloBackend } from './testing/soloBackend';
import { WatchLog } from './testing/watchLog';

const version = etcdVersion();
const withEtcd = withProgram(describe, 'etcd', ['--version']);

/** A watch of no key is one of the smallest. */
const keys = ['a', 'b', 'c', 'ab', 'b\0', '\0'] as const;

type Step =
  | { readonly kind: 'change'; readonly ops: readonly OpInit[] }
  /** Starts so many revisions before the newest; 0 and less: with the next change or later. */
  | { readonly kind: 'watch'; readonly back: number | undefined; readonly watch: WatchInit };

const key = fc.constantFrom(...keys);
const value = fc.constantFrom('', 'x', 'y');
const op: fc.Arbitrary<OpInit> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ op: fc.constant('put' as const), key, value }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('delete' as const), key }) },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('change' as const),
      ops: fc.uniqueArray(op, {
        minLength: 1,
        maxLength: 3,
        selector: (each) => (each.op === 'txn' ? '' : each.key),
      }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('watch' as const),
      back: fc.option(fc.integer({ min: -3, max: 12 }), { nil: undefined }),
      watch: fc.record({
        key: fc.constantFrom(...keys, ''),
        rangeEnd: fc.constantFrom('', '', '\0', 'b', 'c', 'd'),
        prevKv: fc.boolean(),
        without: fc.constantFrom<readonly ('put' | 'delete')[]>([], [], ['put'], ['delete']),
        watchId: fc.constantFrom(0n, 0n, 0n, 3n),
      }),
    }),
  },
);

function revisionOf(outcome: Outcome<unknown>): number {
  if (outcome.type !== 'ok') throw new Error(`${outcome.code}: ${outcome.error}`);
  return outcome.revision;
}

/** One of the two servers with the watches of one run. */
class Side {
  private readonly log: WatchLog;
  private readonly withoutDelete: boolean[] = [];
  private created = 0;

  constructor(private readonly client: EtcdClient) {
    this.log = new WatchLog(client);
  }

  async run(steps: readonly Step[]): Promise<string[]> {
    let newest = revisionOf(await this.client.put({ key: 'begin', value: '' }));
    for (const each of steps) {
      if (each.kind === 'change') {
        newest = revisionOf(await this.client.txn({ success: each.ops }));
        continue;
      }
      const { back } = each;
      const startRevision = back === undefined ? 0 : Math.max(1, newest + 1 - back);
      this.log.stream.create({ ...each.watch, startRevision });
      this.withoutDelete.push(each.watch.without?.includes('delete') === true);
      this.created++;
      await this.log.until(() => this.answers().length === this.created);
    }
    const puts = keys.map((key) => ({ op: 'put', key, value: 'end' }) as const);
    // Later than the last start that a watch can have.
    for (let i = 0; i < 4; i++) revisionOf(await this.client.txn({ success: puts }));
    const lastPut = revisionOf(await this.client.txn({ success: puts }));
    const deletes = keys.map((key) => ({ op: 'delete', key }) as const);
    const lastDelete = revisionOf(await this.client.txn({ success: deletes }));
    const answers = this.answers();
    await this.log.until(() =>
      answers.every(({ watchId, canceled }, index) => {
        const last = this.log.events(watchId).at(-1)?.kv?.modRevision ?? 0n;
        return (
          canceled || Number(last) >= (this.withoutDelete[index] === true ? lastPut : lastDelete)
        );
      }),
    );
    this.log.stream.requestProgress();
    const seen = this.log.responses.length;
    await this.log.until(() =>
      this.log.responses.slice(seen).some(({ watchId }) => watchId === -1n),
    );
    this.log.stream.close();
    return answers.map((answer) => show(answer, this.log.events(answer.watchId)));
  }

  private answers(): readonly WatchResponse[] {
    return this.log.responses.filter(({ created }) => created);
  }
}

function show(
  { watchId, canceled, cancelReason }: WatchResponse,
  events: readonly Event[],
): string {
  const text = (bytes: Buffer) => bytes.toString('latin1');
  const kvShown = (kv: Event['kv']) =>
    kv && [text(kv.key), text(kv.value), kv.createRevision, kv.modRevision, kv.version, kv.lease];
  return JSON.stringify(
    {
      watchId,
      canceled,
      cancelReason,
      events: canceled
        ? []
        : events.map(({ type, kv, prevKv }) => [type, kvShown(kv), kvShown(prevKv)]),
    },
    (_key, field: unknown) => (typeof field === 'bigint' ? Number(field) : field),
  );
}

withEtcd(`watches of the services and of etcd ${version}`, () => {
  let etcd: EtcdProcess;
  let server: RunningGrpcServer;
  let clients: readonly EtcdClient[];

  beforeAll(async () => {
    etcd = await EtcdProcess.start();
    server = await startGrpcServer(new SoloBackend(), { host: '127.0.0.1', port: 0 });
    clients = [etcd.endpoint, `127.0.0.1:${server.port}`].map(
      (endpoint) => new EtcdClient({ endpoints: [endpoint], timeoutMs: 20_000 }),
    );
  });

  afterAll(async () => {
    for (const client of clients) client.close();
    await server.close();
    await etcd.close();
  });

  test('see the same events', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 25 }), async (steps) => {
        const [theirs, ours] = await Promise.all(
          clients.map((client) => new Side(client).run(steps)),
        );
        expect(ours).toEqual(theirs);
      }),
      { numRuns: Number(process.env['SAME_AS_ETCD_RUNS'] ?? 60) },
    );
  });
});

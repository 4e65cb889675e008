/**
 * The KV service answers as a real etcd does: random requests go to both, and the responses must
 * be equal field by field, refusals in code and text.
 *
 * Both servers live through all runs that pass, since what those leave is the same on both sides.
 * Revisions in requests are relative to the newest, so that a shrunk run means the same. Left out
 * is what differs by design: enums out of range and operands of another kind than their target,
 * which we refuse and etcd 3.4 ignores or dies of, and one kind of transaction that stops it.
 */
import * as fc from 'fast-check';
import {
  KVService,
  LeaseService,
  type CompactionRequest,
  type Compare,
  type ResponseHeader,
} from '../../api';
import type {
  DeleteRangeRequest,
  LeaseGrantRequest,
  LeaseTimeToLiveRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from '../../api';
import { EtcdClient, type Outcome } from '../../client';
import { EtcdProcess, etcdVersion } from '../../client/testing/etcdProcess';
import { withProgram } from '../../client/testing/withProgram';
import { startGrpcServer, type RunningGrpcServer } from './grpcServer';
import { SoloBackend } from './testing/soloBackend';

const version = etcdVersion();
const withEtcd = withProgram(describe, 'etcd', ['--version']);

type Request =
  | { readonly call: 'range'; readonly request: RangeRequest }
  | { readonly call: 'put'; readonly request: PutRequest }
  | { readonly call: 'deleteRange'; readonly request: DeleteRangeRequest }
  | { readonly call: 'txn'; readonly request: TxnRequest }
  | { readonly call: 'compact'; readonly request: CompactionRequest }
  | { readonly call: 'leaseGrant'; readonly request: LeaseGrantRequest }
  | { readonly call: 'leaseRevoke'; readonly request: { readonly ID: bigint } }
  | { readonly call: 'leaseTimeToLive'; readonly request: LeaseTimeToLiveRequest };

/** A request whose revisions count from the newest one: 0 stays 0, n > 0 is newest - n + 2. */
type Relative = (newest: bigint) => Request;

const text = (bytes: Buffer) => bytes.toString('latin1');
const bytes = (text: string) => Buffer.from(text, 'latin1');
const keyTexts = ['a', 'b', 'c', 'aa', 'ab', 'a\0', '\xff', 'b\xff', ''] as const;
const key = fc.constantFrom(...keyTexts).map(bytes);
const rangeEnd = fc.constantFrom('', '', '\0', 'b', 'c', 'aa', '\xff', 'a').map(bytes);
const value = fc.constantFrom('', 'x', 'y', 'xy').map(bytes);
const small = fc.integer({ min: -1, max: 3 }).map(BigInt);
const seldom = fc.constantFrom(false, false, false, true);
const leaseId = fc.constantFrom(1n, 2n, 2n ** 62n, 77n, -1n);
const lease = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0n) },
  { weight: 2, arbitrary: leaseId },
);
const ago = fc.constantFrom(0, 0, 0, 0, -1, 1, 2, 3, 4, 6, 9);
/** Bounds on revisions, mostly none. */
const bound = fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 2, 3, 5, -1);

function revision(steps: number, newest: bigint): bigint {
  return steps <= 0 ? BigInt(steps) : newest - BigInt(steps) + 2n;
}

const range = fc
  .record({
    key,
    rangeEnd,
    limit: small,
    revision: ago,
    sortOrder: fc.nat(2),
    sortTarget: fc.nat(4),
    serializable: fc.boolean(),
    keysOnly: seldom,
    countOnly: seldom,
    bounds: fc.tuple(bound, bound, bound, bound),
  })
  .map(({ bounds, ...fields }) => (newest: bigint): RangeRequest => ({
    ...fields,
    revision: revision(fields.revision, newest),
    minModRevision: revision(bounds[0], newest),
    maxModRevision: revision(bounds[1], newest),
    minCreateRevision: revision(bounds[2], newest),
    maxCreateRevision: revision(bounds[3], newest),
  }));

const put = fc.record({
  key,
  value,
  lease,
  prevKv: fc.boolean(),
  ignoreValue: seldom,
  ignoreLease: seldom,
});

const deleteRange = fc.record({ key, rangeEnd, prevKv: fc.boolean() });

const compare = fc
  .record({
    result: fc.nat(3),
    key,
    rangeEnd,
    kind: fc.constantFrom('version', 'createRevision', 'modRevision', 'value', 'lease', 'none'),
    target: fc.nat(4),
    version: small,
    revision: ago,
    value,
    lease,
  })
  .map((drawn) => (newest: bigint): Compare => {
    const base = { result: drawn.result, key: drawn.key, rangeEnd: drawn.rangeEnd };
    switch (drawn.kind) {
      case 'version':
        return { ...base, target: 0, targetUnion: { $case: 'version', value: drawn.version } };
      case 'createRevision':
      case 'modRevision': {
        const target = drawn.kind === 'createRevision' ? 1 : 2;
        const value = revision(drawn.revision, newest);
        return { ...base, target, targetUnion: { $case: drawn.kind, value } };
      }
      case 'value':
        return { ...base, target: 3, targetUnion: { $case: 'value', value: drawn.value } };
      case 'lease':
        return { ...base, target: 4, targetUnion: { $case: 'lease', value: drawn.lease } };
      case 'none':
        return { ...base, target: drawn.target, targetUnion: undefined };
    }
  });

const { txn } = fc.letrec<{
  txn: (newest: bigint) => TxnRequest;
  op: (newest: bigint) => RequestOp;
}>((tie) => ({
  op: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    {
      weight: 4,
      arbitrary: range.map((make) => (newest: bigint): RequestOp => ({
        request: { $case: 'requestRange', value: make(newest) },
      })),
    },
    {
      weight: 6,
      arbitrary: put.map((value) => (): RequestOp => ({
        request: { $case: 'requestPut', value },
      })),
    },
    {
      weight: 4,
      arbitrary: deleteRange.map((value) => (): RequestOp => ({
        request: { $case: 'requestDeleteRange', value },
      })),
    },
    { weight: 1, arbitrary: fc.constant((): RequestOp => ({ request: undefined })) },
    {
      weight: 2,
      arbitrary: tie('txn').map((make) => (newest: bigint): RequestOp => ({
        request: { $case: 'requestTxn', value: make(newest) },
      })),
    },
  ),
  txn: fc
    .record({
      compare: fc.array(compare, { maxLength: 2 }),
      success: fc.array(tie('op'), { maxLength: 3 }),
      failure: fc.array(tie('op'), { maxLength: 3 }),
    })
    .map(({ compare, success, failure }) => (newest: bigint) => ({
      compare: compare.map((make) => make(newest)),
      success: success.map((make) => make(newest)),
      failure: failure.map((make) => make(newest)),
    })),
}));

const request: fc.Arbitrary<Relative> = fc.oneof(
  {
    weight: 6,
    arbitrary: put.map((request): Relative => () => ({ call: 'put', request })),
  },
  {
    weight: 5,
    arbitrary: range.map((make): Relative => (newest) => ({
      call: 'range',
      request: make(newest),
    })),
  },
  {
    weight: 3,
    arbitrary: deleteRange.map((request): Relative => () => ({ call: 'deleteRange', request })),
  },
  {
    weight: 8,
    arbitrary: txn.map((make): Relative => (newest) => ({ call: 'txn', request: make(newest) })),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({ ID: leaseId, TTL: fc.constantFrom(600n, 900n, 9_000_000_001n) })
      .map((request): Relative => () => ({ call: 'leaseGrant', request })),
  },
  {
    weight: 1,
    arbitrary: leaseId.map((ID): Relative => () => ({ call: 'leaseRevoke', request: { ID } })),
  },
  {
    weight: 1,
    arbitrary: leaseId.map((ID): Relative => () => ({
      call: 'leaseTimeToLive',
      request: { ID, keys: true },
    })),
  },
  {
    weight: 1,
    arbitrary: ago.map((steps): Relative => (newest) => ({
      call: 'compact',
      request: { revision: revision(steps, newest), physical: true },
    })),
  },
);

/**
 * Whether a transaction may stop an etcd process: it checks that a key exists whose value or lease
 * is to be kept, does not see that a delete "from this key on" before it removes the key, and
 * panics when it then finds nothing to keep. Ours refuses it, so there is nothing to compare.
 */
function mayStopEtcd(request: Request): boolean {
  if (request.call !== 'txn') return false;
  const ops = opsOf(request.request);
  const keeps = ops.some(
    (op) => op?.$case === 'requestPut' && (op.value.ignoreValue || op.value.ignoreLease),
  );
  const deletes = ops.some(
    (op) => op?.$case === 'requestDeleteRange' && op.value.rangeEnd.equals(bytes('\0')),
  );
  return keeps && deletes;
}

/** All operations of a transaction, nested ones included. */
function opsOf({ success, failure }: TxnRequest): readonly RequestOp['request'][] {
  return [...success, ...failure].flatMap(({ request }) =>
    request?.$case === 'requestTxn' ? opsOf(request.value) : [request],
  );
}

function send(client: EtcdClient, { call, request }: Request): Promise<Outcome<object>> {
  switch (call) {
    case 'range':
      return client.call(KVService.range, request);
    case 'put':
      return client.call(KVService.put, request);
    case 'deleteRange':
      return client.call(KVService.deleteRange, request);
    case 'txn':
      return client.call(KVService.txn, request);
    case 'compact':
      return client.call(KVService.compact, request);
    case 'leaseGrant':
      return client.call(LeaseService.leaseGrant, request);
    case 'leaseRevoke':
      return client.call(LeaseService.leaseRevoke, request);
    case 'leaseTimeToLive':
      return client.call(LeaseService.leaseTimeToLive, request);
  }
}

/** What must be equal: everything but who answered, when, in which term, and time that passes. */
function comparable(outcome: Outcome<object>): object {
  if (outcome.type !== 'ok') return outcome;
  const { header, ...fields } = outcome.value as { header: ResponseHeader };
  if ('grantedTTL' in fields && 'TTL' in fields) {
    fields.TTL = fields.TTL === -1n ? 'gone' : 'there';
    // Etcd gives them in no order.
    if ('keys' in fields) fields.keys = (fields.keys as Buffer[]).map(text).sort();
  }
  return { ...fields, header: { revision: header.revision } };
}

const shown = (value: unknown) =>
  JSON.stringify(value, (_key, field: unknown) =>
    typeof field === 'bigint' ? `${field}` : isBuffer(field) ? bytesShown(field) : field,
  );

/** Buffers come to a replacer as what their toJSON gives. */
function isBuffer(field: unknown): field is { readonly data: number[] } {
  return typeof field === 'object' && field !== null && 'data' in field && 'type' in field;
}

function bytesShown({ data }: { readonly data: number[] }): string {
  return Buffer.from(data).toString('latin1');
}

/** A real etcd and our services, both empty. */
class Pair {
  private constructor(
    private readonly etcd: EtcdProcess,
    private readonly server: RunningGrpcServer,
    private readonly backend: SoloBackend,
    private readonly clients: readonly [EtcdClient, EtcdClient],
  ) {}

  static async start(): Promise<Pair> {
    const backend = new SoloBackend();
    const etcd = await EtcdProcess.start();
    const server = await startGrpcServer(backend, { host: '127.0.0.1', port: 0 });
    const clientOf = (endpoint: string) =>
      new EtcdClient({ endpoints: [endpoint], timeoutMs: 20_000 });
    const clients = [clientOf(etcd.endpoint), clientOf(`127.0.0.1:${server.port}`)] as const;
    return new Pair(etcd, server, backend, clients);
  }

  /** Sends a request to both; throws when they answer differently. */
  async compare(make: Relative): Promise<void> {
    const request = make(BigInt(this.backend.view.revision));
    if (mayStopEtcd(request)) return;
    const outcomes = await Promise.all(this.clients.map((client) => send(client, request)));
    const [theirs, ours] = outcomes.map((outcome) => shown(comparable(outcome)));
    if (ours === theirs) return;
    throw new Error(`${request.call} ${shown(request.request)}\netcd: ${theirs}\nours: ${ours}`);
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.close();
    await this.server.close();
    await this.etcd.close();
  }
}

withEtcd(`the services and etcd ${version}`, () => {
  let pair: Pair | undefined;

  afterAll(() => pair?.close());

  test('answer the same to the same requests', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 20 }), async (requests) => {
        pair ??= await Pair.start();
        try {
          for (const make of requests) await pair.compare(make);
        } catch (error) {
          // From here on their states may differ: the next run, shrunk, begins anew.
          await pair.close();
          pair = undefined;
          throw error;
        }
      }),
      { numRuns: Number(process.env['SAME_AS_ETCD_RUNS'] ?? 150) },
    );
  });
});

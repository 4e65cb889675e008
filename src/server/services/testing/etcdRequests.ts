/**
 * Requests of the whole unary API for a comparison with a real etcd: few keys, so that requests
 * meet, and every field with ordinary, negative and absurd values.
 *
 * Revisions in requests are relative to the newest, so that a shrunk run means the same. Left out
 * is what differs by design: enums out of range and operands of another kind than their target,
 * which we refuse and etcd 3.4 ignores or dies of, and one kind of transaction that stops it.
 */
import * as fc from 'fast-check';
import {
  AlarmRequest_AlarmAction,
  AlarmType,
  type AlarmRequest,
  type CompactionRequest,
  type Compare,
  type DeleteRangeRequest,
  type LeaseGrantRequest,
  type LeaseTimeToLiveRequest,
  type PutRequest,
  type RangeRequest,
  type RequestOp,
  type TxnRequest,
} from '../../../api';

export type Request =
  | { readonly call: 'range'; readonly request: RangeRequest }
  | { readonly call: 'put'; readonly request: PutRequest }
  | { readonly call: 'deleteRange'; readonly request: DeleteRangeRequest }
  | { readonly call: 'txn'; readonly request: TxnRequest }
  | { readonly call: 'compact'; readonly request: CompactionRequest }
  | { readonly call: 'leaseGrant'; readonly request: LeaseGrantRequest }
  | { readonly call: 'leaseRevoke'; readonly request: { readonly ID: bigint } }
  | { readonly call: 'leaseKeepAlive'; readonly request: { readonly ID: bigint } }
  | { readonly call: 'leaseTimeToLive'; readonly request: LeaseTimeToLiveRequest }
  | { readonly call: 'leaseLeases'; readonly request: object }
  | { readonly call: 'alarm'; readonly request: AlarmRequest }
  | { readonly call: 'hashKv'; readonly request: { readonly revision: bigint } };

/** A request whose revisions count from the newest one: 0 stays 0, n > 0 is newest - n + 2. */
export type Relative = (newest: bigint) => Request;

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

export const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

/** At the limit of the store's keys, one byte beyond it, and far beyond it. */
const long = `b${'x'.repeat(1977)}`;
const longKeys = [long, `${long}x`, `${long}${'y'.repeat(3000)}`] as const;
const shortKeys = ['a', 'b', 'c', 'aa', 'ab', 'a\0', '\xff', 'b\xff', ''] as const;
const key = fc
  .oneof(
    { weight: 15, arbitrary: fc.constantFrom(...shortKeys) },
    { weight: 1, arbitrary: fc.constantFrom(...longKeys) },
  )
  .map(bytes);
const rangeEnd = fc
  .oneof(
    {
      weight: 15,
      arbitrary: fc.constantFrom('', '', '\0', 'b', 'c', 'aa', '\xff', 'a', '\0\0'),
    },
    { weight: 1, arbitrary: fc.constantFrom(...longKeys) },
  )
  .map(bytes);
const value = fc.constantFrom('', 'x', 'y', 'xy').map(bytes);
const absurd = fc.constantFrom(INT64_MAX, INT64_MIN, 2n ** 53n + 1n, -(2n ** 31n));
const small = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: -1, max: 3 }).map(BigInt) },
  { weight: 1, arbitrary: absurd },
);
const seldom = fc.constantFrom(false, false, false, true);
const leaseId = fc.constantFrom(1n, 2n, 2n ** 62n, 77n, -1n, INT64_MIN);
const lease = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0n) },
  { weight: 2, arbitrary: leaseId },
);

/** Revisions: how long ago, or a number that is none. */
type Steps = number | bigint;
const ago: fc.Arbitrary<Steps> = fc.oneof(
  { weight: 11, arbitrary: fc.constantFrom(0, 0, 0, 0, -1, 1, 2, 3, 4, 6, 9) },
  { weight: 1, arbitrary: absurd },
);
/** Bounds on revisions, mostly none. */
const bound: fc.Arbitrary<Steps> = fc.oneof(
  { weight: 11, arbitrary: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 2, 3, 5, -1) },
  { weight: 1, arbitrary: absurd },
);

function revision(steps: Steps, newest: bigint): bigint {
  if (typeof steps === 'bigint') return steps;
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

/** Around the limit of 128 operations, and what it leaves to a transaction in a transaction. */
const longTxn = fc
  .record({
    list: fc.constantFrom('compare', 'success', 'failure'),
    length: fc.integer({ min: 124, max: 130 }),
    nested: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }),
  })
  .map(({ list, length, nested }): TxnRequest => {
    const compare = { result: 0, target: 0, key: bytes('a'), rangeEnd: bytes('') };
    const remove = (place: number): RequestOp => ({
      request: {
        $case: 'requestDeleteRange',
        value: { key: bytes(`t${place}`), rangeEnd: bytes(''), prevKv: false },
      },
    });
    const times = (n: number) => Array.from({ length: n }, (_, place) => remove(place));
    const ops = list === 'compare' ? [] : times(length);
    if (nested !== undefined) {
      const inner: TxnRequest = { compare: [], success: times(nested), failure: [] };
      ops[0] = { request: { $case: 'requestTxn', value: inner } };
    }
    return {
      compare:
        list === 'compare'
          ? Array.from({ length }, () => ({ ...compare, targetUnion: undefined }))
          : [],
      success: list === 'failure' ? [] : ops,
      failure: list === 'failure' ? ops : [],
    };
  });

const ttl = fc.constantFrom(600n, 600n, 900n, 900n, 0n, 1n, -1n, 9_000_000_000n, 9_000_000_001n);

const leaseGrant = fc.record({
  ID: fc.oneof({ weight: 5, arbitrary: leaseId }, { weight: 1, arbitrary: fc.constant(0n) }),
  TTL: fc.oneof({ weight: 9, arbitrary: ttl }, { weight: 1, arbitrary: absurd }),
});

const alarm = fc.record({
  action: fc.constantFrom(0, 1, 2, 2),
  memberID: fc.constantFrom(0n, 5n, 2n ** 64n - 1n),
  alarm: fc.constantFrom(0, 1, 1, 2),
});

const of = <T>(weight: number, arbitrary: fc.Arbitrary<T>, make: (drawn: T) => Relative) => ({
  weight,
  arbitrary: arbitrary.map(make),
});

export const request: fc.Arbitrary<Relative> = fc.oneof(
  of(24, put, (request) => () => ({ call: 'put', request })),
  of(20, range, (make) => (newest) => ({ call: 'range', request: make(newest) })),
  of(12, deleteRange, (request) => () => ({ call: 'deleteRange', request })),
  of(32, txn, (make) => (newest) => ({ call: 'txn', request: make(newest) })),
  of(1, longTxn, (request) => () => ({ call: 'txn', request })),
  of(10, leaseGrant, (request) => () => ({ call: 'leaseGrant', request })),
  of(4, leaseId, (ID) => () => ({ call: 'leaseRevoke', request: { ID } })),
  of(2, leaseId, (ID) => () => ({ call: 'leaseKeepAlive', request: { ID } })),
  of(4, fc.record({ ID: leaseId, keys: fc.boolean() }), (request) => () => ({
    call: 'leaseTimeToLive',
    request,
  })),
  of(1, fc.constant({}), (request) => () => ({ call: 'leaseLeases', request })),
  of(4, fc.tuple(ago, fc.boolean()), ([steps, physical]) => (newest) => ({
    call: 'compact',
    request: { revision: revision(steps, newest), physical },
  })),
  of(1, alarm, (request) => () => ({ call: 'alarm', request })),
  of(1, ago, (steps) => (newest) => ({
    call: 'hashKv',
    request: { revision: revision(steps, newest) },
  })),
);

/**
 * Whether a request may stop an etcd process, by its own panic. Ours answers it, so there is
 * nothing to compare.
 *  - An alarm of no kind that is raised.
 *  - A transaction that keeps a value or a lease and deletes "from a key on": etcd checks that the
 *    key exists, does not see that the delete removes it, and then finds nothing to keep.
 */
export function mayStopEtcd(request: Request): boolean {
  if (request.call === 'alarm') {
    const { action, alarm } = request.request;
    return action === AlarmRequest_AlarmAction.ACTIVATE && alarm === AlarmType.NONE;
  }
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

/** A transaction in a transaction. */
export function isNested({ call, request }: Request): boolean {
  if (call !== 'txn') return false;
  return [...request.success, ...request.failure].some((op) => op.request?.$case === 'requestTxn');
}

/** All operations of a transaction, nested ones included. */
function opsOf({ success, failure }: TxnRequest): readonly RequestOp['request'][] {
  return [...success, ...failure].flatMap(({ request }) =>
    request?.$case === 'requestTxn' ? opsOf(request.value) : [request],
  );
}

/**
 * Random commands and reads for the state machine, made to collide: few keys that are prefixes
 * of one another and use the bytes at both ends, ranges of every odd shape, revisions around
 * what small histories reach, nested transactions, leases that may not exist.
 */

import fc from 'fast-check';
import { NO_LEASE } from '../../src/kv';
import type {
  KeyCommand,
  Compare,
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from '../../src/kv';

export const keys = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom('a', 'b', 'ab', 'c') },
  {
    weight: 10,
    arbitrary: fc.constantFrom(
      '\0',
      'a\0',
      'a\0\0',
      'a\0\xff',
      'a\x01',
      'a\xff',
      '\xff',
      '\xff\xff',
    ),
  },
  { weight: 1, arbitrary: fc.constant('') },
);

/** The ends of ranges that mean something special, besides keys: one key, to the end, prefixes. */
export const rangeEnds = fc.oneof(
  { weight: 6, arbitrary: fc.constant('') },
  { weight: 3, arbitrary: fc.constant('\0') },
  { weight: 6, arbitrary: keys },
  { weight: 1, arbitrary: fc.constantFrom('b', 'c', 'd', '\xff\xff\xff') },
);

export const revisions = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0) },
  { weight: 6, arbitrary: fc.nat(25) },
  { weight: 1, arbitrary: fc.constant(-1) },
);

const values = fc.oneof(
  { weight: 5, arbitrary: fc.uint8Array({ maxLength: 3, max: 3 }) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
);

const leaseIds = fc.constantFrom(NO_LEASE, NO_LEASE, NO_LEASE, NO_LEASE, 1n, 2n, -(2n ** 63n));
const rarely = fc.integer({ min: 0, max: 7 }).map((n) => n === 0);
const bounds = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat(20));

export const rangeRequests: fc.Arbitrary<RangeRequest> = fc.record({
  key: keys,
  rangeEnd: rangeEnds,
  limit: fc.constantFrom(0, 0, 0, 1, 2, 3, -1),
  revision: revisions,
  sortOrder: fc.constantFrom('none', 'none', 'ascend', 'descend'),
  sortTarget: fc.constantFrom('key', 'key', 'key', 'version', 'create', 'mod', 'value'),
  keysOnly: rarely,
  countOnly: rarely,
  minModRevision: bounds,
  maxModRevision: bounds,
  minCreateRevision: bounds,
  maxCreateRevision: bounds,
});

export const putRequests: fc.Arbitrary<PutRequest> = fc
  .record({
    key: keys,
    value: values,
    lease: leaseIds,
    prevKv: fc.boolean(),
    ignoreValue: rarely,
    ignoreLease: rarely,
    sloppy: rarely,
  })
  .map(({ sloppy, ...request }) => ({
    ...request,
    value: request.ignoreValue && !sloppy ? new Uint8Array(0) : request.value,
    lease: request.ignoreLease && !sloppy ? NO_LEASE : request.lease,
  }));

export const deleteRequests: fc.Arbitrary<DeleteRangeRequest> = fc.record({
  key: keys,
  rangeEnd: rangeEnds,
  prevKv: fc.boolean(),
});

const results = fc.constantFrom('equal', 'greater', 'less', 'notEqual');

export const compares: fc.Arbitrary<Compare> = fc.oneof(
  fc.record({
    result: results,
    target: fc.constantFrom('version', 'create', 'mod'),
    key: keys,
    rangeEnd: rangeEnds,
    operand: fc.nat(6),
  }),
  fc.record({
    result: results,
    target: fc.constant('value'),
    key: keys,
    rangeEnd: rangeEnds,
    operand: values,
  }),
  fc.record({
    result: results,
    target: fc.constant('lease'),
    key: keys,
    rangeEnd: rangeEnds,
    operand: leaseIds,
  }),
);

export const txnRequests: fc.Arbitrary<TxnRequest> = fc.letrec<{ txn: TxnRequest; op: RequestOp }>(
  (tie) => ({
    txn: fc.record(
      {
        compare: fc.array(compares, { maxLength: 2 }),
        success: fc.array(tie('op'), { maxLength: 4, depthIdentifier: 'txn' }),
        failure: fc.array(tie('op'), { maxLength: 3, depthIdentifier: 'txn' }),
      },
      { noNullPrototype: true },
    ),
    op: fc.oneof(
      { depthIdentifier: 'txn', maxDepth: 3 },
      {
        weight: 6,
        arbitrary: putRequests.map((request): RequestOp => ({ kind: 'put', request })),
      },
      {
        weight: 4,
        arbitrary: rangeRequests.map((request): RequestOp => ({ kind: 'range', request })),
      },
      {
        weight: 3,
        arbitrary: deleteRequests.map((request): RequestOp => ({ kind: 'deleteRange', request })),
      },
      { weight: 3, arbitrary: tie('txn').map((request): RequestOp => ({ kind: 'txn', request })) },
      { weight: 1, arbitrary: fc.constant<RequestOp>({ kind: 'none' }) },
    ),
  }),
).txn;

const some = (ids: readonly bigint[]): fc.Arbitrary<bigint> => fc.constantFrom(...ids);

export const commands: fc.Arbitrary<KeyCommand> = fc.oneof(
  { weight: 12, arbitrary: putRequests.map((request): KeyCommand => ({ kind: 'put', request })) },
  {
    weight: 5,
    arbitrary: deleteRequests.map((request): KeyCommand => ({ kind: 'deleteRange', request })),
  },
  { weight: 8, arbitrary: txnRequests.map((request): KeyCommand => ({ kind: 'txn', request })) },
  {
    weight: 3,
    arbitrary: fc
      .record({ revision: revisions, physical: fc.boolean() })
      .map((request): KeyCommand => ({ kind: 'compact', request })),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('leaseGrant'),
      id: some([0n, 1n, 1n, 2n, 2n, -(2n ** 63n)]),
      ttlSeconds: fc.constantFrom(1, 60, 9_000_000_000, 9_000_000_001),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('leaseRevoke'),
      id: some([1n, 2n, 3n, -(2n ** 63n)]),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('leaseCheckpoint'),
      checkpoints: fc.array(fc.record({ id: some([1n, 2n, 3n]), remainingSeconds: fc.nat(60) }), {
        maxLength: 3,
      }),
    }),
  },
);

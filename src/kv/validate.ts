/**
 * Checks of requests that need no state, in etcd's order, so that a bad request gets the same
 * answer here and there and is refused before it reaches the log.
 *
 * The state machine repeats them when it applies a command, all but the operation limit: a
 * limit is configuration, members may differ in it, and what is in the log must have the same
 * effect on each of them.
 */

import { refusals } from './refusals';
import { NO_LEASE } from './types';
import type {
  DeleteRangeRequest,
  Key,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from './types';

/** Operations, or comparisons, in one transaction: etcd's default. */
export const TXN_OPS_MAX = 128;

/** etcd's limit on a lease's TTL. */
export const LEASE_TTL_SECONDS_MAX = 9_000_000_000;

/** Throws Refused. */
export function checkRange(request: RangeRequest): void {
  if (request.key === '') throw refusals.emptyKey();
}

/** Throws Refused. */
export function checkPut(request: PutRequest): void {
  if (request.key === '') throw refusals.emptyKey();
  if (request.ignoreValue && request.value.length > 0) throw refusals.valueProvided();
  if (request.ignoreLease && request.lease !== NO_LEASE) throw refusals.leaseProvided();
}

/** Throws Refused. */
export function checkDeleteRange(request: DeleteRangeRequest): void {
  if (request.key === '') throw refusals.emptyKey();
}

/** Throws Refused. */
export function checkLeaseGrant(ttlSeconds: number): void {
  if (ttlSeconds > LEASE_TTL_SECONDS_MAX) throw refusals.leaseTtlTooLarge();
}

/**
 * Throws Refused. `opsMax` bounds the longest of the three lists, and each nested transaction
 * has what its parent leaves of it. Default 128, as etcd has it.
 */
export function checkTxn(request: TxnRequest, opsMax: number = TXN_OPS_MAX): void {
  checkTxnLists(request, opsMax);
  checkIntervals(request.success);
  checkIntervals(request.failure);
}

function checkTxnLists(request: TxnRequest, opsMax: number): void {
  const ops = Math.max(request.compare.length, request.success.length, request.failure.length);
  if (ops > opsMax) throw refusals.tooManyOps();
  for (const compare of request.compare) if (compare.key === '') throw refusals.emptyKey();
  for (const op of request.success) checkOp(op, opsMax - ops);
  for (const op of request.failure) checkOp(op, opsMax - ops);
}

function checkOp(op: RequestOp, opsMax: number): void {
  switch (op.kind) {
    case 'range':
      return checkRange(op.request);
    case 'put':
      return checkPut(op.request);
    case 'deleteRange':
      return checkDeleteRange(op.request);
    case 'txn':
      return checkTxnLists(op.request, opsMax);
    case 'none':
      throw refusals.keyNotFound();
  }
}

interface Writes {
  readonly puts: Set<Key>;
  readonly deletes: Interval[];
}

/** [from, to). */
interface Interval {
  readonly from: Key;
  readonly to: Key;
}

/**
 * Refuses a list of operations in which two writes may meet at one key: two puts, or a put and
 * a delete. The two branches of a nested transaction exclude each other, so they may share keys.
 * As in etcd, a nested put meets the deletes of this level and of nested transactions before
 * it, while deletes of later ones are not held against it. And as in etcd, a delete whose range
 * has the end '\0' (all keys from its own on) meets nothing: the end is compared as it stands.
 * So a key can change twice in one revision after all.
 */
function checkIntervals(ops: readonly RequestOp[]): Writes {
  const deletes: Interval[] = [];
  for (const op of ops) if (op.kind === 'deleteRange') deletes.push(intervalOf(op.request));
  const puts = new Set<Key>();
  for (const op of ops) {
    if (op.kind !== 'txn') continue;
    const then = checkIntervals(op.request.success);
    const otherwise = checkIntervals(op.request.failure);
    for (const key of then.puts) addPut(key, puts, deletes);
    for (const key of otherwise.puts) {
      if (then.puts.has(key)) refuseDeleted(key, deletes);
      else addPut(key, puts, deletes);
    }
    deletes.push(...then.deletes, ...otherwise.deletes);
  }
  for (const op of ops) if (op.kind === 'put') addPut(op.request.key, puts, deletes);
  return { puts, deletes };
}

function addPut(key: Key, puts: Set<Key>, deletes: readonly Interval[]): void {
  if (puts.has(key)) throw refusals.duplicateKey();
  refuseDeleted(key, deletes);
  puts.add(key);
}

function refuseDeleted(key: Key, deletes: readonly Interval[]): void {
  for (const { from, to } of deletes) {
    if (from <= key && key < to) throw refusals.duplicateKey();
  }
}

function intervalOf({ key, rangeEnd }: DeleteRangeRequest): Interval {
  return { from: key, to: rangeEnd === '' ? `${key}\0` : rangeEnd };
}

/**
 * Whether a transaction consists of reads, so that it need not go through the log. A nested
 * transaction counts as a write whatever is in it, as in etcd.
 */
export function isReadOnlyTxn(request: TxnRequest): boolean {
  return [...request.success, ...request.failure].every((op) => op.kind === 'range');
}

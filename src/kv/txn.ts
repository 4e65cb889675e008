/**
 * Transactions, in three passes as etcd has them: all comparisons, nested ones included, are
 * decided on the state before the transaction; then everything that could be refused on the
 * chosen path is checked, puts first; only then are the operations carried out in order.
 *
 * What a pass refuses depends on the state alone, and a refusal drops the whole write set: a
 * transaction that reads a compacted revision has no effect on any member.
 */

import { compareBytes, NO_BYTES } from './bytes';
import { isTombstone, leaseKey, versionPrefix } from './layout';
import type { OrderedStore } from './orderedStore';
import { keyRange, readRange, StoreSource, toKeyValue } from './reads';
import { refusals } from './refusals';
import { NO_LEASE } from './types';
import type {
  Compare,
  DeleteRangeRequest,
  DeleteRangeResult,
  KeyValue,
  OpResult,
  PutRequest,
  PutResult,
  RangeRequest,
  RangeResult,
  RequestOp,
  Revision,
  TxnRequest,
  TxnResult,
} from './types';

/** The state that a transaction begins with. */
export interface TxnBase extends Revisions {
  readonly store: OrderedStore;
}

/** What can be read: from `compacted` to `revision`. */
export interface Revisions {
  readonly revision: Revision;
  readonly compacted: Revision;
}

/** Carries the operations out. */
export interface TxnActions {
  range(request: RangeRequest): RangeResult;
  put(request: PutRequest): PutResult;
  deleteRange(request: DeleteRangeRequest): DeleteRangeResult;
}

/** The branch taken, and the branches of the nested transactions on it, by their places. */
interface Path {
  readonly succeeded: boolean;
  readonly ops: readonly RequestOp[];
  readonly nested: ReadonlyMap<number, Path>;
}

/** Throws Refused; then nothing that `actions` did may remain. */
export function runTxn(base: TxnBase, actions: TxnActions, request: TxnRequest): TxnResult {
  const path = choose(new StoreSource(base.store, undefined), request);
  checkPuts(base, path);
  checkRanges(base, path);
  return execute(actions, path);
}

/** Throws Refused when a read at `revision` cannot be answered. */
export function checkRevision(state: Revisions, revision: Revision): void {
  if (revision > 0) checkRevisionInTxn(state, revision);
}

/**
 * In a transaction etcd takes a negative revision by its number, and so refuses it as compacted
 * once there was a compaction; everywhere else it means the newest.
 */
function checkRevisionInTxn(state: Revisions, revision: Revision): void {
  if (revision === 0) return;
  if (revision > state.revision) throw refusals.futureRevision();
  if (revision < state.compacted) throw refusals.compacted();
}

function choose(source: StoreSource, request: TxnRequest): Path {
  const succeeded = request.compare.every((compare) => holds(source, compare));
  const ops = succeeded ? request.success : request.failure;
  const nested = new Map<number, Path>();
  ops.forEach((op, place) => {
    if (op.kind === 'txn') nested.set(place, choose(source, op.request));
  });
  return { succeeded, ops, nested };
}

function checkPuts(base: TxnBase, path: Path): void {
  path.ops.forEach((op, place) => {
    if (op.kind === 'txn') checkPuts(base, path.nested.get(place)!);
    if (op.kind !== 'put') return;
    const { key, ignoreValue, ignoreLease, lease } = op.request;
    if (ignoreValue || ignoreLease) {
      const newest = new StoreSource(base.store, undefined).newest(versionPrefix(key));
      if (newest === undefined || isTombstone(newest.record)) throw refusals.keyNotFound();
    }
    if (lease !== NO_LEASE && base.store.get(leaseKey(lease)) === undefined) {
      throw refusals.leaseNotFound();
    }
  });
}

function checkRanges(base: TxnBase, path: Path): void {
  path.ops.forEach((op, place) => {
    if (op.kind === 'txn') checkRanges(base, path.nested.get(place)!);
    if (op.kind === 'range') checkRevisionInTxn(base, op.request.revision);
  });
}

function execute(actions: TxnActions, path: Path): TxnResult {
  const responses = path.ops.map((op, place): OpResult => {
    switch (op.kind) {
      case 'range':
        return actions.range(op.request);
      case 'put':
        return actions.put(op.request);
      case 'deleteRange':
        return actions.deleteRange(op.request);
      case 'txn':
        return execute(actions, path.nested.get(place)!);
      case 'none':
        throw refusals.keyNotFound();
    }
  });
  return { kind: 'txn', succeeded: path.succeeded, responses };
}

/** What etcd compares with where there is no key. */
const ABSENT: KeyValue = {
  key: '',
  createRevision: 0,
  modRevision: 0,
  version: 0,
  value: NO_BYTES,
  lease: NO_LEASE,
};

/**
 * All keys of a range must satisfy it; the value of a key that does not exist satisfies nothing.
 */
function holds(source: StoreSource, compare: Compare): boolean {
  let all = true;
  let any = false;
  source.scanLive(keyRange(compare.key, compare.rangeEnd), (prefix, storeKey, load) => {
    any = true;
    all = holdsFor(compare, toKeyValue({ prefix, storeKey, record: load() }));
    return all;
  });
  if (any) return all;
  return compare.target !== 'value' && holdsFor(compare, ABSENT);
}

function holdsFor(compare: Compare, kv: KeyValue): boolean {
  const order = orderOf(compare, kv);
  switch (compare.result) {
    case 'equal':
      return order === 0;
    case 'notEqual':
      return order !== 0;
    case 'greater':
      return order > 0;
    case 'less':
      return order < 0;
  }
}

function orderOf(compare: Compare, kv: KeyValue): number {
  switch (compare.target) {
    case 'version':
      return kv.version - compare.operand;
    case 'create':
      return kv.createRevision - compare.operand;
    case 'mod':
      return kv.modRevision - compare.operand;
    case 'value':
      return compareBytes(kv.value, compare.operand);
    case 'lease':
      return kv.lease < compare.operand ? -1 : kv.lease > compare.operand ? 1 : 0;
  }
}

/** For transactions that only read. */
export function readActions(base: TxnBase): TxnActions {
  const never = (): never => {
    throw new Error('a read-only transaction was about to write');
  };
  return {
    put: never,
    deleteRange: never,
    range: (request) => readRange(sourceAt(base, request.revision), request),
  };
}

/** The store at a revision that was checked; 0 or less is the newest. */
export function sourceAt(base: TxnBase, revision: Revision): StoreSource {
  return new StoreSource(
    base.store,
    revision > 0 && revision < base.revision ? revision : undefined,
  );
}

/**
 * An etcd store as a model sees it: keys with their past, revisions, transactions.
 *
 * Requests are evaluated against a store without changing it and give the expected answer and the
 * changes; `commit` makes the next store. A commit copies the map of keys but shares the past of
 * each, so a store is a value; `commitInPlace` saves the copy where nobody keeps the old one.
 * Strings are ordered by their UTF-16 units, which is etcd's byte order for all ASCII keys.
 */

import type {
  Compare,
  DeleteInput,
  EtcdKeyValue,
  EtcdOutput,
  LeaseInput,
  Operation,
  PutInput,
  RangeInput,
  RangeOutput,
  TxnInput,
  TxnOperation,
  TxnOutput,
} from '../src/history';
import { ModelError } from './modelError';

/** What one revision did to a key. */
export interface Version {
  readonly mod: number;
  /** Undefined when the revision deleted the key. */
  readonly kv: EtcdKeyValue | undefined;
}

export interface EtcdState {
  readonly revision: number;
  /** Reads of revisions below are refused; 0 before the first compaction. */
  readonly compacted: number;
  readonly keys: ReadonlyMap<string, readonly Version[]>;
}

/** The new kv of each key that changes; undefined where it is deleted. */
export type Changes = ReadonlyMap<string, EtcdKeyValue | undefined>;

export interface Evaluation {
  /** The expected answer; undefined when the store would refuse the request. */
  readonly output: EtcdOutput | undefined;
  readonly changes: Changes;
}

const noChanges: Changes = new Map();

/** Deeper transactions than any store accepts are a mistake in the history. */
const depthMax = 16;

/** A view of a store with the changes that a transaction made so far. */
class Draft {
  readonly changes = new Map<string, EtcdKeyValue | undefined>();

  constructor(readonly state: EtcdState) {}

  get(key: string): EtcdKeyValue | undefined {
    return this.changes.has(key) ? this.changes.get(key) : currentOf(this.state, key);
  }

  /** The existing keys of a range, in order. */
  range(key: string, end: string | undefined): readonly EtcdKeyValue[] {
    if (end === undefined || end === '') {
      const kv = this.get(key);
      return kv === undefined ? [] : [kv];
    }
    const names = new Set([...this.state.keys.keys(), ...this.changes.keys()]);
    return [...names]
      .filter((name) => name >= key && (end === '\0' || name < end))
      .sort()
      .flatMap((name) => this.get(name) ?? []);
  }

  put(key: string, { value, lease }: PutInput): void {
    const before = this.get(key);
    const mod = this.state.revision + 1;
    const create = before?.create ?? mod;
    const version = (before?.version ?? 0) + 1;
    const kv = { key, value, mod, create, version };
    this.changes.set(key, hasLease(lease) ? { ...kv, lease } : kv);
  }

  delete(key: string): void {
    // A key that the same transaction created leaves no trace when it is deleted again.
    if (currentOf(this.state, key) === undefined) this.changes.delete(key);
    else this.changes.set(key, undefined);
  }
}

function hasLease(lease: string | undefined): lease is string {
  return lease !== undefined && lease !== '' && lease !== '0';
}

function currentOf({ keys }: EtcdState, key: string): EtcdKeyValue | undefined {
  return keys.get(key)?.at(-1)?.kv;
}

/** The key as it was at a revision. */
function pastOf({ keys }: EtcdState, key: string, revision: number): EtcdKeyValue | undefined {
  const versions = keys.get(key) ?? [];
  for (let i = versions.length - 1; i >= 0; i--) {
    if (versions[i]!.mod <= revision) return versions[i]!.kv;
  }
  return undefined;
}

/** The store as it was at a revision; undefined when it no longer or not yet has it. */
export function storeAt(state: EtcdState, revision: number): EtcdState | undefined {
  if (revision > state.revision || revision < state.compacted || revision < 0) return undefined;
  if (revision === state.revision) return state;
  const keys = new Map<string, readonly Version[]>();
  for (const [key, versions] of state.keys) {
    const kv = pastOf(state, key, revision);
    if (kv !== undefined) keys.set(key, [{ mod: kv.mod, kv }]);
    else if (versions[0]!.mod <= revision) keys.set(key, []);
  }
  return { revision, compacted: state.compacted, keys };
}

/** Evaluates a request of a history. `at`: the revision a serializable read is served from. */
export function evaluate(state: EtcdState, operation: Operation, at?: number): Evaluation {
  const input = operation.input ?? {};
  switch (operation.f) {
    case 'range': {
      const view = at === undefined ? state : storeAt(state, at);
      const key = keyOf(operation);
      const output = view && evaluateRange(new Draft(view), key, input);
      return { output, changes: noChanges };
    }
    case 'put':
    case 'delete': {
      const draft = new Draft(state);
      const f = operation.f;
      const request = { f, key: keyOf(operation), value: input } as TxnOperation;
      const output = evaluateOperation(draft, request, 0);
      return { output, changes: draft.changes };
    }
    case 'txn': {
      const draft = new Draft(state);
      const output = evaluateTxn(draft, txnOf(operation), 0);
      return { output, changes: output === undefined ? noChanges : draft.changes };
    }
    case 'leaseGrant':
      return { output: {}, changes: noChanges };
    case 'leaseRevoke': {
      const draft = new Draft(state);
      for (const key of state.keys.keys()) {
        if (draft.get(key)?.lease === (input as LeaseInput).lease) draft.delete(key);
      }
      return { output: {}, changes: draft.changes };
    }
    default:
      throw new ModelError(operation, `etcd has no "${operation.f}"`);
  }
}

function keyOf(operation: Operation): string {
  if (operation.key === undefined) throw new ModelError(operation, `a ${operation.f} has no key`);
  return operation.key;
}

/** The transaction an operation asked for. */
export function txnOf(operation: Operation): TxnInput {
  const txn = operation.input as Partial<TxnInput> | null | undefined;
  const { compare, success, failure } = txn ?? {};
  if (!Array.isArray(compare) || !Array.isArray(success) || !Array.isArray(failure)) {
    throw new ModelError(operation, 'the value of a txn is no {compare, success, failure}');
  }
  return txn as TxnInput;
}

function evaluateRange(draft: Draft, key: string, input: RangeInput): RangeOutput | undefined {
  const { end, limit = 0, revision = 0, keysOnly = false, countOnly = false } = input;
  let view = draft;
  if (revision > 0) {
    const past = storeAt(draft.state, revision);
    if (past === undefined) return undefined;
    view = new Draft(past);
  }
  const all = view.range(key, end);
  if (countOnly) return { kvs: [], count: all.length, more: false };
  const some = limit > 0 ? all.slice(0, limit) : all;
  const kvs = keysOnly ? some.map((kv) => ({ ...kv, value: '' })) : some;
  return { kvs, count: all.length, more: all.length > some.length };
}

function evaluateOperation(
  draft: Draft,
  operation: TxnOperation,
  depth: number,
): EtcdOutput | undefined {
  switch (operation.f) {
    case 'range':
      return evaluateRange(draft, operation.key, operation.value);
    case 'put':
      draft.put(operation.key, operation.value);
      return {};
    case 'delete': {
      const { end }: DeleteInput = operation.value ?? {};
      const gone = draft.range(operation.key, end);
      for (const { key } of gone) draft.delete(key);
      return { deleted: gone.length };
    }
    case 'txn':
      return evaluateTxn(draft, operation.value, depth + 1);
  }
}

/** Undefined when a read inside would be refused: then so is the whole transaction. */
function evaluateTxn(draft: Draft, txn: TxnInput, depth: number): TxnOutput | undefined {
  if (depth > depthMax) throw new Error(`a transaction is nested deeper than ${depthMax}`);
  const succeeded = txn.compare.every((compare) => holds(draft, compare));
  const results: EtcdOutput[] = [];
  for (const operation of succeeded ? txn.success : txn.failure) {
    const result = evaluateOperation(draft, operation, depth);
    if (result === undefined) return undefined;
    results.push(result);
  }
  return { succeeded, results };
}

/**
 * Whether all keys of a comparison satisfy it. A missing key has version, revisions and lease 0;
 * its value compares with nothing, not even as different.
 */
function holds(draft: Draft, compare: Compare): boolean {
  const kvs = draft.range(compare.key, compare.end);
  if (kvs.length > 0) return kvs.every((kv) => compares(operandOf(kv, compare), compare));
  if (compare.target === 'value') return false;
  return compares(compare.target === 'lease' ? '0' : 0, compare);
}

function operandOf(kv: EtcdKeyValue, { target }: Compare): number | string {
  return target === 'lease' ? (kv.lease ?? '0') : (kv[target] ?? 0);
}

function compares(actual: number | string, { target, result, value }: Compare): boolean {
  const [left, right] =
    target === 'value'
      ? [String(actual), String(value)]
      : target === 'lease'
        ? [BigInt(actual), BigInt(value)]
        : [Number(actual), Number(value)];
  switch (result) {
    case 'equal':
      return left === right;
    case 'notEqual':
      return left !== right;
    case 'greater':
      return left > right;
    case 'less':
      return left < right;
  }
}

/** The store after changes; all of them get the next revision. */
export function commit(state: EtcdState, changes: Changes): EtcdState {
  if (changes.size === 0) return state;
  const keys = new Map(state.keys);
  const revision = state.revision + 1;
  for (const [key, kv] of changes) keys.set(key, [...(keys.get(key) ?? []), { mod: revision, kv }]);
  return { revision, compacted: state.compacted, keys };
}

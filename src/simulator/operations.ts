/**
 * What clients ask for and what they make of the answers, in the shapes of etcd histories.
 *
 * Every write carries a value that no other write of the run has, so a read names the write it
 * saw. A compare asks for the revision at which this client last saw the key, as users of etcd
 * do, and reads the key in the branch that is taken otherwise.
 */
import { isOpResult, NO_LEASE, Refused } from '../kv';
import type {
  Applied,
  Command,
  KeyValue,
  KvEvent,
  OpResult,
  RangeRequest,
  RangeResult,
} from '../kv';
import type { RecordedCompletion, WatchedChange } from '../history';
import type { PlannedOperation } from './plan';

/** One operation, ready to be sent: how the history shows it and what the member gets. */
export interface Request {
  readonly f: 'range' | 'put' | 'delete' | 'txn';
  readonly key: string;
  /** Value of the invocation in the history. */
  readonly value: unknown;
  /** What goes through the log; a read has none. */
  readonly command: Command | undefined;
  readonly serializable: boolean;
}

/** What one client last saw of each key: the revision of its newest change, 0 for none. */
export type Sightings = Map<string, number>;

export function keyName(key: number): string {
  return `k${key}`;
}

/** Makes the request of a planned operation; `unique` names the value it writes. */
export function requestOf(
  operation: PlannedOperation,
  unique: string,
  valueBytes: number,
  sightings: Sightings,
): Request {
  const key = keyName(operation.key);
  switch (operation.kind) {
    case 'read':
      return { f: 'range', key, value: {}, command: undefined, serializable: false };
    case 'serializableRead':
      return {
        f: 'range',
        key,
        value: { serializable: true },
        command: undefined,
        serializable: true,
      };
    case 'write':
      return {
        f: 'put',
        key,
        value: { value: unique },
        command: { kind: 'put', request: putRequest(key, unique, valueBytes) },
        serializable: false,
      };
    case 'delete':
      return {
        f: 'delete',
        key,
        value: {},
        command: { kind: 'deleteRange', request: { key, rangeEnd: '', prevKv: false } },
        serializable: false,
      };
    case 'cas':
      return compareAndSwap(key, unique, valueBytes, sightings.get(key) ?? 0);
  }
}

export function rangeRequest(key: string): RangeRequest {
  return {
    key,
    rangeEnd: '',
    limit: 0,
    revision: 0,
    sortOrder: 'none',
    sortTarget: 'key',
    keysOnly: false,
    countOnly: false,
    minModRevision: 0,
    maxModRevision: 0,
    minCreateRevision: 0,
    maxCreateRevision: 0,
  };
}

/** The completion of a command that was applied, or refused by the state machine. */
export function completionOf(applied: Applied): RecordedCompletion {
  const { result, revision } = applied;
  if (result instanceof Refused) return { type: 'fail', error: result.message };
  if (!isOpResult(result)) return { type: 'ok', rev: revision };
  return { type: 'ok', value: outputOf(result), rev: revision };
}

/** The completion of a read that was served at this revision of the store. */
export function readCompletion(result: RangeResult, revision: number): RecordedCompletion {
  return { type: 'ok', value: outputOf(result), rev: revision };
}

/** A change of the store as a watcher from the first revision sees it. */
export function watchedChange({ type, kv }: KvEvent): WatchedChange {
  return { rev: kv.modRevision, key: kv.key, value: type === 'put' ? unpadded(kv.value) : null };
}

/** Notes what an answer tells about the newest revision of a key. */
export function learn(sightings: Sightings, key: string, result: OpResult, revision: number): void {
  if (result.kind === 'range') sightings.set(key, result.kvs[0]?.modRevision ?? 0);
  else if (result.kind === 'put') sightings.set(key, revision);
  else if (result.kind === 'deleteRange') sightings.set(key, 0);
  else {
    const inner = result.responses[0];
    if (inner !== undefined) learn(sightings, key, inner, revision);
  }
}

function compareAndSwap(key: string, unique: string, valueBytes: number, seen: number): Request {
  const put = putRequest(key, unique, valueBytes);
  return {
    f: 'txn',
    key,
    value: {
      compare: [{ key, target: 'mod', result: 'equal', value: seen }],
      success: [{ f: 'put', key, value: { value: unique } }],
      failure: [{ f: 'range', key, value: {} }],
    },
    command: {
      kind: 'txn',
      request: {
        compare: [{ key, rangeEnd: '', target: 'mod', result: 'equal', operand: seen }],
        success: [{ kind: 'put', request: put }],
        failure: [{ kind: 'range', request: rangeRequest(key) }],
      },
    },
    serializable: false,
  };
}

function putRequest(key: string, unique: string, valueBytes: number) {
  return {
    key,
    value: padded(unique, valueBytes),
    lease: NO_LEASE,
    prevKv: false,
    ignoreValue: false,
    ignoreLease: false,
  };
}

function outputOf(result: OpResult): unknown {
  switch (result.kind) {
    case 'range':
      return { kvs: result.kvs.map(keyValueOf), count: result.count, more: result.more };
    case 'put':
      return {};
    case 'deleteRange':
      return { deleted: result.deleted };
    case 'txn':
      return { succeeded: result.succeeded, results: result.responses.map(outputOf) };
  }
}

function keyValueOf(kv: KeyValue) {
  return {
    key: kv.key,
    value: unpadded(kv.value),
    mod: kv.modRevision,
    create: kv.createRevision,
    version: kv.version,
  };
}

const SPACE = 32;

/** ASCII text, filled up with spaces. */
function padded(text: string, bytes: number): Uint8Array {
  const value = new Uint8Array(Math.max(text.length, bytes)).fill(SPACE);
  for (let i = 0; i < text.length; i++) value[i] = text.charCodeAt(i);
  return value;
}

function unpadded(value: Uint8Array): string {
  let text = '';
  for (const byte of value) {
    if (byte === SPACE) break;
    text += String.fromCharCode(byte);
  }
  return text;
}

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
  readonly f: 'range' | 'put' | 'delete' | 'txn' | 'compact';
  readonly key: string;
  /** Value of the invocation in the history. */
  readonly value: unknown;
  /** What goes through the log; a read has none. */
  readonly command: Command | undefined;
  readonly serializable: boolean;
  /** Of a read: the revision it asks for, 0 for the newest. */
  readonly revision: number;
}

/** What one client last saw of each key: the revision of its newest change, 0 for none. */
export type Sightings = Map<string, number>;

/** What a client knows when it asks. */
export interface Knowledge {
  readonly sightings: Sightings;
  /** The newest revision of the store that an answer has shown. */
  readonly revision: number;
}

/** How far back clients ask for the past, and what they let be compacted. */
const PAST_REVISIONS = 4;
const KEPT_REVISIONS = 3;

export function keyName(key: number): string {
  return `k${key}`;
}

/** Makes the request of a planned operation; `unique` names the value it writes. */
export function requestOf(
  operation: PlannedOperation,
  unique: string,
  valueBytes: number,
  { sightings, revision }: Knowledge,
): Request {
  const key = keyName(operation.key);
  const past = Math.max(1, revision - PAST_REVISIONS);
  switch (operation.kind) {
    case 'read':
      return readRequest(key, {}, 0);
    case 'serializableRead':
      return { ...readRequest(key, { serializable: true }, 0), serializable: true };
    case 'pastRead':
      return readRequest(key, { revision: past }, past);
    case 'write': {
      const request = putRequest(key, unique, valueBytes);
      return writeRequest('put', key, { value: unique }, { kind: 'put', request });
    }
    case 'delete': {
      const request = { key, rangeEnd: '', prevKv: false };
      return writeRequest('delete', key, {}, { kind: 'deleteRange', request });
    }
    case 'cas':
      return compareAndSwap(key, unique, valueBytes, sightings.get(key) ?? 0);
    case 'pastTxn':
      return writeThenReadPast(key, unique, valueBytes, past);
    case 'compact': {
      const request = { revision: Math.max(1, revision - KEPT_REVISIONS), physical: false };
      return writeRequest(
        'compact',
        key,
        { revision: request.revision },
        { kind: 'compact', request },
      );
    }
  }
}

function readRequest(key: string, value: object, revision: number): Request {
  return { f: 'range', key, value, command: undefined, serializable: false, revision };
}

function writeRequest(f: Request['f'], key: string, value: object, command: Command): Request {
  return { f, key, value, command, serializable: false, revision: 0 };
}

export function rangeRequest(key: string, revision = 0): RangeRequest {
  return {
    key,
    rangeEnd: '',
    limit: 0,
    revision,
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
  const value = {
    compare: [{ key, target: 'mod', result: 'equal', value: seen }],
    success: [{ f: 'put', key, value: { value: unique } }],
    failure: [{ f: 'range', key, value: {} }],
  };
  return writeRequest('txn', key, value, {
    kind: 'txn',
    request: {
      compare: [{ key, rangeEnd: '', target: 'mod', result: 'equal', operand: seen }],
      success: [{ kind: 'put', request: put }],
      failure: [{ kind: 'range', request: rangeRequest(key) }],
    },
  });
}

/** Refused as a whole when the past is compacted: then the write must not happen either. */
function writeThenReadPast(key: string, unique: string, bytes: number, past: number): Request {
  const put = putRequest(key, unique, bytes);
  const value = {
    compare: [],
    success: [
      { f: 'put', key, value: { value: unique } },
      { f: 'range', key, value: { revision: past } },
    ],
    failure: [],
  };
  return writeRequest('txn', key, value, {
    kind: 'txn',
    request: {
      compare: [],
      success: [
        { kind: 'put', request: put },
        { kind: 'range', request: rangeRequest(key, past) },
      ],
      failure: [],
    },
  });
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

/**
 * The obviously correct state machine: every revision is a whole sorted array, nothing is ever
 * forgotten, every answer is computed by looking at everything.
 *
 * Written from etcd's documented behaviour and from what a real one was seen to answer, without
 * a look at the state machine that it judges. Slow on purpose.
 */

import { Refused } from '../../src/kv';
import type {
  Applied,
  KeyCommand,
  CommandResult,
  Compare,
  KeyValue,
  KvEvent,
  OpResult,
  PutRequest,
  RangeRequest,
  RangeResult,
  RequestOp,
  StatusCode,
  TxnRequest,
} from '../../src/kv';

type State = readonly KeyValue[];

const refuse = (code: StatusCode, words: string): never => {
  throw new Refused(code, `etcdserver: ${words}`);
};

interface Lease {
  readonly ttlSeconds: number;
  readonly remainingSeconds: number;
}

export class NaiveModel {
  /** The state at each revision; index 0 is never used. */
  readonly states: State[] = [[], []];
  /** The events of each revision. */
  readonly events: (readonly KvEvent[])[] = [[], []];
  readonly leases = new Map<bigint, Lease>();
  compacted = -1;

  get revision(): number {
    return this.states.length - 1;
  }

  get current(): State {
    return this.states.at(-1)!;
  }

  apply(command: KeyCommand): Applied {
    const work: Work = { state: this.current, events: [], revision: this.revision + 1 };
    try {
      const result = this.carryOut(command, work);
      if (work.events.length > 0) {
        this.states.push(work.state);
        this.events.push(work.events);
      }
      return { result, revision: this.revision, events: work.events };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { result: error, revision: this.revision, events: [] };
    }
  }

  range(request: RangeRequest): RangeResult {
    if (request.key === '') refuse('invalidArgument', 'key is not provided');
    this.checkRevision(request.revision);
    return rangeIn(request.revision > 0 ? this.states[request.revision]! : this.current, request);
  }

  /** What a watch from `from` gets; a previous value that is compacted away is missing. */
  history(from: number): { readonly revision: number; readonly events: readonly KvEvent[] }[] {
    if (from < this.compacted) refuse('outOfRange', 'mvcc: required revision has been compacted');
    return this.events
      .map((events, revision) => ({
        revision,
        events:
          revision > this.compacted
            ? events
            : events.map((event) => ({ ...event, prevKv: undefined })),
      }))
      .filter(({ revision, events }) => revision >= from && events.length > 0);
  }

  leaseKeys(id: bigint): readonly string[] {
    return this.current.filter((kv) => kv.lease === id).map((kv) => kv.key);
  }

  private carryOut(command: KeyCommand, work: Work): CommandResult {
    switch (command.kind) {
      case 'put':
      case 'deleteRange':
        checkOp(command);
        return this.runOp(command, work);
      case 'txn':
        checkTxn(command.request);
        return this.txn(command.request, work);
      case 'compact': {
        const { revision } = command.request;
        if (revision <= this.compacted) {
          refuse('outOfRange', 'mvcc: required revision has been compacted');
        }
        if (revision > this.revision) {
          refuse('outOfRange', 'mvcc: required revision is a future revision');
        }
        this.compacted = revision;
        return { kind: 'compact' };
      }
      case 'leaseGrant':
        if (command.ttlSeconds > 9e9) refuse('outOfRange', 'too large lease TTL');
        if (command.id === 0n) refuse('notFound', 'requested lease not found');
        if (this.leases.has(command.id)) refuse('failedPrecondition', 'lease already exists');
        this.leases.set(command.id, { ttlSeconds: command.ttlSeconds, remainingSeconds: 0 });
        return { kind: 'lease', id: command.id, ttlSeconds: command.ttlSeconds };
      case 'leaseRevoke': {
        const lease = this.leases.get(command.id);
        if (lease === undefined) return refuse('notFound', 'requested lease not found');
        for (const key of this.leaseKeys(command.id)) removeKey(work, key);
        this.leases.delete(command.id);
        return { kind: 'lease', id: command.id, ttlSeconds: lease.ttlSeconds };
      }
      case 'leaseCheckpoint':
        for (const { id, remainingSeconds } of command.checkpoints) {
          const lease = this.leases.get(id);
          if (lease !== undefined) this.leases.set(id, { ...lease, remainingSeconds });
        }
        return { kind: 'lease', id: 0n, ttlSeconds: 0 };
    }
  }

  private runOp(op: RequestOp, work: Work): OpResult {
    switch (op.kind) {
      case 'none':
        return refuse('invalidArgument', 'key not found');
      case 'range': {
        const { revision } = op.request;
        return rangeIn(revision > 0 ? this.states[revision]! : work.state, op.request);
      }
      case 'put':
        return this.put(op.request, work);
      case 'deleteRange': {
        const { key, rangeEnd, prevKv } = op.request;
        const gone = work.state.filter((kv) => inRange(kv.key, key, rangeEnd));
        for (const kv of gone) removeKey(work, kv.key);
        return { kind: 'deleteRange', deleted: gone.length, prevKvs: prevKv ? gone : [] };
      }
      case 'txn':
        throw new Error('a transaction is no plain operation');
    }
  }

  private put(request: PutRequest, work: Work): OpResult {
    const prev = work.state.find((kv) => kv.key === request.key);
    this.checkLease(request);
    if ((request.ignoreValue || request.ignoreLease) && prev === undefined) {
      refuse('invalidArgument', 'key not found');
    }
    const kv: KeyValue = {
      key: request.key,
      createRevision: prev?.createRevision ?? work.revision,
      modRevision: work.revision,
      version: (prev?.version ?? 0) + 1,
      value: request.ignoreValue ? prev!.value : request.value,
      lease: request.ignoreLease ? prev!.lease : request.lease,
    };
    work.state = [...work.state.filter((other) => other.key !== kv.key), kv].sort((a, b) =>
      a.key < b.key ? -1 : 1,
    );
    work.events.push({ type: 'put', kv, prevKv: prev });
    return { kind: 'put', prevKv: request.prevKv ? prev : undefined };
  }

  private checkLease(request: PutRequest): void {
    if (request.lease !== 0n && !this.leases.has(request.lease)) {
      refuse('notFound', 'requested lease not found');
    }
  }

  /** In a transaction the key is looked for before the lease; a plain put does it the other way. */
  private checkPutInTxn(request: PutRequest, before: State): void {
    const exists = before.some((kv) => kv.key === request.key);
    if ((request.ignoreValue || request.ignoreLease) && !exists) {
      refuse('invalidArgument', 'key not found');
    }
    this.checkLease(request);
  }

  /** Comparisons see the state before the transaction, be they nested; so do the checks. */
  private txn(request: TxnRequest, work: Work): OpResult {
    const before = this.current;
    const chosen = (txn: TxnRequest): readonly RequestOp[] =>
      txn.compare.every((compare) => holds(before, compare)) ? txn.success : txn.failure;
    const flat = (txn: TxnRequest): RequestOp[] =>
      chosen(txn).flatMap((op) => (op.kind === 'txn' ? flat(op.request) : [op]));
    for (const op of flat(request)) if (op.kind === 'put') this.checkPutInTxn(op.request, before);
    for (const op of flat(request)) {
      if (op.kind !== 'range') continue;
      const { revision } = op.request;
      // In a transaction a negative revision is a number like any other.
      if (revision < 0 && revision < this.compacted) {
        refuse('outOfRange', 'mvcc: required revision has been compacted');
      }
      this.checkRevision(revision);
    }
    const run = (txn: TxnRequest): OpResult => ({
      kind: 'txn',
      succeeded: txn.compare.every((compare) => holds(before, compare)),
      responses: chosen(txn).map((op) =>
        op.kind === 'txn' ? run(op.request) : this.runOp(op, work),
      ),
    });
    return run(request);
  }

  private checkRevision(revision: number): void {
    if (revision <= 0) return;
    if (revision > this.revision) {
      refuse('outOfRange', 'mvcc: required revision is a future revision');
    }
    if (revision < this.compacted) {
      refuse('outOfRange', 'mvcc: required revision has been compacted');
    }
  }
}

interface Work {
  state: State;
  readonly events: KvEvent[];
  readonly revision: number;
}

function removeKey(work: Work, key: string): void {
  const prev = work.state.find((kv) => kv.key === key)!;
  work.state = work.state.filter((kv) => kv.key !== key);
  const kv = {
    key,
    createRevision: 0,
    modRevision: work.revision,
    version: 0,
    value: new Uint8Array(0),
    lease: 0n,
  };
  work.events.push({ type: 'delete', kv, prevKv: prev });
}

export function inRange(candidate: string, key: string, rangeEnd: string): boolean {
  if (rangeEnd === '') return candidate === key;
  return candidate >= key && (rangeEnd === '\0' || candidate < rangeEnd);
}

function rangeIn(state: State, request: RangeRequest): RangeResult {
  const all = state.filter((kv) => inRange(kv.key, request.key, request.rangeEnd));
  if (request.countOnly) return { kind: 'range', kvs: [], more: false, count: all.length };
  const within = (value: number, min: number, max: number): boolean =>
    (min === 0 || value >= min) && (max === 0 || value <= max);
  const filtered =
    request.minModRevision !== 0 ||
    request.maxModRevision !== 0 ||
    request.minCreateRevision !== 0 ||
    request.maxCreateRevision !== 0;
  let kvs = all.filter(
    (kv) =>
      within(kv.modRevision, request.minModRevision, request.maxModRevision) &&
      within(kv.createRevision, request.minCreateRevision, request.maxCreateRevision),
  );
  // The implied order sorts only what a read with this limit would have fetched.
  if (request.sortOrder === 'none' && !filtered && request.limit > 0) {
    kvs = kvs.slice(0, request.limit + 1);
  }
  const sign = request.sortOrder === 'descend' ? -1 : 1;
  kvs = [...kvs].sort((a, b) => sign * compareBy(request.sortTarget, a, b));
  const more = request.limit > 0 && kvs.length > request.limit;
  if (more) kvs = kvs.slice(0, request.limit);
  if (request.keysOnly) kvs = kvs.map((kv) => ({ ...kv, value: new Uint8Array(0) }));
  return { kind: 'range', kvs, more, count: all.length };
}

function compareBy(target: RangeRequest['sortTarget'], a: KeyValue, b: KeyValue): number {
  switch (target) {
    case 'key':
      return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
    case 'version':
      return a.version - b.version;
    case 'create':
      return a.createRevision - b.createRevision;
    case 'mod':
      return a.modRevision - b.modRevision;
    case 'value':
      return compareTexts(latin1(a.value), latin1(b.value));
  }
}

const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const ABSENT: KeyValue = {
  key: '',
  createRevision: 0,
  modRevision: 0,
  version: 0,
  value: new Uint8Array(0),
  lease: 0n,
};

function holds(state: State, compare: Compare): boolean {
  const found = state.filter((kv) => inRange(kv.key, compare.key, compare.rangeEnd));
  if (found.length === 0) return compare.target !== 'value' && holdsFor(ABSENT, compare);
  return found.every((kv) => holdsFor(kv, compare));
}

function holdsFor(kv: KeyValue, compare: Compare): boolean {
  const order = ((): number => {
    switch (compare.target) {
      case 'version':
        return kv.version - compare.operand;
      case 'create':
        return kv.createRevision - compare.operand;
      case 'mod':
        return kv.modRevision - compare.operand;
      case 'value':
        return compareTexts(latin1(kv.value), latin1(compare.operand));
      case 'lease':
        return kv.lease === compare.operand ? 0 : kv.lease < compare.operand ? -1 : 1;
    }
  })();
  const outcomes = {
    equal: order === 0,
    notEqual: order !== 0,
    greater: order > 0,
    less: order < 0,
  };
  return outcomes[compare.result];
}

function checkOp(op: RequestOp): void {
  if (op.kind === 'none') refuse('invalidArgument', 'key not found');
  else if (op.kind === 'txn') checkLists(op.request);
  else if (op.request.key === '') refuse('invalidArgument', 'key is not provided');
  else if (op.kind === 'put') {
    const { ignoreValue, ignoreLease, value, lease } = op.request;
    if (ignoreValue && value.length > 0) refuse('invalidArgument', 'value is provided');
    if (ignoreLease && lease !== 0n) refuse('invalidArgument', 'lease is provided');
  }
}

function checkTxn(txn: TxnRequest): void {
  checkLists(txn);
  writesOf(txn.success);
  writesOf(txn.failure);
}

function checkLists(txn: TxnRequest): void {
  for (const { key } of txn.compare)
    if (key === '') refuse('invalidArgument', 'key is not provided');
  for (const op of [...txn.success, ...txn.failure]) checkOp(op);
}

interface Writes {
  readonly puts: readonly string[];
  readonly deletes: readonly (readonly [string, string])[];
}

/**
 * Nested transactions first, in order; then the puts of this level; deletes of this level count
 * throughout, but for those with the end '\0'.
 */
function writesOf(ops: readonly RequestOp[]): Writes {
  const duplicate = (): never => refuse('invalidArgument', 'duplicate key given in txn request');
  let deletes = ops.flatMap((op): (readonly [string, string])[] =>
    op.kind === 'deleteRange' ? [[op.request.key, op.request.rangeEnd]] : [],
  );
  let puts: string[] = [];
  const meetsDelete = (key: string): boolean =>
    deletes.some(([from, end]) => end !== '\0' && inRange(key, from, end));
  for (const op of ops) {
    if (op.kind !== 'txn') continue;
    const then = writesOf(op.request.success);
    const otherwise = writesOf(op.request.failure);
    const both = [...new Set([...then.puts, ...otherwise.puts])];
    if (both.some((key) => puts.includes(key) || meetsDelete(key))) duplicate();
    puts = [...puts, ...both];
    deletes = [...deletes, ...then.deletes, ...otherwise.deletes];
  }
  for (const op of ops) {
    if (op.kind !== 'put') continue;
    if (puts.includes(op.request.key) || meetsDelete(op.request.key)) duplicate();
    puts.push(op.request.key);
  }
  return { puts, deletes };
}

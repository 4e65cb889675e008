/**
 * The key-value store of etcd: ranges, puts, deletes, transactions, revisions, compaction.
 *
 * Every answer must be what the whole store would have answered at one moment, down to the
 * revision in its header; that makes all keys one part. Reads of a past revision show that
 * revision exactly; a serializable read may show any revision that exists when it returns. Revoking
 * a lease deletes its keys; nothing expires here. Histories whose answers carry revisions are
 * decided in one sweep, others by search.
 */

import type {
  DeleteOutput,
  EtcdOutput,
  History,
  Operation,
  RangeInput,
  RangeOutput,
  TxnInput,
  TxnOperation,
  TxnOutput,
  WatchedChange,
} from '../src/history';
import { decideBySearch } from './checker/searchDecider';
import type { Part } from './checker/decider';
import { describeEtcdOperation } from './etcdDescribe';
import { differenceOf } from './etcdAnswers';
import { commit, evaluate, txnOf } from './etcdStore';
import type { Changes, EtcdState, Version } from './etcdStore';
import { orderOfChanges } from './etcdRules/replay';
import { labelByAnswer } from './model';
import type { Effect, Model } from './model';
import { revisions } from './revisions';
import type { Change, Fault, Replica, RevisionedStore, Role, Sight } from './revisionedStore';

export interface EtcdOptions {
  /** Revision of the store before the first operation. Default 1, that of an empty etcd. */
  readonly initialRevision?: number;
  /** All changes from the first revision on. Default: those of the history, if any. */
  readonly watch?: readonly WatchedChange[];
}

/** A sentence when the answer cannot be right for this store; else what the operation changes. */
function judge(state: EtcdState, operation: Operation): string | Changes {
  const { outcome, output, rev } = operation;
  const at = isSerializable(operation) ? rev : undefined;
  const { output: expected, changes } = evaluate(state, operation, at);
  if (outcome === 'info') return changes;
  if (expected === undefined) {
    return `the store, at revision ${state.revision}, has no such revision`;
  }
  const due = changes.size > 0 ? state.revision + 1 : state.revision;
  const difference = differenceOf(expected, output);
  if (difference !== undefined) return `at revision ${due} ${difference}`;
  if (at === undefined && rev !== undefined && rev !== due) {
    return `its revision would be ${due}, not ${rev}`;
  }
  return changes;
}

function isSerializable({ f, input }: Operation): boolean {
  return f === 'range' && (input as RangeInput | null | undefined)?.serializable === true;
}

function compactionOf(operation: Operation): number {
  return (operation.input as { readonly revision: number }).revision;
}

function step(state: EtcdState, operation: Operation): EtcdState | undefined {
  if (operation.f === 'compact') {
    const revision = compactionOf(operation);
    const isAllowed = revision > state.compacted && revision <= state.revision;
    if (isAllowed) return { ...state, compacted: revision };
    return operation.outcome === 'info' ? state : undefined;
  }
  const changes = judge(state, operation);
  return typeof changes === 'string' ? undefined : commit(state, changes);
}

/** The same store, changed in place: a sweep keeps no old one. */
class EtcdReplica implements Replica {
  private readonly keys = new Map<string, Version[]>();
  private state: EtcdState;

  constructor(revision: number) {
    this.state = { revision, compacted: 0, keys: this.keys };
  }

  apply(operation: Operation): string | undefined {
    const changes = judge(this.state, operation);
    if (typeof changes === 'string') return changes;
    if (changes.size === 0) return undefined;
    const revision = this.state.revision + 1;
    for (const [key, kv] of changes) {
      const versions = this.keys.get(key);
      if (versions === undefined) this.keys.set(key, [{ mod: revision, kv }]);
      else versions.push({ mod: revision, kv });
    }
    this.state = { revision, compacted: 0, keys: this.keys };
    return undefined;
  }

  changes(operation: Operation): readonly Change[] {
    const { changes } = evaluate(this.state, operation);
    return [...changes].map(([key, kv]) => ({ key, value: kv?.value }));
  }

  describe(): string {
    return describeState(this.state);
  }
}

function describeState({ revision, keys }: EtcdState): string {
  const kvs = [...keys.values()].flatMap((versions) => versions.at(-1)?.kv ?? []);
  const shown = kvs.sort((a, b) => (a.key < b.key ? -1 : 1)).map((kv) => `${kv.key} = ${kv.value}`);
  return `revision ${revision}: ${shown.join(', ')}`;
}

/** Whether the answer says that something changed. */
function isChange(operation: Operation): boolean {
  switch (operation.f) {
    case 'put':
      return true;
    case 'delete':
      return (operation.output as DeleteOutput).deleted > 0;
    case 'txn':
      return txnChanged(txnOf(operation), operation.output as TxnOutput);
    default:
      return false;
  }
}

function txnChanged(txn: TxnInput, output: TxnOutput): boolean {
  const branch = output.succeeded ? txn.success : txn.failure;
  return branch.some((operation, i) => operationChanged(operation, output.results[i]));
}

function operationChanged(operation: TxnOperation, output: EtcdOutput | undefined): boolean {
  if (operation.f === 'put') return true;
  if (operation.f === 'delete') return ((output as DeleteOutput | undefined)?.deleted ?? 0) > 0;
  if (operation.f !== 'txn') return false;
  return output !== undefined && txnChanged(operation.value, output as TxnOutput);
}

/** All operations inside a transaction, in both branches and at all depths. */
function operationsIn(txn: TxnInput): readonly TxnOperation[] {
  return [...txn.success, ...txn.failure].flatMap((operation) =>
    operation.f === 'txn' ? operationsIn(operation.value) : [operation],
  );
}

function requestsOf(operation: Operation): readonly TxnOperation[] {
  const { f, key = '', input } = operation;
  if (f === 'txn') return operationsIn(txnOf(operation));
  if (f === 'compact' || f.startsWith('lease')) return [];
  return [{ f, key, value: input ?? {} } as TxnOperation];
}

function canChange(operation: Operation): boolean {
  return requestsOf(operation).some(({ f }) => f !== 'range');
}

function effect(operation: Operation): Effect {
  const { f, outcome } = operation;
  if (f === 'range') return 'observe';
  if (f === 'compact') return outcome === 'info' ? 'update' : 'any';
  if (f === 'leaseGrant') return 'observe';
  if (f === 'leaseRevoke') return outcome === 'info' ? 'update' : 'any';
  if (outcome === 'info') return canChange(operation) ? 'update' : 'observe';
  return isChange(operation) ? 'any' : 'observe';
}

function roleOf(operation: Operation): Role {
  const { f, outcome, rev } = operation;
  if (f === 'compact') return 'none';
  // Which keys a revocation deletes, only the state says: such histories are searched.
  if (f === 'leaseRevoke') return 'unplaced';
  if (f === 'leaseGrant' && (outcome === 'info' || rev === undefined)) return 'none';
  if (outcome === 'info') return 'unknown';
  if (rev === undefined) return 'unplaced';
  if (isSerializable(operation)) return 'stale';
  return isChange(operation) ? 'change' : 'observe';
}

function sightsOf(operation: Operation): readonly Sight[] {
  if (operation.f === 'range') {
    const request = { f: 'range', key: operation.key ?? '', value: operation.input ?? {} } as const;
    return rangeSights(request, operation.output as RangeOutput);
  }
  return operation.f === 'txn' ? txnSights(txnOf(operation), operation.output as TxnOutput) : [];
}

function rangeSights(
  { key, value }: Extract<TxnOperation, { f: 'range' }>,
  output: Partial<RangeOutput> | null,
): readonly Sight[] {
  const kvs = output?.kvs ?? [];
  if (value.keysOnly === true || value.countOnly === true) return [];
  const at = (value.revision ?? 0) > 0 ? { at: value.revision! } : {};
  if (kvs.length === 0 && value.end === undefined) {
    return [{ key, value: undefined, mod: 0, ...at }];
  }
  return kvs.map((kv) => ({ key: kv.key, value: kv.value, mod: kv.mod, ...at }));
}

function txnSights(txn: TxnInput, output: TxnOutput): readonly Sight[] {
  const branch = output.succeeded ? txn.success : txn.failure;
  return branch.flatMap((operation, i) => {
    const result = output.results[i];
    if (result === undefined) return [];
    if (operation.f === 'range') return rangeSights(operation, result as RangeOutput);
    return operation.f === 'txn' ? txnSights(operation.value, result as TxnOutput) : [];
  });
}

function possibleChanges(operation: Operation): readonly Change[] {
  return requestsOf(operation).flatMap((request): readonly Change[] => {
    if (request.f === 'put') return [{ key: request.key, value: request.value.value }];
    return request.f === 'delete' ? [{ key: request.key, value: undefined }] : [];
  });
}

/** Of a transaction the branch that was taken; a delete of a range tells too little. */
function sureChanges(operation: Operation): readonly Change[] | undefined {
  const { f, key = '', input, output } = operation;
  const request = { f, key, value: input ?? {} } as TxnOperation;
  const changes: Change[] = [];
  return collectChanges(request, output as EtcdOutput, changes) ? changes : undefined;
}

function collectChanges(
  request: TxnOperation,
  output: EtcdOutput | undefined,
  changes: Change[],
): boolean {
  if (request.f === 'put') changes.push({ key: request.key, value: request.value.value });
  if (request.f === 'delete') {
    if (request.value.end !== undefined) return false;
    if ((output as DeleteOutput | undefined)?.deleted === 1) {
      changes.push({ key: request.key, value: undefined });
    }
  }
  if (request.f !== 'txn') return true;
  const { succeeded, results } = output as TxnOutput;
  const branch = succeeded ? request.value.success : request.value.failure;
  return branch.every((inner, i) => collectChanges(inner, results[i], changes));
}

/** The oldest revision that an answer shows to have been readable; Infinity when none. */
function pastRead(operation: Operation): number {
  if (operation.outcome !== 'ok') return Infinity;
  const output = operation.output as TxnOutput;
  const requests =
    operation.f === 'txn'
      ? output.succeeded
        ? txnOf(operation).success
        : txnOf(operation).failure
      : requestsOf(operation);
  const asked = requests.map((request) =>
    request.f === 'range' && (request.value.revision ?? 0) > 0 ? request.value.revision! : Infinity,
  );
  return Math.min(Infinity, ...asked);
}

/** Compaction has no place in the order of revisions; its rules follow from real time alone. */
function compactionFault({ operations, call, ret }: Part): Fault | undefined {
  const compactions: number[] = [];
  for (let i = 0; i < operations.length; i++) {
    if (operations[i]!.f === 'compact' && operations[i]!.outcome === 'ok') compactions.push(i);
  }
  for (const compaction of compactions) {
    const revision = compactionOf(operations[compaction]!);
    for (let i = 0; i < operations.length; i++) {
      if (i === compaction || call[i]! < ret[compaction]!) continue;
      const involved = [compaction];
      if (pastRead(operations[i]!) < revision) {
        const why = `revision ${pastRead(operations[i]!)} had been compacted before it was called`;
        return { operation: i, involved, why };
      }
      const isSecond = operations[i]!.f === 'compact' && operations[i]!.outcome === 'ok';
      if (isSecond && compactionOf(operations[i]!) <= revision) {
        const why = `revision ${revision} had been compacted before it was called`;
        return { operation: i, involved, why };
      }
    }
  }
  return undefined;
}

/** Only reads of the past need the past of the keys. */
function quotient(operations: readonly Operation[]): (state: EtcdState) => EtcdState {
  const needsPast = operations.some(
    (operation) =>
      isSerializable(operation) ||
      requestsOf(operation).some(({ f, value }) => f === 'range' && (value.revision ?? 0) > 0),
  );
  if (needsPast) return (state) => state;
  return (state) => {
    const keys = new Map<string, readonly Version[]>();
    for (const [key, versions] of state.keys) {
      if (versions.at(-1)?.kv !== undefined) keys.set(key, versions.slice(-1));
    }
    return { ...state, keys };
  };
}

function hash({ revision, compacted, keys }: EtcdState): string {
  const sorted = [...keys].sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([revision, compacted, sorted]);
}

export function etcd(options: EtcdOptions = {}): Model<EtcdState> {
  const initialRevision = options.initialRevision ?? 1;
  const store: RevisionedStore = {
    initialRevision,
    createReplica: () => new EtcdReplica(initialRevision),
    role: roleOf,
    sights: sightsOf,
    possibleChanges,
    sureChanges,
    isConditional: ({ f }) => f === 'txn',
    hasDeletes: true,
    missingValue: undefined,
    hasPast: true,
    describe: describeEtcdOperation,
    extra: compactionFault,
    search: (part, budget) => decideBySearch(part, model, budget, 'revisions and search'),
  };
  const model: Model<EtcdState> = {
    name: 'etcd',
    operations: ['range', 'put', 'delete', 'txn', 'compact', 'leaseGrant', 'leaseRevoke'],
    init: () => ({ revision: initialRevision, compacted: 0, keys: new Map() }),
    step,
    effect,
    label: labelByAnswer,
    quotient,
    hash,
    deciders: [revisions(store, options.watch)],
    forHistory: (history: History) => {
      if (options.watch !== undefined) return undefined;
      const watch = orderOfChanges(history);
      return watch === undefined ? undefined : etcd({ ...options, watch });
    },
    describeOperation: describeEtcdOperation,
    describeState,
  };
  return model;
}

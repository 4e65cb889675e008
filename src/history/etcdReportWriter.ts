/**
 * Writes a history of etcd's vocabulary as a report of etcd's robustness suite: a directory
 * `client-N` for each process, with its operations and its watches.
 *
 * That format has conditions on modification revision and version only, no nested transactions
 * and no ranges of deletions: what it cannot hold is an error. Values of 20 bytes and more become
 * their hash, as there.
 */

import type { RangeInput, RangeOutput, TxnInput, TxnOperation, TxnOutput } from './etcd';
import { cannotHold } from './errors';
import type { WrittenFile } from './write';
import type { History, Operation } from './types';
import type { WatchEvent, WatchLog } from './watches';

const bytesShownMax = 20;

export function encodeEtcdReport({ operations, watches = [] }: History): readonly WrittenFile[] {
  const byProcess = new Map<number, Operation[]>();
  const end = operations.reduce((last, { call, return: ret }) => {
    return Math.max(last, call, ret === Infinity ? 0 : ret);
  }, 0);
  for (const operation of operations) {
    const list = byProcess.get(operation.process) ?? [];
    list.push(operation);
    byProcess.set(operation.process, list);
  }
  const processes = [...byProcess.keys()].sort((a, b) => a - b);
  const files: WrittenFile[] = processes.map((process, i) => ({
    path: `client-${i + 1}/operations.json`,
    lines: byProcess.get(process)!.map((operation) => jsonLine(reported(operation, end))),
  }));
  watches.forEach((log, i) => {
    const path = `client-${processes.length + i + 1}/watch.json`;
    files.push({ path, lines: [jsonLine(reportedWatch(log))] });
  });
  return files;
}

/** Lease ids are texts of 64-bit numbers here and numbers there. */
function jsonLine(value: object): string {
  return `${JSON.stringify(value).replace(/"LeaseID":"(-?\d+)"/g, '"LeaseID":$1')}\n`;
}

const nothingAsked = {
  LeaseGrant: null,
  LeaseRevoke: null,
  Range: null,
  Txn: null,
  Defragment: null,
  Compact: null,
};

function reported(operation: Operation, end: number): object {
  const { process, call, outcome, rev, error } = operation;
  const { input, output } = exchange(operation);
  const isUnknown = outcome === 'info';
  return {
    ClientId: process,
    Input: { ...nothingAsked, ...input },
    Call: call,
    Output: {
      ...nothingAsked,
      ...(outcome === 'ok' ? output : {}),
      ClientError: outcome === 'fail' ? (error ?? 'refused') : '',
      Revision: outcome === 'ok' ? (rev ?? (operation.f === 'compact' ? -1 : 0)) : 0,
      Persisted: false,
      PersistedRevision: 0,
      Error: isUnknown ? (error ?? 'unknown outcome') : '',
    },
    Return: isUnknown ? end + 1 : operation.return,
  };
}

interface Exchange {
  readonly input: object;
  readonly output: object;
}

function exchange(operation: Operation): Exchange {
  const { f, key = '', input, output } = operation;
  switch (f) {
    case 'range': {
      const { Revision, ...options } = rangeOf(key, input ?? {}, operation);
      return {
        input: { Type: 'range', Range: { ...options, Revision } },
        output: { Range: output === undefined ? null : resultsOf(output as RangeOutput) },
      };
    }
    case 'put':
    case 'delete': {
      const one = { f, key, value: input ?? {} } as TxnOperation;
      const txn = { compare: [], success: [one], failure: [] };
      const results = [(output ?? {}) as TxnOutput['results'][number]];
      return txnExchange(operation, txn, { succeeded: true, results });
    }
    case 'txn':
      return txnExchange(operation, input as TxnInput, output as TxnOutput | undefined);
    case 'leaseGrant':
    case 'leaseRevoke': {
      const { lease } = { ...(input as object), ...(output as object) } as { lease: string };
      const name = f === 'leaseGrant' ? 'LeaseGrant' : 'LeaseRevoke';
      const granted = f === 'leaseGrant' ? { LeaseID: lease } : {};
      return { input: { Type: f, [name]: { LeaseID: lease } }, output: { [name]: granted } };
    }
    case 'compact': {
      const { revision } = input as { revision: number };
      return {
        input: { Type: 'compact', Compact: { Revision: revision } },
        output: { Compact: {} },
      };
    }
    default:
      throw cannotHold('etcd-report', operation, `the format has no ${f}`);
  }
}

function rangeOf(key: string, input: RangeInput, operation: Operation) {
  const { end = '', limit = 0, keysOnly = false, revision = 0 } = input;
  if (input.countOnly === true || input.serializable === true) {
    const why = 'the format has no count-only and no serializable ranges';
    throw cannotHold('etcd-report', operation, why);
  }
  return { Start: key, End: end, Limit: limit, KeysOnly: keysOnly, Revision: revision };
}

function txnExchange(operation: Operation, txn: TxnInput, output?: TxnOutput): Exchange {
  const conditions = txn.compare.map(({ key, end, target, result, value }) => {
    const isHeld = result === 'equal' && end === undefined;
    if (!isHeld || (target !== 'mod' && target !== 'version') || (target === 'version' && !value)) {
      const why = `it compares ${target} by ${result}, the format has mod and version by equal`;
      throw cannotHold('etcd-report', operation, why);
    }
    const [expected, version] = target === 'mod' ? [value, 0] : [0, value];
    return { Key: key, ExpectedRevision: expected, ExpectedVersion: version };
  });
  const part = (list: readonly TxnOperation[]) =>
    list.length === 0 ? null : list.map((one) => txnPart(operation, one));
  const Txn = {
    Conditions: conditions.length === 0 ? null : conditions,
    OperationsOnSuccess: part(txn.success),
    OperationsOnFailure: part(txn.failure),
  };
  const Results = output?.results.map((one) => resultsOf(one)) ?? [];
  const answered = { Txn: { Failure: output?.succeeded === false, Results } };
  return { input: { Type: 'txn', Txn }, output: answered };
}

function txnPart(operation: Operation, one: TxnOperation): object {
  const empty = {
    Range: { Start: '', End: '', Limit: 0, KeysOnly: false },
    Put: { Key: '', Value: {}, LeaseID: 0 },
    Delete: { Key: '' },
  };
  switch (one.f) {
    case 'range': {
      const { Revision, ...Range } = rangeOf(one.key, one.value, operation);
      if (Revision > 0) throw cannotHold('etcd-report', operation, 'it reads a past revision');
      return { ...empty, Type: 'range-operation', Range };
    }
    case 'put': {
      const { value, lease = '0' } = one.value;
      const Put = { Key: one.key, Value: valueOrHash(value), LeaseID: lease };
      return { ...empty, Type: 'put-operation', Put };
    }
    case 'delete':
      if (one.value?.end !== undefined) {
        throw cannotHold('etcd-report', operation, 'it deletes a range');
      }
      return { ...empty, Type: 'delete-operation', Delete: { Key: one.key } };
    case 'txn':
      throw cannotHold('etcd-report', operation, 'it has a transaction in a transaction');
  }
}

function resultsOf(output: TxnOutput['results'][number]): object {
  if ('kvs' in output) {
    const KVs = output.kvs.map(({ key, value, mod, version }) => {
      return { Key: key, Value: valueOrHash(value), ModRevision: mod, Version: version };
    });
    return { KVs, Count: output.count, Deleted: 0 };
  }
  return { KVs: null, Count: 0, Deleted: 'deleted' in output ? output.deleted : 0 };
}

function valueOrHash(value: string): object {
  const hashed = /^hash:(\d+)$/.exec(value);
  if (hashed !== null) return { Hash: Number(hashed[1]) };
  const bytes = new TextEncoder().encode(value);
  if (bytes.length < bytesShownMax) return value === '' ? {} : { Value: value };
  return { Hash: fnv1a(bytes) };
}

/** FNV-1a of 32 bits. */
export function fnv1a(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

function reportedWatch({ request, responses }: WatchLog): object {
  const { key, end, revision = 0, progressNotify = false, prevKv = false } = request;
  const isAll = end === '\0' && (key === '\0' || key === '');
  return {
    Request: {
      Key: isAll ? '' : key,
      Revision: revision,
      WithPrefix: end !== undefined,
      WithProgressNotify: progressNotify,
      WithPrevKV: prevKv,
    },
    Responses: responses.map(({ rev, events, isProgress = false, time = 0, error }) => ({
      ...(events.length > 0 ? { Events: events.map(reportedEvent) } : {}),
      ...(isProgress ? { IsProgressNotify: true } : {}),
      Revision: rev,
      Time: time,
      ...(error === undefined ? {} : { Error: error }),
    })),
  };
}

function reportedEvent({ type, key, value = '', rev, isCreate, prev }: WatchEvent): object {
  return {
    Type: `${type}-operation`,
    Key: key,
    Value: type === 'put' ? valueOrHash(value) : {},
    Revision: rev,
    ...(isCreate === true ? { IsCreate: true } : {}),
    ...(prev === undefined
      ? {}
      : {
          PrevValue: {
            Value: valueOrHash(prev.value),
            ModRevision: prev.mod ?? 0,
            Version: prev.version ?? 0,
          },
        }),
  };
}

/**
 * Reads the reports of etcd's robustness suite: `client-N/operations.json` and `watch.json`.
 *
 * Both are JSON objects one after the other. An operation whose output has an error is unknown,
 * as there; one with a client error was refused. Values of 20 bytes and more are recorded there as
 * a hash, which becomes the text `hash:N` and stays comparable. Leases and creation revisions are
 * not recorded in answers. Defragmentations have no effect and are left out.
 */

import { damagedLine, HistoryError } from './errors';
import type { Compare, EtcdKeyValue, EtcdOutput, RangeInput, TxnOperation } from './etcd';
import { JsonObjects } from './jsonStream';
import type { History, Operation } from './types';
import { prefixEnd } from './watches';
import type { WatchEvent, WatchLog, WatchResponse } from './watches';

interface ReportValue {
  readonly Value?: string;
  readonly Hash?: number;
}

interface ReportKv {
  readonly Key: string;
  readonly Value?: ReportValue;
  readonly ModRevision?: number;
  readonly Version?: number;
}

interface ReportRange {
  readonly Start: string;
  readonly End?: string;
  readonly Limit?: number;
  readonly KeysOnly?: boolean;
  readonly Revision?: number;
}

interface ReportTxnOperation {
  readonly Type: string;
  readonly Range: ReportRange;
  readonly Put: {
    readonly Key: string;
    readonly Value: ReportValue;
    readonly LeaseID?: string | number;
  };
  readonly Delete: { readonly Key: string };
}

interface ReportRequest {
  readonly Type: string;
  readonly Range?: ReportRange | null;
  readonly Txn?: {
    readonly Conditions?:
      | readonly {
          readonly Key: string;
          readonly ExpectedRevision?: number;
          readonly ExpectedVersion?: number;
        }[]
      | null;
    readonly OperationsOnSuccess?: readonly ReportTxnOperation[] | null;
    readonly OperationsOnFailure?: readonly ReportTxnOperation[] | null;
  } | null;
  readonly LeaseGrant?: { readonly LeaseID: string | number } | null;
  readonly LeaseRevoke?: { readonly LeaseID: string | number } | null;
  readonly Compact?: { readonly Revision: number } | null;
}

interface ReportResult {
  readonly KVs?: readonly ReportKv[] | null;
  readonly Count?: number;
  readonly Deleted?: number;
}

interface ReportResponse {
  readonly Txn?: { readonly Failure?: boolean; readonly Results?: readonly ReportResult[] | null };
  readonly Range?: ReportResult | null;
  readonly ClientError?: string;
  readonly Error?: string;
  readonly Persisted?: boolean;
  readonly Revision?: number;
  readonly 'member-id'?: string;
}

interface ReportOperation {
  readonly ClientId?: number;
  readonly ClientID?: number;
  readonly Input: ReportRequest;
  readonly Call: number;
  readonly Output: ReportResponse;
  readonly Return: number;
}

interface ReportWatch {
  readonly Request: {
    readonly Key: string;
    readonly Revision?: number;
    readonly WithPrefix?: boolean;
    readonly WithProgressNotify?: boolean;
    readonly WithPrevKV?: boolean;
  };
  readonly Responses?:
    | readonly {
        readonly Events?: readonly ReportEvent[] | null;
        readonly IsProgressNotify?: boolean;
        readonly Revision?: number;
        readonly Time?: number;
        readonly Error?: string;
      }[]
    | null;
}

interface ReportEvent {
  readonly Type: string;
  readonly Key: string;
  readonly Value?: ReportValue;
  readonly Revision: number;
  readonly IsCreate?: boolean;
  readonly PrevValue?: Omit<ReportKv, 'Key'> | null;
}

/** Whether a text begins like one of the two files. */
export function looksLikeEtcdReport(head: string): boolean {
  return /^\{\s*"(?:ClientId|ClientID|Input|Request)"/.test(head);
}

export class EtcdReportReader {
  private readonly operations: Operation[] = [];
  private readonly watches: WatchLog[] = [];
  private readonly objects = new JsonObjects((text) => this.readObject(text));

  /** `file` is the name that errors give. */
  constructor(private readonly file: string) {}

  push(chunk: string): void {
    this.objects.push(chunk);
  }

  end(): History {
    const rest = this.objects.end();
    const torn = rest === '' ? {} : { torn: { line: this.objects.line, text: rest } };
    const { operations, watches } = this;
    operations.sort((a, b) => a.call - b.call);
    return {
      meta: {},
      operations,
      faults: [],
      ...(watches.length > 0 ? { watches } : {}),
      ...torn,
    };
  }

  private readObject(text: string): void {
    const place = { file: this.file, line: this.objects.line };
    try {
      const value = parse(text);
      if ('Request' in value) this.watches.push(watchOf(value, `${this.watches.length + 1}`));
      else this.readOperation(value);
    } catch (error) {
      if (error instanceof HistoryError) throw error;
      throw damagedLine(place, text, (error as Error).message);
    }
  }

  private readOperation(report: ReportOperation): void {
    const { Input, Output, Call, Return } = report;
    const process = report.ClientId ?? report.ClientID;
    if (typeof process !== 'number') throw new Error('"ClientId" is no number');
    if (typeof Call !== 'number' || typeof Return !== 'number') {
      throw new Error('"Call" or "Return" is no number');
    }
    if (Input?.Type === 'defragment') return;
    const asked = requestOf(Input);
    const base = { id: this.operations.length, process, call: Call, ...asked };
    this.operations.push({ ...base, ...answerOf(asked, Input, Output ?? {}, Return) });
  }
}

/** Lease ids need all 64 bits, which a number of JavaScript has not. */
function parse(text: string): ReportOperation | ReportWatch {
  const safe = text.replace(/("LeaseID"\s*:\s*)(-?\d{16,})/g, '$1"$2"');
  try {
    return JSON.parse(safe) as ReportOperation | ReportWatch;
  } catch {
    throw new Error('is no JSON object');
  }
}

type Asked = Pick<Operation, 'f' | 'key' | 'input'>;

function requestOf(request: ReportRequest): Asked {
  switch (request?.Type) {
    case 'range': {
      const { Start, ...rest } = required(request.Range, 'Range');
      return { f: 'range', key: Start, input: rangeInput(rest) };
    }
    case 'txn':
      return txnRequest(required(request.Txn, 'Txn'));
    case 'leaseGrant': {
      const lease = String(required(request.LeaseGrant, 'LeaseGrant').LeaseID);
      // The suite grants 7200 s and records no TTL.
      return { f: 'leaseGrant', key: undefined, input: { lease, ttlSeconds: 7_200 } };
    }
    case 'leaseRevoke': {
      const lease = String(required(request.LeaseRevoke, 'LeaseRevoke').LeaseID);
      return { f: 'leaseRevoke', key: undefined, input: { lease } };
    }
    case 'compact': {
      const revision = required(request.Compact, 'Compact').Revision;
      return { f: 'compact', key: undefined, input: { revision } };
    }
    default:
      throw new Error(`"Type" is no request of the suite: ${JSON.stringify(request?.Type)}`);
  }
}

function required<T>(value: T | null | undefined, name: string): T {
  if (value === null || value === undefined) throw new Error(`"${name}" is missing`);
  return value;
}

function rangeInput(range: Omit<ReportRange, 'Start'>): RangeInput {
  const { End = '', Limit = 0, KeysOnly = false, Revision = 0 } = range;
  return {
    ...(End === '' ? {} : { end: End }),
    ...(Limit > 0 ? { limit: Limit } : {}),
    ...(Revision > 0 ? { revision: Revision } : {}),
    ...(KeysOnly ? { keysOnly: true } : {}),
  };
}

function txnRequest(txn: NonNullable<ReportRequest['Txn']>): Asked {
  const compare = (txn.Conditions ?? []).map((condition): Compare => {
    const { Key: key, ExpectedVersion = 0, ExpectedRevision = 0 } = condition;
    const isVersion = ExpectedVersion > 0;
    const value = isVersion ? ExpectedVersion : ExpectedRevision;
    return { key, target: isVersion ? 'version' : 'mod', result: 'equal', value };
  });
  const success = (txn.OperationsOnSuccess ?? []).map(txnOperation);
  const failure = (txn.OperationsOnFailure ?? []).map(txnOperation);
  const [only] = success;
  if (compare.length === 0 && success.length === 1 && failure.length === 0 && only!.f !== 'range') {
    return { f: only!.f, key: only!.key, input: only!.value };
  }
  return { f: 'txn', key: undefined, input: { compare, success, failure } };
}

function txnOperation({ Type, Range, Put, Delete }: ReportTxnOperation): TxnOperation {
  switch (Type) {
    case 'range-operation':
      return { f: 'range', key: Range.Start, value: rangeInput(Range) };
    case 'put-operation': {
      const lease = String(Put.LeaseID ?? 0);
      const attached = lease === '0' ? {} : { lease };
      return { f: 'put', key: Put.Key, value: { value: textOf(Put.Value), ...attached } };
    }
    case 'delete-operation':
      return { f: 'delete', key: Delete.Key, value: {} };
    default:
      throw new Error(`"Type" is no operation of a transaction: ${JSON.stringify(Type)}`);
  }
}

export function textOf({ Value, Hash = 0 }: ReportValue = {}): string {
  return Hash !== 0 ? `hash:${Hash}` : (Value ?? '');
}

function answerOf(
  asked: Asked,
  request: ReportRequest,
  response: ReportResponse,
  end: number,
): Pick<Operation, 'output' | 'return' | 'outcome' | 'rev' | 'error' | 'member'> {
  const { Error: error = '', ClientError = '', Revision = 0, Persisted = false } = response;
  const at = response['member-id'];
  const member = at === undefined ? {} : { member: at };
  if (error !== '' || Persisted) {
    const why = error === '' ? 'persisted without an answer' : error;
    return { output: undefined, return: Infinity, outcome: 'info', error: why, ...member };
  }
  if (ClientError !== '') {
    return { output: undefined, return: end, outcome: 'fail', error: ClientError, ...member };
  }
  const rev = Revision > 0 ? { rev: Revision } : {};
  return {
    output: outputOf(asked, request, response),
    return: end,
    outcome: 'ok',
    ...rev,
    ...member,
  };
}

function outputOf({ f, input }: Asked, request: ReportRequest, response: ReportResponse): unknown {
  const results = response.Txn?.Results ?? [];
  switch (f) {
    case 'range':
      return rangeOutput(required(response.Range, 'Range'));
    case 'delete':
      return { deleted: results[0]?.Deleted ?? 0 };
    case 'txn': {
      const succeeded = response.Txn?.Failure !== true;
      const txn = request.Txn!;
      const branch = (succeeded ? txn.OperationsOnSuccess : txn.OperationsOnFailure) ?? [];
      return { succeeded, results: branch.map(({ Type }, i) => resultOf(Type, results[i] ?? {})) };
    }
    case 'leaseGrant':
      return input;
    default:
      return {};
  }
}

function resultOf(type: string, result: ReportResult): EtcdOutput {
  if (type === 'range-operation') return rangeOutput(result);
  return type === 'delete-operation' ? { deleted: result.Deleted ?? 0 } : {};
}

function rangeOutput({ KVs, Count = 0 }: ReportResult): EtcdOutput {
  const kvs = (KVs ?? []).map(({ Key, Value, ModRevision = 0, Version = 0 }): EtcdKeyValue => {
    return { key: Key, value: textOf(Value), mod: ModRevision, version: Version };
  });
  return { kvs, count: Count, more: Count > kvs.length };
}

function watchOf({ Request, Responses }: ReportWatch, name: string): WatchLog {
  const { Key, Revision = 0, WithPrefix, WithProgressNotify, WithPrevKV } = Request;
  const isAll = Key === '' && WithPrefix === true;
  const request = {
    key: isAll ? '\0' : Key,
    ...(WithPrefix === true ? { end: isAll ? '\0' : prefixEnd(Key) } : {}),
    ...(Revision > 0 ? { revision: Revision } : {}),
    ...(WithProgressNotify === true ? { progressNotify: true } : {}),
    ...(WithPrevKV === true ? { prevKv: true } : {}),
  };
  return { name, request, responses: (Responses ?? []).map(responseOf) };
}

function responseOf(response: NonNullable<ReportWatch['Responses']>[number]): WatchResponse {
  const { Events, IsProgressNotify, Revision = 0, Time, Error: error = '' } = response;
  return {
    rev: Revision,
    events: (Events ?? []).map(eventOf),
    ...(IsProgressNotify === true ? { isProgress: true } : {}),
    ...(Time === undefined ? {} : { time: Time }),
    ...(error === '' ? {} : { error }),
  };
}

function eventOf(event: ReportEvent): WatchEvent {
  const { Type, Key, Value, Revision, IsCreate = false, PrevValue } = event;
  if (Type !== 'put-operation' && Type !== 'delete-operation') {
    throw new Error(`"Type" is no event: ${JSON.stringify(Type)}`);
  }
  const isPut = Type === 'put-operation';
  const base = { key: Key, rev: Revision, ...previousOf(PrevValue) };
  if (!isPut) return { type: 'delete', ...base };
  return { type: 'put', ...base, value: textOf(Value), isCreate: IsCreate };
}

/** Older reports print an empty previous value where there was none. */
function previousOf(prev: ReportEvent['PrevValue']): Pick<WatchEvent, 'prev'> {
  if (prev === null || prev === undefined || (prev.ModRevision ?? 0) === 0) return {};
  const { ModRevision: mod = 0, Version: version = 0 } = prev;
  return { prev: { value: textOf(prev.Value), mod, version } };
}

/** The histories of several files of one run as one, ids given anew. */
export function mergeHistories(histories: readonly History[]): History {
  const operations = histories
    .flatMap((history) => history.operations)
    .sort((a, b) => a.call - b.call)
    .map((operation, id) => ({ ...operation, id }));
  const watches = histories.flatMap((history) => history.watches ?? []);
  const torn = histories.find((history) => history.torn !== undefined)?.torn;
  return {
    meta: {},
    operations,
    faults: histories.flatMap(({ faults }) => faults),
    ...(watches.length > 0 ? { watches } : {}),
    ...(torn === undefined ? {} : { torn }),
  };
}

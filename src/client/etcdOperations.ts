/**
 * Etcd's own requests in the shapes of a history (src/history/etcd.ts).
 *
 * Keys and values are strings. The prefix of the store is put before keys and range ends and taken
 * off again in what is read, as is the offset of its revisions. "From this key on" cannot be told
 * apart by a prefix, so with one it ends where the prefix does.
 */
import type {
  Compare,
  DeleteInput,
  EtcdKeyValue,
  EtcdOutput,
  CompactInput,
  PutInput,
  RangeInput,
  RangeOutput,
  RecordedCompletion,
  TxnInput,
  TxnOperation,
  TxnOutput,
} from '../history';
import type { KeyValue, RangeResponse, ResponseOp, TxnResponse } from '../api';
import {
  failedRead,
  failedWrite,
  OperationError,
  type OperationRequest,
  type Performer,
} from './operation';
import {
  FROM_KEY,
  prefixEnd,
  type CompareInit,
  type DeleteRangeInit,
  type OpInit,
  type PutInit,
  type RangeInit,
  type TxnInit,
} from './requests';

export async function performEtcd(
  performer: Performer,
  operation: OperationRequest,
): Promise<RecordedCompletion> {
  const { keyPrefix = '', revisionOffset = 0 } = performer.options;
  const shapes = new Shapes(keyPrefix, revisionOffset, performer.revision);
  switch (operation.f) {
    case 'range':
      return range(performer, shapes, operation);
    case 'put':
      return put(performer, shapes, operation);
    case 'delete':
      return remove(performer, shapes, operation);
    case 'txn':
      return txn(performer, shapes, operation);
    case 'compact':
      return compact(performer, shapes, operation);
    default:
      throw new OperationError(operation, 'etcd knows range, put, delete, txn and compact');
  }
}

async function range(
  { client, options, done }: Performer,
  shapes: Shapes,
  operation: OperationRequest,
): Promise<RecordedCompletion> {
  const input = inputOf<RangeInput>(operation, {});
  const init = shapes.range(keyOf(operation), input);
  const serializable = input.serializable ?? options.serializableReads ?? false;
  const outcome = await client.range({ ...init, serializable }, options);
  if (outcome.type !== 'ok') return failedRead(outcome);
  return done(outcome, { value: shapes.rangeOutput(outcome.value) });
}

async function put(
  { client, options, done }: Performer,
  shapes: Shapes,
  operation: OperationRequest,
): Promise<RecordedCompletion> {
  const init = shapes.put(keyOf(operation), inputOf<PutInput>(operation));
  const outcome = await client.put(init, options);
  return outcome.type === 'ok' ? done(outcome, { value: {} }) : failedWrite(outcome);
}

async function remove(
  { client, options, done }: Performer,
  shapes: Shapes,
  operation: OperationRequest,
): Promise<RecordedCompletion> {
  const init = shapes.delete(keyOf(operation), inputOf<DeleteInput>(operation, {}));
  const outcome = await client.deleteRange(init, options);
  if (outcome.type !== 'ok') return failedWrite(outcome);
  return done(outcome, { value: { deleted: Number(outcome.value.deleted) } });
}

async function txn(
  { client, options, done }: Performer,
  shapes: Shapes,
  operation: OperationRequest,
): Promise<RecordedCompletion> {
  const input = inputOf<TxnInput>(operation);
  const outcome = await client.txn(shapes.txn(input), options);
  if (outcome.type !== 'ok') return writes(input) ? failedWrite(outcome) : failedRead(outcome);
  return done(outcome, { value: shapes.txnOutput(outcome.value) });
}

async function compact(
  { client, options, done }: Performer,
  shapes: Shapes,
  operation: OperationRequest,
): Promise<RecordedCompletion> {
  const { revision } = inputOf<CompactInput>(operation);
  const outcome = await client.compact({ revision: shapes.inStore(revision) }, options);
  return outcome.type === 'ok' ? done(outcome, { value: {} }) : failedWrite(outcome);
}

/** Whether a transaction can change anything, in whichever branch. */
function writes(input: TxnInput): boolean {
  return [...input.success, ...input.failure].some((operation) => {
    if (operation.f === 'txn') return writes(operation.value);
    return operation.f !== 'range';
  });
}

function keyOf(operation: OperationRequest): string {
  if (operation.key === undefined) throw new OperationError(operation, 'a key is missing');
  return operation.key;
}

/** The invocation's value. Its shape is the workload's promise; only its presence is checked. */
function inputOf<Input>(operation: OperationRequest, absent?: Input): Input {
  const value = operation.value ?? absent;
  if (typeof value !== 'object' || value === null) {
    throw new OperationError(operation, 'the value must be an object');
  }
  return value as Input;
}

/** Translates between a history's shapes and requests, with the prefix of the store's keys. */
class Shapes {
  constructor(
    private readonly prefix: string,
    private readonly offset: number,
    private readonly revision: (revision: bigint) => number,
  ) {}

  /** A revision of the history as the store counts it; 0, which is none, stays. */
  inStore(revision: number): number {
    return revision > 0 ? revision + this.offset : revision;
  }

  range(key: string, input: RangeInput): RangeInit {
    return {
      ...this.interval(key, input.end),
      limit: input.limit ?? 0,
      revision: this.inStore(input.revision ?? 0),
      serializable: input.serializable ?? false,
      keysOnly: input.keysOnly ?? false,
      countOnly: input.countOnly ?? false,
    };
  }

  put(key: string, input: PutInput): PutInit {
    const lease = input.lease === undefined ? {} : { lease: BigInt(input.lease) };
    return { key: this.prefix + key, value: input.value, ...lease };
  }

  delete(key: string, input: DeleteInput): DeleteRangeInit {
    return this.interval(key, input.end);
  }

  txn(input: TxnInput): TxnInit {
    return {
      compare: input.compare.map((compare) => this.compare(compare)),
      success: input.success.map((operation) => this.operation(operation)),
      failure: input.failure.map((operation) => this.operation(operation)),
    };
  }

  rangeOutput(response: RangeResponse): RangeOutput {
    return {
      kvs: response.kvs.map((kv) => this.keyValue(kv)),
      count: Number(response.count),
      more: response.more,
    };
  }

  txnOutput(response: TxnResponse): TxnOutput {
    return {
      succeeded: response.succeeded,
      results: response.responses.map((result) => this.result(result)),
    };
  }

  private operation(operation: TxnOperation): OpInit {
    switch (operation.f) {
      case 'range':
        return { op: 'range', ...this.range(operation.key, operation.value) };
      case 'put':
        return { op: 'put', ...this.put(operation.key, operation.value) };
      case 'delete':
        return { op: 'delete', ...this.delete(operation.key, operation.value) };
      case 'txn':
        return { op: 'txn', ...this.txn(operation.value) };
    }
  }

  private compare(compare: Compare): CompareInit {
    const base = { ...this.interval(compare.key, compare.end), result: compare.result };
    switch (compare.target) {
      case 'version':
        return { ...base, target: 'version', operand: Number(compare.value) };
      case 'create':
      case 'mod': {
        const operand = this.inStore(Number(compare.value));
        return { ...base, target: compare.target, operand };
      }
      case 'value':
        return { ...base, target: 'value', operand: String(compare.value) };
      case 'lease':
        return { ...base, target: 'lease', operand: BigInt(compare.value) };
    }
  }

  private result(result: ResponseOp): EtcdOutput {
    switch (result.response?.$case) {
      case 'responseRange':
        return this.rangeOutput(result.response.value);
      case 'responseDeleteRange':
        return { deleted: Number(result.response.value.deleted) };
      case 'responseTxn':
        return this.txnOutput(result.response.value);
      case 'responsePut':
      case undefined:
        return {};
    }
  }

  private keyValue(kv: KeyValue): EtcdKeyValue {
    const key = kv.key.toString('utf8');
    return {
      // A key that was not asked for keeps its whole name: the checker shall see it.
      key: key.startsWith(this.prefix) ? key.slice(this.prefix.length) : key,
      value: kv.value.toString('utf8'),
      mod: this.revision(kv.modRevision),
      create: this.revision(kv.createRevision),
      version: Number(kv.version),
      ...(kv.lease === 0n ? {} : { lease: kv.lease.toString() }),
    };
  }

  private interval(key: string, end: string | undefined) {
    const from = { key: this.prefix + key };
    if (end === undefined || end === '') return from;
    if (end !== FROM_KEY) return { ...from, rangeEnd: this.prefix + end };
    return { ...from, rangeEnd: this.prefix === '' ? FROM_KEY : prefixEnd(this.prefix) };
  }
}

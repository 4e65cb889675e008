/**
 * A register per key: read, write and compare-and-set.
 *
 * | f     | value      | request                                 | completion                   |
 * |-------|------------|-----------------------------------------|------------------------------|
 * | read  |            | Range                                   | ok: the value, null if none  |
 * | write | v          | Put                                     | ok                           |
 * | cas   | [from, to] | Txn: value equal (from null: no key yet) | ok, or fail with rev and mod |
 *
 * Values are stored as JSON, so that a number comes back as a number. A cas that found another
 * value is `fail` without an error: unlike a refusal it observed the register, at `rev`.
 */
import type { RecordedCompletion } from '../history';
import type { KeyValue, TxnResponse } from '../api';
import {
  failedRead,
  failedWrite,
  OperationError,
  type OperationRequest,
  type Performer,
} from './operation';
import type { CompareInit } from './requests';

export async function performRegister(
  performer: Performer,
  operation: OperationRequest,
): Promise<RecordedCompletion> {
  const key = performer.storeKey(operation);
  switch (operation.f) {
    case 'read':
      return read(performer, key);
    case 'write':
      return write(performer, key, operation);
    case 'cas':
      return cas(performer, key, operation);
    default:
      throw new OperationError(operation, 'a register knows read, write and cas');
  }
}

async function read(performer: Performer, key: string): Promise<RecordedCompletion> {
  const { client, options } = performer;
  const serializable = options.serializableReads ?? false;
  const outcome = await client.range({ key, serializable }, options);
  if (outcome.type !== 'ok') return failedRead(outcome);
  const kv = outcome.value.kvs[0];
  return performer.done(outcome, {
    value: decode(kv),
    mod: performer.revision(kv?.modRevision ?? 0n),
  });
}

async function write(
  performer: Performer,
  key: string,
  operation: OperationRequest,
): Promise<RecordedCompletion> {
  const { client, options } = performer;
  const value = encode(operation, operation.value);
  const outcome = await client.put({ key, value }, options);
  if (outcome.type !== 'ok') return failedWrite(outcome);
  return performer.done(outcome, {
    value: operation.value,
    mod: performer.revision(outcome.revision),
  });
}

async function cas(
  performer: Performer,
  key: string,
  operation: OperationRequest,
): Promise<RecordedCompletion> {
  const { client, options } = performer;
  const pair: unknown = operation.value;
  if (!Array.isArray(pair) || pair.length !== 2) {
    throw new OperationError(operation, 'the value of a cas is [from, to]');
  }
  const [from, to] = pair as [unknown, unknown];
  const compare: CompareInit =
    from === null
      ? { key, target: 'create', operand: 0 }
      : { key, target: 'value', operand: encode(operation, from) };
  const outcome = await client.txn(
    {
      compare: [compare],
      success: [{ op: 'put', key, value: encode(operation, to) }],
      failure: [{ op: 'range', key }],
    },
    options,
  );
  if (outcome.type !== 'ok') return failedWrite(outcome);
  if (outcome.value.succeeded) {
    const mod = performer.revision(outcome.revision);
    return performer.done(outcome, { value: operation.value, mod });
  }
  const mod = performer.revision(modOfRead(outcome.value));
  return performer.done(outcome, { type: 'fail', mod });
}

/** The mod revision that the range of the failure branch read; 0 for a missing key. */
function modOfRead(txn: TxnResponse): number {
  const response = txn.responses[0]?.response;
  const kv = response?.$case === 'responseRange' ? response.value.kvs[0] : undefined;
  return Number(kv?.modRevision ?? 0n);
}

function encode(operation: OperationRequest, value: unknown): string {
  if (value === null || value === undefined) {
    throw new OperationError(operation, 'a register cannot be set to nothing');
  }
  return JSON.stringify(value);
}

/** What somebody else wrote may be no JSON: then it is the text, and the checker will see. */
function decode(kv: KeyValue | undefined): unknown {
  if (kv === undefined) return null;
  const text = kv.value.toString('utf8');
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

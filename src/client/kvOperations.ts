/**
 * A map of strings: get, put, append and delete.
 *
 * | f      | value | request                                    | completion                  |
 * |--------|-------|--------------------------------------------|-----------------------------|
 * | get    |       | Range                                      | ok: the value, null if none |
 * | put    | text  | Put                                        | ok                          |
 * | delete |       | DeleteRange                                | ok                          |
 * | append | text  | Range, then Txn guarded by mod revision    | ok, or fail                 |
 *
 * Etcd has no append. The guard makes it atomic: it changes the key only if nobody did since it
 * was read, and otherwise it certainly had no effect and is `fail`. It is not tried again.
 */
import type { RecordedCompletion } from '../history';
import {
  failedRead,
  failedWrite,
  OperationError,
  type OperationRequest,
  type Performer,
} from './operation';

export async function performKv(
  performer: Performer,
  operation: OperationRequest,
): Promise<RecordedCompletion> {
  const key = performer.storeKey(operation);
  switch (operation.f) {
    case 'get':
      return get(performer, key);
    case 'put':
      return put(performer, key, text(operation));
    case 'append':
      return append(performer, key, text(operation));
    case 'delete':
      return remove(performer, key);
    default:
      throw new OperationError(operation, 'a kv knows get, put, append and delete');
  }
}

async function get(performer: Performer, key: string): Promise<RecordedCompletion> {
  const { client, options } = performer;
  const serializable = options.serializableReads ?? false;
  const outcome = await client.range({ key, serializable }, options);
  if (outcome.type !== 'ok') return failedRead(outcome);
  const kv = outcome.value.kvs[0];
  return performer.done(outcome, {
    value: kv?.value.toString('utf8') ?? null,
    mod: performer.revision(kv?.modRevision ?? 0n),
  });
}

async function put(performer: Performer, key: string, value: string): Promise<RecordedCompletion> {
  const outcome = await performer.client.put({ key, value }, performer.options);
  if (outcome.type !== 'ok') return failedWrite(outcome);
  return performer.done(outcome, { value, mod: performer.revision(outcome.revision) });
}

async function remove(performer: Performer, key: string): Promise<RecordedCompletion> {
  const outcome = await performer.client.deleteRange({ key }, performer.options);
  if (outcome.type !== 'ok') return failedWrite(outcome);
  return performer.done(outcome, {});
}

async function append(
  performer: Performer,
  key: string,
  suffix: string,
): Promise<RecordedCompletion> {
  const { client, options } = performer;
  const before = await client.range({ key }, options);
  if (before.type !== 'ok') return failedRead(before);
  const kv = before.value.kvs[0];
  const outcome = await client.txn(
    {
      compare: [{ key, target: 'mod', operand: Number(kv?.modRevision ?? 0n) }],
      success: [{ op: 'put', key, value: (kv?.value.toString('utf8') ?? '') + suffix }],
    },
    options,
  );
  if (outcome.type !== 'ok') return failedWrite(outcome);
  if (!outcome.value.succeeded) return { type: 'fail', error: 'modified while appending' };
  return performer.done(outcome, {
    value: suffix,
    mod: performer.revision(outcome.revision),
  });
}

function text(operation: OperationRequest): string {
  if (typeof operation.value === 'string') return operation.value;
  throw new OperationError(operation, 'the value must be a text');
}

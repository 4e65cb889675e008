/**
 * Leases, and locks with fencing built of them, beside etcd's own requests.
 *
 * | f               | value           | requests                                 | ok value       |
 * |-----------------|-----------------|------------------------------------------|----------------|
 * | leaseGrant      | LeaseGrantInput | LeaseGrant                               | id, ttlSeconds |
 * | leaseKeepAlive  | LeaseInput      | LeaseKeepAlive, once                     | ttlSeconds     |
 * | leaseTimeToLive | LeaseInput      | LeaseTimeToLive                          | both TTLs      |
 * | leaseRevoke     | LeaseInput      | LeaseRevoke                              | {}             |
 * | acquire         | LeaseGrantInput | LeaseGrant; Txn: no key yet, then put    | AcquireOutput  |
 * | guarded         | GuardedInput    | Txn: created at the fence, then put data | {}             |
 * | release         | ReleaseInput    | LeaseRevoke, or Txn: delete at the fence | {}             |
 *
 * The fence of a holder is the revision that created the key of its lock: it rises with each
 * holder, and the store itself refuses the writes of an old one.
 */
import type { LeaseGrantInput, LeaseInput, RecordedCompletion } from '../history';
import { performEtcd } from './etcdOperations';
import {
  failedRead,
  failedWrite,
  OperationError,
  type OperationRequest,
  type Performer,
} from './operation';

export interface AcquireOutput {
  readonly fence: number;
  readonly lease: string;
  readonly ttlSeconds: number;
}

export interface GuardedInput {
  readonly fence: number;
  readonly value: string;
}

export interface ReleaseInput {
  readonly fence: number;
  readonly lease: string;
  readonly by: 'revoke' | 'delete';
}

export function performCoordination(
  performer: Performer,
  operation: OperationRequest,
): Promise<RecordedCompletion> {
  switch (operation.f) {
    case 'leaseGrant':
      return grant(performer, operation);
    case 'leaseKeepAlive':
      return keepAlive(performer, operation);
    case 'leaseTimeToLive':
      return timeToLive(performer, operation);
    case 'leaseRevoke':
      return revoke(performer, leaseOf(operation));
    case 'acquire':
      return acquire(performer, operation);
    case 'guarded':
      return guarded(performer, operation);
    case 'release':
      return release(performer, operation);
    default:
      return performEtcd(performer, operation);
  }
}

function leaseOf(operation: OperationRequest): bigint {
  const { lease } = (operation.value ?? {}) as Partial<LeaseInput>;
  if (lease === undefined) throw new OperationError(operation, 'a lease is missing');
  return BigInt(lease);
}

async function grant(
  { client, options, done }: Performer,
  { value }: OperationRequest,
): Promise<RecordedCompletion> {
  const { ttlSeconds } = value as LeaseGrantInput;
  const outcome = await client.leaseGrant({ ttlSeconds }, options);
  if (outcome.type !== 'ok') return failedWrite(outcome);
  const { ID, TTL } = outcome.value;
  return done(outcome, { value: { lease: ID.toString(), ttlSeconds: Number(TTL) } });
}

async function keepAlive(
  { client, options, done }: Performer,
  operation: OperationRequest,
): Promise<RecordedCompletion> {
  const outcome = await client.leaseKeepAlive(leaseOf(operation), options);
  if (outcome.type !== 'ok') return failedWrite(outcome);
  return done(outcome, { value: { ttlSeconds: Number(outcome.value.TTL) } });
}

async function timeToLive(
  { client, options, done }: Performer,
  operation: OperationRequest,
): Promise<RecordedCompletion> {
  const outcome = await client.leaseTimeToLive({ id: leaseOf(operation), keys: true }, options);
  if (outcome.type !== 'ok') return failedRead(outcome);
  const { TTL, grantedTTL } = outcome.value;
  const value = { ttlSeconds: Number(TTL), grantedTtlSeconds: Number(grantedTTL) };
  return done(outcome, { value });
}

async function revoke(
  { client, options, done }: Performer,
  lease: bigint,
): Promise<RecordedCompletion> {
  const outcome = await client.leaseRevoke(lease, options);
  return outcome.type === 'ok' ? done(outcome, { value: {} }) : failedWrite(outcome);
}

async function acquire(
  { client, options, done, storeKey, revision }: Performer,
  operation: OperationRequest,
): Promise<RecordedCompletion> {
  const { ttlSeconds } = operation.value as LeaseGrantInput;
  const granted = await client.leaseGrant({ ttlSeconds }, options);
  // A lease alone locks nothing: what became of it does not matter.
  if (granted.type !== 'ok') return failedRead(granted);
  const { ID: lease, TTL } = granted.value;
  const key = storeKey(operation);
  const outcome = await client.txn(
    {
      compare: [{ key, target: 'create', operand: 0 }],
      success: [{ op: 'put', key, value: lease.toString(), lease }],
    },
    options,
  );
  if (outcome.type !== 'ok') return failedWrite(outcome);
  if (!outcome.value.succeeded) {
    await client.leaseRevoke(lease, options);
    return done(outcome, { type: 'fail' });
  }
  const fence = revision(outcome.revision);
  return done(outcome, { value: { fence, lease: lease.toString(), ttlSeconds: Number(TTL) } });
}

/** What the lock guards lies beside its key. */
function guardedKey(lockKey: string): string {
  return `${lockKey}.data`;
}

async function guarded(
  { client, options, done, storeKey }: Performer,
  operation: OperationRequest,
): Promise<RecordedCompletion> {
  const { fence, value } = operation.value as GuardedInput;
  const lock = storeKey(operation);
  const operand = inStore(options.revisionOffset, fence);
  const outcome = await client.txn(
    {
      compare: [{ key: lock, target: 'create', operand }],
      success: [{ op: 'put', key: guardedKey(lock), value }],
    },
    options,
  );
  if (outcome.type !== 'ok') return failedWrite(outcome);
  return done(outcome, outcome.value.succeeded ? { value: {} } : { type: 'fail' });
}

async function release(
  performer: Performer,
  operation: OperationRequest,
): Promise<RecordedCompletion> {
  const { client, options, done, storeKey } = performer;
  const { fence, by } = operation.value as ReleaseInput;
  if (by === 'revoke') return revoke(performer, leaseOf(operation));
  const key = storeKey(operation);
  const operand = inStore(options.revisionOffset, fence);
  const outcome = await client.txn(
    { compare: [{ key, target: 'create', operand }], success: [{ op: 'delete', key }] },
    options,
  );
  return outcome.type === 'ok' ? done(outcome, { value: {} }) : failedWrite(outcome);
}

function inStore(offset: number | undefined, revision: number): number {
  return revision + (offset ?? 0);
}

/**
 * What a command costs in space, and what raised alarms refuse.
 *
 * NOSPACE refuses what makes the store grow; deletes and compactions, which free space, go on.
 * CORRUPT refuses every change of the keys, since members no longer agree on them. Reads and the
 * alarms themselves are never refused. Costs are etcd's, so that the same load meets the quota at
 * the same point.
 */
import { hasAlarm, type ClusterState } from './membership';
import { refusals } from './refusals';
import type { Command, PutRequest, Refused, RequestOp, TxnRequest } from './types';

/** What a key costs besides its bytes and those of its value. */
const PUT_OVERHEAD_BYTES = 256;
const LEASE_BYTES = 64;

/** Bytes that a command may add to the store; 0 for one that cannot make it grow. */
export function spaceNeeded(command: Command): number {
  switch (command.kind) {
    case 'put':
      return putBytes(command.request);
    case 'txn':
      return txnBytes(command.request);
    case 'leaseGrant':
      return LEASE_BYTES;
    default:
      return 0;
  }
}

/** Why the raised alarms refuse a command, or undefined. */
export function alarmRefusal(state: ClusterState, command: Command): Refused | undefined {
  if (state.alarms.length === 0) return undefined;
  if (hasAlarm(state, 'corrupt') && changesKeys(command)) return refusals.corrupt();
  if (hasAlarm(state, 'nospace') && spaceNeeded(command) > 0) return refusals.noSpace();
  return undefined;
}

function changesKeys({ kind }: Command): boolean {
  return kind !== 'alarm' && kind !== 'memberAttributes' && kind !== 'leaseCheckpoint';
}

function putBytes({ key, value }: PutRequest): number {
  return PUT_OVERHEAD_BYTES + key.length + value.length;
}

function txnBytes({ success, failure }: TxnRequest): number {
  return Math.max(opsBytes(success), opsBytes(failure));
}

function opsBytes(ops: readonly RequestOp[]): number {
  let bytes = 0;
  for (const op of ops) {
    if (op.kind === 'put') bytes += putBytes(op.request);
    else if (op.kind === 'txn') bytes += txnBytes(op.request);
  }
  return bytes;
}

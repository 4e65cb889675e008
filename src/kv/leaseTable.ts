/**
 * Leases as the log knows them: id, TTL, the last checkpoint, and the keys attached.
 *
 * Nothing here runs out by itself. The leader watches the clock and proposes a revocation;
 * what a revocation deletes is decided by the state alone, the same on every member.
 */

import { ByteReader, ByteWriter } from './bytes';
import { addLanes, Hasher, subtractLanes } from './contentHash';
import type { Lanes } from './contentHash';
import { attachmentPrefix, kindEnd, leaseKey, leaseOfDigits, LEASES } from './layout';
import type { OrderedReader } from './orderedStore';
import type { Key, LeaseId, LeaseState } from './types';

export function findLease(reader: OrderedReader, id: LeaseId): LeaseState | undefined {
  const value = reader.get(leaseKey(id));
  return value === undefined ? undefined : decodeLease(id, value);
}

/** All leases, ordered by id (as unsigned numbers). */
export function listLeases(reader: OrderedReader): readonly LeaseState[] {
  const leases: LeaseState[] = [];
  reader.scan(LEASES, kindEnd(LEASES), (storeKey, value) => {
    leases.push(decodeLease(leaseOfDigits(storeKey.slice(1)), value));
  });
  return leases;
}

/** The keys attached to a lease, in order. */
export function keysOfLease(reader: OrderedReader, id: LeaseId): readonly Key[] {
  const prefix = attachmentPrefix(id);
  const keys: Key[] = [];
  reader.scan(prefix, undefined, (storeKey) => {
    if (!storeKey.startsWith(prefix)) return false;
    keys.push(storeKey.slice(prefix.length));
    return true;
  });
  return keys;
}

export function encodeLease(lease: LeaseState): Uint8Array {
  const w = new ByteWriter(16);
  w.signed(lease.ttlSeconds);
  w.signed(lease.remainingSeconds);
  return w.finish();
}

export function decodeLease(id: LeaseId, value: Uint8Array): LeaseState {
  const r = new ByteReader(value);
  const lease = { id, ttlSeconds: r.signed(), remainingSeconds: r.signed() };
  r.finish();
  return lease;
}

const hasher = new Hasher();

/** A lease's term in the sum of all leases. */
export function hashOfLease(lease: LeaseState): Lanes {
  return hasher.reset().string(leaseKey(lease.id)).bytes(encodeLease(lease)).finish();
}

export function replaceInSum(
  sum: Lanes,
  before: LeaseState | undefined,
  after: LeaseState | undefined,
): Lanes {
  const without = before === undefined ? sum : subtractLanes(sum, hashOfLease(before));
  return after === undefined ? without : addLanes(without, hashOfLease(after));
}

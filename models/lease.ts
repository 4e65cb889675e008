/**
 * Leases as etcd has them, one part for each: grant, keep alive, revoke, time to live.
 *
 * A lease may expire, at no certain moment, but never before its TTL has passed since the last
 * renewal. The renewal took place after its call and an answer was true before its return, so
 * "there is no such lease" is refused only when even these two are less than a TTL apart. After
 * an answer without the lease it stays gone: an id is not alive again without a new grant.
 */

import type { LeaseInput, LeaseTimeToLiveOutput, Operation } from '../src/history';
import type { LeaseGrantInput } from '../src/history';
import { ModelError } from './modelError';
import type { Model } from './model';

/** A lease that exists; null when it does not. */
export type LeaseState = {
  readonly ttlSeconds: number;
  /** Nanoseconds before which it cannot have been renewed last. */
  readonly renewedAfter: number;
} | null;

export interface LeaseOptions {
  /** By how much clock rates of clients and store may differ. Default 0.01. */
  readonly driftShare?: number;
}

const driftShareDefault = 0.01;

/** Of a grant without an id the store chose it: it is in the answer. */
function idOf({ input, output }: Operation): string {
  const answered = (output as Partial<LeaseInput> | undefined)?.lease;
  return answered ?? (input as Partial<LeaseInput> | undefined)?.lease ?? '';
}

function ttlOf(operation: Operation): number {
  const { output, input, outcome } = operation;
  const source = outcome === 'ok' ? output : input;
  const ttl = (source as Partial<LeaseTimeToLiveOutput> | undefined)?.ttlSeconds;
  if (typeof ttl !== 'number') {
    throw new ModelError(operation, `a ${operation.f} has no ttlSeconds`);
  }
  return ttl;
}

function mayHaveExpired(lease: LeaseState, operation: Operation, drift: number): boolean {
  if (lease === null) return true;
  const lifetime = lease.ttlSeconds * 1e9 * (1 - drift);
  return operation.return >= lease.renewedAfter + lifetime;
}

/** A failed request that learned something: that the lease exists, or that it does not. */
function observesFailure({ f, error = '' }: Operation): boolean {
  if (f === 'leaseGrant') return error.includes('already exists');
  return error.includes('lease not found');
}

function step(lease: LeaseState, operation: Operation, drift: number): LeaseState | undefined {
  const { f, outcome, call } = operation;
  const isUnknown = outcome === 'info';
  switch (f) {
    case 'leaseGrant': {
      if (outcome === 'fail') return lease === null ? undefined : lease;
      const granted = { ttlSeconds: ttlOf(operation), renewedAfter: call };
      if (mayHaveExpired(lease, operation, drift)) return granted;
      return isUnknown ? lease : undefined;
    }
    case 'leaseRevoke':
      if (outcome === 'fail') return mayHaveExpired(lease, operation, drift) ? null : undefined;
      return lease === null && !isUnknown ? undefined : null;
    case 'leaseKeepAlive': {
      if (isUnknown) return lease === null ? null : { ...lease, renewedAfter: call };
      const isGone = outcome === 'fail' || ttlOf(operation) <= 0;
      if (isGone) return mayHaveExpired(lease, operation, drift) ? null : undefined;
      return lease === null ? undefined : { ...lease, renewedAfter: call };
    }
    case 'leaseTimeToLive': {
      if (isUnknown) return lease;
      const isGone = outcome === 'fail' || ttlOf(operation) < 0;
      if (isGone) return mayHaveExpired(lease, operation, drift) ? null : undefined;
      return lease === null ? undefined : lease;
    }
    default:
      throw new ModelError(operation, `leases have no "${f}"`);
  }
}

const verbs: Readonly<Record<string, string>> = {
  leaseGrant: 'grant',
  leaseRevoke: 'revoke',
  leaseKeepAlive: 'keep alive',
  leaseTimeToLive: 'time to live',
};

function describeOperation(operation: Operation): string {
  const { f, input, output, outcome, error } = operation;
  const asked = (input as Partial<LeaseGrantInput> | undefined)?.ttlSeconds;
  const what = `${verbs[f] ?? f}(${idOf(operation)}${asked === undefined ? '' : `, ${asked} s`})`;
  if (outcome !== 'ok') return `${what} -> ${outcome === 'info' ? 'unknown' : (error ?? 'failed')}`;
  const ttl = (output as Partial<LeaseTimeToLiveOutput> | undefined)?.ttlSeconds;
  if (ttl === undefined) return `${what} -> ok`;
  return `${what} -> ${ttl <= 0 && f !== 'leaseGrant' ? 'no such lease' : `${ttl} s`}`;
}

function describeState(state: LeaseState): string {
  if (state === null) return 'no lease';
  const renewed = (state.renewedAfter / 1e9).toFixed(6);
  return `a lease of ${state.ttlSeconds} s renewed after ${renewed} s`;
}

export function lease(options: LeaseOptions = {}): Model<LeaseState> {
  const drift = options.driftShare ?? driftShareDefault;
  return {
    name: 'lease',
    operations: ['leaseGrant', 'leaseRevoke', 'leaseKeepAlive', 'leaseTimeToLive'],
    init: () => null,
    step: (state, operation) => step(state, operation, drift),
    observesFailure,
    partition: idOf,
    // Times matter to a step: no two operations are alike.
    label: ({ id }) => String(id),
    describeOperation,
    describeState,
  };
}

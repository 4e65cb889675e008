/**
 * What a lease promises, by the clock of the clients alone.
 *
 * - alive: a lease renewed less than its TTL ago exists, unless somebody may have revoked it;
 * - revoked: after an acknowledged revocation neither the lease nor a key of it is seen again;
 * - attached: a key shows the lease of the put that wrote it;
 * - expires: no key is seen longer after the last possible renewal than TTL and bound allow.
 *
 * A renewal took place somewhere between its call and its return, so `alive` counts from the call
 * and `expires` from the return: clients and store need no common clock, only rates that differ
 * by less than `driftShare`. A renewal whose outcome is unknown may have happened at any time, so
 * behind one nothing is concluded from lateness.
 */

import type {
  EtcdKeyValue,
  LeaseInput,
  LeaseTimeToLiveOutput,
  Operation,
  RangeOutput,
  TxnOutput,
} from '../../src/history';
import { nameOf, precedes, ruleResult } from './rule';
import type { RuleResult, Violation } from './rule';

export interface LeaseRuleOptions {
  /**
   * Milliseconds a key may outlive its lease. Default 10 000: etcd looks every 500 ms, and a new
   * leader first gives every lease its whole TTL again, which the rule adds by itself.
   */
  readonly outliveMsMax?: number;
  /** By how much clock rates may differ. Default 0.01. */
  readonly driftShare?: number;
}

const outliveMsMaxDefault = 10_000;
const driftShareDefault = 0.01;
const nanosecondsPerMs = 1e6;

const alive = {
  rule: 'lease-alive',
  promise: 'A lease renewed less than its TTL ago exists',
};
const revoked = {
  rule: 'lease-revoked',
  promise: 'A revoked lease and its keys are gone',
};
const expires = {
  rule: 'lease-expires',
  promise: 'No key outlives its lease by more than the bound',
};
const attached = {
  rule: 'lease-attached',
  promise: 'A key shows the lease that it was put with',
};
const nothing = 'no lease was granted';

interface Lease {
  readonly id: string;
  ttlMs: number;
  /** Grants and renewals that certainly happened. */
  readonly renewals: Operation[];
  /** Renewals that may have happened. */
  readonly maybeRenewals: Operation[];
  readonly revocations: Operation[];
  /** Answers that say there is no such lease. */
  readonly absences: Operation[];
  /** Answers that show the lease, or a key that is attached to it. */
  readonly sights: Sight[];
}

interface Sight {
  readonly operation: Operation;
  /** The key, when it is one. */
  readonly key?: string;
}

/** The lease of each acknowledged put by its key and revision; empty for none. */
function leasesOfPuts(operations: readonly Operation[]): ReadonlyMap<string, string> {
  const puts = new Map<string, string>();
  for (const { f, outcome, key, input, rev } of operations) {
    if (f !== 'put' || outcome !== 'ok' || rev === undefined || typeof input !== 'object') continue;
    const { lease = '0' } = (input ?? {}) as Partial<LeaseInput>;
    puts.set(`${rev} ${key}`, lease);
  }
  return puts;
}

/** Where a store keeps no leases of keys, it cannot end them in time either. */
export function checkAttached(operations: readonly Operation[]): RuleResult {
  const puts = leasesOfPuts(operations);
  let looked = 0;
  for (const operation of operations) {
    for (const { key, mod, create, lease = '0' } of shownIn(operation)) {
      const given = puts.get(`${mod} ${key}`);
      // Where creations are not recorded, leases of keys are not either.
      if (given === undefined || create === undefined) continue;
      looked++;
      if (given === lease) continue;
      const [shown, due] = [lease, given].map((id) => (id === '0' ? 'no lease' : `lease ${id}`));
      const message =
        `${nameOf(operation)} shows ${key} with ${shown}, but at revision ${mod} it was put ` +
        `with ${due}`;
      return ruleResult(attached, looked, { message, operations: [operation] }, '');
    }
  }
  return ruleResult(attached, looked, undefined, 'no key with a lease was read');
}

export function checkLeases(
  operations: readonly Operation[],
  options: LeaseRuleOptions = {},
): readonly RuleResult[] {
  const leases = [...leasesOf(operations).values()].filter(({ renewals }) => renewals.length > 0);
  const looked = (count: (lease: Lease) => number): number =>
    leases.reduce((sum, lease) => sum + count(lease), 0);
  const sights = ({ sights: seen }: Lease): number => seen.length;
  return [
    ruleResult(
      alive,
      looked(({ renewals }) => renewals.length),
      first(leases, (lease) => deadTooEarly(lease, options)),
      nothing,
    ),
    ruleResult(revoked, looked(sights), first(leases, seenAfterRevocation), nothing),
    ruleResult(
      expires,
      looked(sights),
      first(leases, (one) => outlived(one, options)),
      nothing,
    ),
  ];
}

function first(
  leases: readonly Lease[],
  find: (lease: Lease) => Violation | undefined,
): Violation | undefined {
  for (const lease of leases) {
    const violation = find(lease);
    if (violation !== undefined) return violation;
  }
  return undefined;
}

function leasesOf(operations: readonly Operation[]): ReadonlyMap<string, Lease> {
  const leases = new Map<string, Lease>();
  const puts = leasesOfPuts(operations);
  const leaseOf = (id: string): Lease => {
    const known = leases.get(id);
    if (known !== undefined) return known;
    const lists = { renewals: [], maybeRenewals: [], revocations: [], absences: [], sights: [] };
    const lease: Lease = { id, ttlMs: 0, ...lists };
    leases.set(id, lease);
    return lease;
  };
  for (const operation of operations) {
    const { f, outcome, input, output, error } = operation;
    const id =
      (output as Partial<LeaseInput> | undefined)?.lease ?? (input as Partial<LeaseInput>)?.lease;
    if (f.startsWith('lease') && id !== undefined && id !== '0') {
      noteLease(leaseOf(id), operation);
    } else if (f === 'put' && id !== undefined && id !== '' && isLeaseNotFound(outcome, error)) {
      leaseOf(id).absences.push(operation);
    }
    for (const { key, mod, lease: shown = '0' } of shownIn(operation)) {
      // A key has the lease of its put, whatever the store shows of it.
      const lease = puts.get(`${mod} ${key}`) ?? shown;
      if (lease !== '0' && lease !== '') leaseOf(lease).sights.push({ operation, key });
    }
  }
  return leases;
}

function isLeaseNotFound(outcome: Operation['outcome'], error = ''): boolean {
  return outcome === 'fail' && error.includes('lease not found');
}

function noteLease(lease: Lease, operation: Operation): void {
  const { f, outcome, output, error } = operation;
  const ttlSeconds = (output as Partial<LeaseTimeToLiveOutput> | undefined)?.ttlSeconds;
  switch (f) {
    case 'leaseGrant':
      if (outcome === 'ok') {
        lease.ttlMs = (ttlSeconds ?? 0) * 1_000;
        lease.renewals.push(operation);
      } else if (outcome === 'info') lease.maybeRenewals.push(operation);
      return;
    case 'leaseKeepAlive':
      if (outcome === 'info') lease.maybeRenewals.push(operation);
      else if (isLeaseNotFound(outcome, error)) lease.absences.push(operation);
      else if (outcome === 'ok' && ttlSeconds! > 0) {
        lease.renewals.push(operation);
        lease.sights.push({ operation });
      } else if (outcome === 'ok') lease.absences.push(operation);
      return;
    case 'leaseTimeToLive':
      if (outcome !== 'ok') return;
      if (ttlSeconds! < 0) lease.absences.push(operation);
      else lease.sights.push({ operation });
      return;
    case 'leaseRevoke':
      if (isLeaseNotFound(outcome, error)) lease.absences.push(operation);
      else if (outcome !== 'fail') lease.revocations.push(operation);
      return;
    default:
  }
}

/** Keys and their leases in the answer to a linearizable read. */
function shownIn({ f, outcome, input, output }: Operation): readonly EtcdKeyValue[] {
  if (outcome !== 'ok') return [];
  if (f === 'range') {
    const { serializable = false, revision = 0 } = (input ?? {}) as Record<string, never>;
    return serializable || revision > 0 ? [] : (output as RangeOutput).kvs;
  }
  if (f !== 'txn') return [];
  return (output as TxnOutput).results.flatMap((one) => ('kvs' in one ? one.kvs : []));
}

function deadTooEarly(lease: Lease, options: LeaseRuleOptions): Violation | undefined {
  const { id, renewals, revocations, absences, ttlMs } = lease;
  const drift = options.driftShare ?? driftShareDefault;
  for (const absence of absences) {
    // A revocation that began before the answer came may be why.
    if (revocations.some((one) => one !== absence && !precedes(absence, one))) continue;
    const earlier = renewals.filter((renewal) => precedes(renewal, absence));
    const last = earlier.reduce<Operation | undefined>(
      (best, one) => (best === undefined || one.call > best.call ? one : best),
      undefined,
    );
    if (last === undefined) continue;
    const elapsedMs = (absence.return - last.call) / nanosecondsPerMs;
    if (elapsedMs >= ttlMs * (1 - drift)) continue;
    const message =
      `${nameOf(absence)} found no lease ${id}, which ${nameOf(last)} had renewed at most ` +
      `${elapsedMs.toFixed(1)} ms before, for ${ttlMs} ms`;
    return { message, operations: [last, absence] };
  }
  return undefined;
}

function what({ key }: Sight): string {
  return key === undefined ? 'it' : `its key ${key}`;
}

function seenAfterRevocation({ id, revocations, sights }: Lease): Violation | undefined {
  for (const revocation of revocations) {
    if (revocation.outcome !== 'ok') continue;
    const sight = sights.find(({ operation }) => precedes(revocation, operation));
    if (sight === undefined) continue;
    const message =
      `lease ${id} was revoked by process ${revocation.process}, but ${nameOf(sight.operation)}, ` +
      `which began afterwards, shows ${what(sight)}`;
    return { message, operations: [revocation, sight.operation] };
  }
  return undefined;
}

function outlived(lease: Lease, options: LeaseRuleOptions): Violation | undefined {
  const { id, renewals, maybeRenewals, sights, ttlMs } = lease;
  const drift = options.driftShare ?? driftShareDefault;
  // A change of the leader renews every lease once: hence the second TTL.
  const allowedMs = 2 * ttlMs * (1 + drift) + (options.outliveMsMax ?? outliveMsMaxDefault);
  for (const sight of sights) {
    const seen = sight.operation;
    if (seen.f === 'leaseKeepAlive') continue;
    if (maybeRenewals.some((renewal) => renewal.call < seen.return)) continue;
    const possible = renewals.filter((renewal) => !precedes(seen, renewal));
    const last = possible.reduce<Operation | undefined>(
      (best, one) => (best === undefined || one.return > best.return ? one : best),
      undefined,
    );
    if (last === undefined) continue;
    const elapsedMs = (seen.call - last.return) / nanosecondsPerMs;
    if (elapsedMs <= allowedMs) continue;
    const message =
      `${nameOf(seen)} shows ${sight.key ?? 'the lease'} with lease ${id} at least ` +
      `${elapsedMs.toFixed(1)} ms after the last renewal; its TTL is ${ttlMs} ms and the limit ` +
      `${allowedMs.toFixed(0)} ms`;
    return { message, operations: [last, seen] };
  }
  return undefined;
}

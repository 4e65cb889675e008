/**
 * Leases, and locks built of them: what clients coordinate themselves with.
 *
 * Half of the clients take turns with a few locks: acquire, write what the lock guards with the
 * fence, release; now and then one forgets to release, and the lease has to do it. The others
 * grant leases, attach keys, keep them alive, revoke them or leave them to run out, and look.
 * After the work nobody renews anything, so that in the final reads no leased key may be left.
 */
import type { AcquireOutput, OperationRequest } from '../../src/client';
import type { History, LeaseGrantOutput, RecordedCompletion } from '../../src/history';
import { checkAttached, checkFencing, checkLeases, type RuleResult } from '../../models';
import type { Random } from '../random';
import type { Generator, GeneratorOptions, RuleContext, Workload } from './workload';

const locks = ['lock0', 'lock1', 'lock2'];
const plainKeys = ['plain0', 'plain1', 'plain2'];
const leasedKeys = ['leased0', 'leased1', 'leased2', 'leased3'];
/** All leased keys, and no others, are in this range. */
const leasedRange = { key: 'leased', end: 'leasee' };
/** Everything, what locks guard included. */
const allRange = { key: 'l', end: 'q' };
/** The shortest that etcd grants with its default election timeout. */
const ttlSeconds = 2;
/** How much longer than twice its TTL a key may be there: the store looks from time to time. */
const outliveMs = 2_500;

class LockUser implements Generator {
  private held: { readonly key: string; readonly lock: AcquireOutput } | undefined;
  private writesLeft = 0;
  private written = 0;

  constructor(private readonly options: GeneratorOptions) {}

  next(): OperationRequest {
    const { random, client } = this.options;
    const { held } = this;
    if (held === undefined) return { f: 'acquire', key: random.pick(locks), value: { ttlSeconds } };
    const { key, lock } = held;
    const { fence, lease } = lock;
    if (this.writesLeft-- > 0) {
      return { f: 'guarded', key, value: { fence, value: `${client}.${this.written++}` } };
    }
    this.held = undefined;
    if (random.chance(0.05)) return this.next();
    const by = random.chance(0.5) ? 'revoke' : 'delete';
    return { f: 'release', key, value: { fence, lease, by } };
  }

  observe({ f, key }: OperationRequest, { type, value }: RecordedCompletion): void {
    if (f === 'acquire' && type === 'ok') {
      this.held = { key: key!, lock: value as AcquireOutput };
      this.writesLeft = 1 + this.options.random.integer(4);
    } else if (f === 'guarded' && type !== 'ok') {
      // Fenced off, or nobody knows: as another process it must not act for the old one.
      this.held = undefined;
    }
  }
}

class LeaseUser implements Generator {
  private readonly random: Random;
  private lease: string | undefined;
  private hasLeases = true;
  private written = 0;

  constructor(private readonly options: GeneratorOptions) {
    this.random = options.random;
  }

  next(): OperationRequest {
    const { random, lease } = this;
    if (lease === undefined) {
      // Without leases the other promises are still worth their test.
      const asks = this.hasLeases || random.chance(0.1);
      return asks ? { f: 'leaseGrant', value: { ttlSeconds } } : this.plain();
    }
    const f = random.weighted([
      [6, 'put'],
      [3, 'plain'],
      [5, 'leaseKeepAlive'],
      [6, 'look'],
      [1, 'leaseTimeToLive'],
      [1, 'leaseRevoke'],
      [1, 'leave'],
    ] as const);
    switch (f) {
      case 'put':
        return { f, key: random.pick(leasedKeys), value: { value: this.unique(), lease } };
      case 'plain':
        return this.plain();
      case 'look':
        return look();
      case 'leave':
        this.lease = undefined;
        return look();
      case 'leaseKeepAlive':
      case 'leaseTimeToLive':
        return { f, value: { lease } };
      case 'leaseRevoke':
        this.lease = undefined;
        return { f, value: { lease } };
    }
  }

  observe({ f }: OperationRequest, { type, value, error }: RecordedCompletion): void {
    if (f === 'leaseGrant' && type === 'ok') this.lease = (value as LeaseGrantOutput).lease;
    if (f === 'leaseGrant') this.hasLeases = error?.startsWith('unimplemented') !== true;
    const isGone = type === 'fail' && error?.includes('lease not found') === true;
    const ttl =
      type === 'ok' && f.startsWith('leaseK') ? (value as LeaseGrantOutput).ttlSeconds : 1;
    if (isGone || ttl <= 0) this.lease = undefined;
  }

  private plain(): OperationRequest {
    const value = { value: this.unique() };
    return this.random.chance(0.3) ? look() : { f: 'put', key: this.random.pick(plainKeys), value };
  }

  private unique(): string {
    return `${this.options.client}.${this.written++}`;
  }
}

function look(): OperationRequest {
  return { f: 'range', key: leasedRange.key, value: { end: leasedRange.end } };
}

/**
 * While faults go on a change of the leader may renew every lease, again and again; then only the
 * reads after the end of the work tell how long keys stay.
 */
function rulesOf(
  { operations }: History,
  { firstFinalProcess, faults }: RuleContext,
): readonly RuleResult[] {
  const [alive, revoked] = checkLeases(operations, { outliveMsMax: Infinity });
  const judged =
    faults === 0
      ? operations
      : operations.filter(
          ({ f, process }) =>
            !/^(?:range|leaseTimeToLive)$/.test(f) || process >= firstFinalProcess,
        );
  const expires = checkLeases(judged, { outliveMsMax: outliveMs }).at(-1)!;
  const leases = [alive!, checkAttached(operations), revoked!, expires];
  return [...leases, ...checkFencing(operations)];
}

export function coordinationWorkload(): Workload {
  return {
    name: 'coordination',
    promise: 'Leases live as long as they are kept alive, and locks built of them exclude',
    vocabulary: 'coordination',
    keys: [...plainKeys, ...leasedKeys, ...locks],
    generator: (options) =>
      options.client % 2 === 0 ? new LockUser(options) : new LeaseUser(options),
    rules: rulesOf,
    restMs: 2 * ttlSeconds * 1_000 + outliveMs + 1_000,
    finalReads: () => [{ f: 'range', key: allRange.key, value: { end: allRange.end } }],
  };
}

/**
 * The lessor against a list that is looked through from beginning to end: when leases are
 * offered for revocation, renewed, written down, over changes of the leader and of time.
 */

import fc from 'fast-check';
import { Lessor } from '../../src/kv';
import type { LeaseState } from '../../src/kv';
import { DeadlineHeap } from '../../src/kv/deadlineHeap';

const RETRY_MS = 3000;
const CHECKPOINT_MS = 10_000;

type Action =
  | { readonly do: 'grant'; readonly id: bigint; readonly ttlSeconds: number }
  | { readonly do: 'revoke'; readonly id: bigint }
  | { readonly do: 'renew'; readonly id: bigint }
  | { readonly do: 'checkpoint'; readonly max: number }
  | { readonly do: 'expire'; readonly max: number; readonly revoke: boolean }
  | { readonly do: 'promote'; readonly extendMs: number }
  | { readonly do: 'demote' }
  | { readonly do: 'standStill'; readonly ms: number }
  | { readonly do: 'restore'; readonly without: bigint }
  | { readonly do: 'wait'; readonly ms: number };

const ids = fc.bigInt({ min: 1n, max: 6n });

const actions: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('grant'),
      id: ids,
      ttlSeconds: fc.constantFrom(1, 2, 5, 15, 60),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('revoke'), id: ids }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('renew'), id: ids }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('checkpoint'), max: fc.nat(3) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('expire'),
      max: fc.integer({ min: 1, max: 4 }),
      revoke: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('promote'), extendMs: fc.constantFrom(0, 1000) }),
  },
  { weight: 1, arbitrary: fc.constant<Action>({ do: 'demote' }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('standStill'), ms: fc.constantFrom(700, 20_000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restore'), without: ids }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('wait'),
      ms: fc.constantFrom(1, 500, 1000, 2999, 3000, 9000),
    }),
  },
);

interface Known {
  readonly ttlMs: number;
  leftMs: number;
  deadlineMs: number;
  offeredMs: number;
}

class Bench {
  readonly lessor = new Lessor({ revokeRetryMs: RETRY_MS, checkpointIntervalMs: CHECKPOINT_MS });
  readonly known = new Map<bigint, Known>();
  nowMs = 0;
  leading = false;

  act(action: Action): void {
    const { lessor, known, nowMs } = this;
    switch (action.do) {
      case 'grant':
        lessor.grant(action.id, action.ttlSeconds, nowMs);
        if (!known.has(action.id)) {
          const ttlMs = action.ttlSeconds * 1000;
          const deadlineMs = this.leading ? nowMs + ttlMs : Infinity;
          known.set(action.id, { ttlMs, leftMs: 0, deadlineMs, offeredMs: -Infinity });
        }
        break;
      case 'revoke':
        lessor.revoke(action.id);
        known.delete(action.id);
        break;
      case 'renew':
        this.renew(action.id);
        break;
      case 'checkpoint':
        this.checkpoint(action.max);
        break;
      case 'expire':
        this.expire(action.max, action.revoke);
        break;
      case 'promote':
        lessor.promote(nowMs, action.extendMs);
        if (!this.leading) {
          for (const lease of known.values()) {
            lease.deadlineMs = nowMs + (lease.leftMs || lease.ttlMs) + action.extendMs;
          }
        }
        this.leading = true;
        break;
      case 'demote':
        lessor.demote();
        this.leading = false;
        for (const lease of known.values()) {
          lease.deadlineMs = Infinity;
          lease.offeredMs = -Infinity;
        }
        break;
      case 'restore':
        known.delete(action.without);
        for (const lease of known.values()) lease.offeredMs = -Infinity;
        lessor.restore(this.states(), nowMs);
        break;
      case 'standStill':
        // All but leases whose revocation was offered live that much longer.
        this.nowMs += action.ms;
        lessor.extend(action.ms);
        for (const lease of known.values()) {
          if (lease.offeredMs === -Infinity) lease.deadlineMs += action.ms;
        }
        break;
      case 'wait':
        this.nowMs += action.ms;
    }
    expect(lessor.size).toBe(known.size);
    expect(lessor.leading).toBe(this.leading);
    for (const [id, { ttlMs, deadlineMs }] of known) {
      const leftMs = this.leading ? Math.max(0, deadlineMs - this.nowMs) : ttlMs;
      expect(lessor.times(id, this.nowMs)).toEqual({
        grantedSeconds: ttlMs / 1000,
        remainingSeconds: Math.ceil(leftMs / 1000),
      });
    }
  }

  private states(): readonly LeaseState[] {
    return [...this.known].map(([id, { ttlMs, leftMs }]) => ({
      id,
      ttlSeconds: ttlMs / 1000,
      remainingSeconds: leftMs / 1000,
    }));
  }

  private renew(id: bigint): void {
    const lease = this.known.get(id);
    const renewal = this.lessor.renew(id, this.nowMs);
    if (!this.leading) {
      expect(renewal).toEqual({ outcome: 'notLeading' });
    } else if (lease === undefined || lease.deadlineMs <= this.nowMs) {
      // Renewing what has run out must fail: its revocation may be on its way.
      expect(renewal).toEqual({ outcome: 'notFound' });
    } else {
      const checkpoint = lease.leftMs > 0 ? { id, remainingSeconds: 0 } : undefined;
      const ttlSeconds = lease.ttlMs / 1000;
      expect(renewal).toEqual({ outcome: 'renewed', ttlSeconds, checkpoint });
      lease.deadlineMs = Math.max(lease.deadlineMs, this.nowMs + lease.ttlMs);
      if (checkpoint !== undefined) this.lessor.checkpoint(checkpoint);
      lease.leftMs = 0;
    }
  }

  private checkpoint(max: number): void {
    const due = this.lessor.dueCheckpoints(this.nowMs, max);
    expect(due.length).toBeLessThanOrEqual(max);
    if (!this.leading) expect(due).toEqual([]);
    for (const each of due) {
      const lease = this.known.get(each.id)!;
      expect(lease.ttlMs).toBeGreaterThan(CHECKPOINT_MS);
      expect(each.remainingSeconds).toBe(Math.ceil((lease.deadlineMs - this.nowMs) / 1000));
      expect(each.remainingSeconds).toBeGreaterThan(0);
      this.lessor.checkpoint(each);
      // What is left is never more than the TTL, also where an election extended it.
      lease.leftMs = Math.min(each.remainingSeconds * 1000, lease.ttlMs);
    }
  }

  private expire(max: number, revoke: boolean): void {
    const { nowMs, known } = this;
    const due = [...known]
      .filter(([, lease]) => this.leading && lease.deadlineMs <= nowMs)
      .filter(([, lease]) => lease.offeredMs + RETRY_MS <= nowMs)
      .map(([id]) => id);
    const nextMs = this.lessor.nextDueMs();
    if (due.length > 0) expect(nextMs).toBeLessThanOrEqual(nowMs);
    const offered = this.lessor.expired(nowMs, max);
    expect(new Set(offered).size).toBe(offered.length);
    expect(offered.length).toBe(Math.min(max, due.length));
    for (const id of offered) {
      expect(due).toContain(id);
      known.get(id)!.offeredMs = nowMs;
      if (!revoke) continue;
      this.lessor.revoke(id);
      known.delete(id);
    }
  }
}

describe('the lessor', () => {
  test('keeps every lease exactly as long as it should live', () => {
    fc.assert(
      fc.property(fc.array(actions, { maxLength: 80, size: 'max' }), (list) => {
        const bench = new Bench();
        for (const action of list) bench.act(action);
      }),
      { numRuns: 200 },
    );
  });

  test('holds no memory for leases that are gone', () => {
    const lessor = new Lessor();
    lessor.promote(0, 0);
    for (let i = 0; i < 10_000; i++) {
      lessor.grant(BigInt(i), 1_000_000_000, i);
      lessor.revoke(BigInt(i));
    }
    expect(lessor.expired(Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
    expect(lessor.dueCheckpoints(Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
    expect(lessor.nextDueMs()).toBeUndefined();
  });
});

describe('the deadline heap', () => {
  test('gives things back in the order of their times, then of their arrival', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20)), fc.nat(20), (times, gone) => {
        const heap = new DeadlineHeap<number>();
        times.forEach((time, i) => heap.push(time, i));
        heap.remove((i) => times[i] === gone);
        const popped: number[] = [];
        while (heap.size > 0) {
          const top = heap.peek();
          expect(heap.pop()).toEqual(top);
          popped.push(top!.value);
        }
        const sorted = times.map((_, i) => i).filter((i) => times[i] !== gone);
        expect(popped).toEqual(sorted.sort((a, b) => times[a]! - times[b]! || a - b));
        expect(heap.pop()).toBeUndefined();
      }),
    );
  });
});

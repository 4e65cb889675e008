/**
 * The time side of leases, kept by the leader alone: when each runs out, which are to be
 * revoked, how much of them to write down for the next leader.
 *
 * Only a revocation that went through the log ends a lease. A lease whose time is up is offered
 * for revocation again and again until that has happened, and cannot be renewed meanwhile. A
 * member that is not the leader knows no deadlines; when it becomes leader every lease gets what
 * its last checkpoint said, or else its whole TTL, and an extension that covers the election. So
 * a lease lives at least its TTL after the last renewal, whoever leads, and at most that plus
 * what elections and checkpoints add.
 *
 * Nothing here reads a clock: times are monotonic milliseconds that the caller hands in.
 */

import { DeadlineHeap } from './deadlineHeap';
import type { LeaseCheckpoint, LeaseId, LeaseState } from './types';

export interface LessorOptions {
  /** A revocation that was offered and did not happen is offered again after this. Default 3000. */
  readonly revokeRetryMs?: number;
  /**
   * Leases that have longer than this left are written down once in this time. Default
   * 300 000, as in etcd; Infinity for never.
   */
  readonly checkpointIntervalMs?: number;
}

/** Entries of leases that are gone, before the heaps are gone through. */
const HEAP_SLACK = 64;

interface Lease {
  readonly id: LeaseId;
  readonly ttlMs: number;
  /** From the last checkpoint; 0 when there is none. */
  remainingMs: number;
  /** Infinity while this member does not lead. */
  deadlineMs: number;
  /** Until when a revocation that was offered may take. */
  revokingUntilMs: number;
}

export type Renewal =
  | {
      readonly outcome: 'renewed';
      readonly ttlSeconds: number;
      /**
       * Takes back a checkpoint that says the lease has less. Must be applied before the client
       * hears of its renewal: the next leader would go by what was written down.
       */
      readonly checkpoint: LeaseCheckpoint | undefined;
    }
  /** There is none, or its time is up. */
  | { readonly outcome: 'notFound' }
  /** Only the leader can renew. */
  | { readonly outcome: 'notLeading' };

export interface LeaseTimes {
  readonly grantedSeconds: number;
  /** Rounded up; 0 when the time is up and the revocation is on its way. */
  readonly remainingSeconds: number;
}

export class Lessor {
  private readonly leases = new Map<LeaseId, Lease>();
  private readonly deadlines = new DeadlineHeap<Lease>();
  private readonly checkpoints = new DeadlineHeap<Lease>();
  private isLeading = false;
  private readonly revokeRetryMs: number;
  private readonly checkpointIntervalMs: number;

  constructor(options: LessorOptions = {}) {
    this.revokeRetryMs = options.revokeRetryMs ?? 3000;
    this.checkpointIntervalMs = options.checkpointIntervalMs ?? 300_000;
  }

  get size(): number {
    return this.leases.size;
  }

  get leading(): boolean {
    return this.isLeading;
  }

  /** A grant was applied. Granting what exists changes nothing. */
  grant(id: LeaseId, ttlSeconds: number, nowMs: number): void {
    if (this.leases.has(id)) return;
    this.add({ id, ttlSeconds, remainingSeconds: 0 });
    if (this.isLeading) this.start(this.leases.get(id)!, nowMs, 0);
  }

  /** A revocation was applied. */
  revoke(id: LeaseId): void {
    this.leases.delete(id);
    // What is gone leaves the heaps when its time comes, which may be in years: tidy up before.
    const max = 2 * this.leases.size + HEAP_SLACK;
    const gone = (lease: Lease): boolean => this.leases.get(lease.id) !== lease;
    if (this.deadlines.size > max) this.deadlines.remove(gone);
    if (this.checkpoints.size > max) this.checkpoints.remove(gone);
  }

  /** A checkpoint was applied. */
  checkpoint({ id, remainingSeconds }: LeaseCheckpoint): void {
    const lease = this.leases.get(id);
    if (lease !== undefined) lease.remainingMs = remainingSeconds * 1000;
  }

  /** The state was loaded or replaced: these are the leases now. Deadlines of known ones stay. */
  restore(leases: readonly LeaseState[], nowMs: number): void {
    const before = new Map(this.leases);
    this.leases.clear();
    this.deadlines.clear();
    this.checkpoints.clear();
    for (const state of leases) {
      const lease = this.add(state);
      if (!this.isLeading) continue;
      const known = before.get(state.id);
      if (known === undefined) this.start(lease, nowMs, 0);
      else this.schedule(lease, known.deadlineMs, nowMs);
    }
  }

  /**
   * This member leads from now on. `extendMs` should be an election timeout: renewals may have
   * been lost for as long. Leading twice extends nothing twice.
   */
  promote(nowMs: number, extendMs: number): void {
    if (this.isLeading) return;
    this.isLeading = true;
    for (const lease of this.leases.values()) this.start(lease, nowMs, extendMs);
  }

  /** This member does not lead any more: it must neither revoke nor renew. */
  demote(): void {
    this.isLeading = false;
    this.deadlines.clear();
    this.checkpoints.clear();
    for (const lease of this.leases.values()) {
      lease.deadlineMs = Infinity;
      lease.revokingUntilMs = -Infinity;
    }
  }

  /**
   * This member stood still for so long and heard no renewal: that time does not count. A lease
   * whose revocation was offered stays as it is: the revocation may be in the log.
   */
  extend(ms: number): void {
    if (!this.isLeading) return;
    for (const lease of this.leases.values()) {
      if (lease.revokingUntilMs === -Infinity) lease.deadlineMs += ms;
    }
  }

  /** Gives a lease its whole TTL again. */
  renew(id: LeaseId, nowMs: number): Renewal {
    if (!this.isLeading) return { outcome: 'notLeading' };
    const lease = this.leases.get(id);
    if (lease === undefined || lease.deadlineMs <= nowMs) return { outcome: 'notFound' };
    // The heaps keep their older, earlier times: they find out when those come.
    lease.deadlineMs = Math.max(lease.deadlineMs, nowMs + lease.ttlMs);
    const checkpoint = lease.remainingMs > 0 ? { id, remainingSeconds: 0 } : undefined;
    return { outcome: 'renewed', ttlSeconds: lease.ttlMs / 1000, checkpoint };
  }

  /**
   * Undefined when there is no such lease. While another member leads, the rest is not known: the
   * TTL.
   */
  times(id: LeaseId, nowMs: number): LeaseTimes | undefined {
    const lease = this.leases.get(id);
    if (lease === undefined) return undefined;
    const leftMs = this.isLeading ? Math.max(0, lease.deadlineMs - nowMs) : lease.ttlMs;
    return {
      grantedSeconds: lease.ttlMs / 1000,
      remainingSeconds: Math.ceil(leftMs / 1000),
    };
  }

  /** Leases to revoke now, those that ran out first first. Offered again if nothing comes of it. */
  expired(nowMs: number, max: number): readonly LeaseId[] {
    const due: LeaseId[] = [];
    while (due.length < max) {
      const next = this.deadlines.peek();
      if (next === undefined || next.atMs > nowMs) break;
      this.deadlines.pop();
      const lease = next.value;
      if (this.leases.get(lease.id) !== lease) continue;
      const actualMs = Math.max(lease.deadlineMs, lease.revokingUntilMs);
      if (actualMs > nowMs) {
        this.deadlines.push(actualMs, lease);
        continue;
      }
      due.push(lease.id);
      lease.revokingUntilMs = nowMs + this.revokeRetryMs;
      this.deadlines.push(lease.revokingUntilMs, lease);
    }
    return due;
  }

  /** What to write down now, to be proposed as one command; empty when nothing is due. */
  dueCheckpoints(nowMs: number, max: number): readonly LeaseCheckpoint[] {
    const due: LeaseCheckpoint[] = [];
    while (due.length < max) {
      const next = this.checkpoints.peek();
      if (next === undefined || next.atMs > nowMs) break;
      this.checkpoints.pop();
      const lease = next.value;
      if (this.leases.get(lease.id) !== lease || lease.deadlineMs <= nowMs) continue;
      const remainingSeconds = Math.ceil((lease.deadlineMs - nowMs) / 1000);
      due.push({ id: lease.id, remainingSeconds });
      this.scheduleCheckpoint(lease, nowMs);
    }
    return due;
  }

  /** When to look again, at the latest. Undefined: not before something changes. */
  nextDueMs(): number | undefined {
    if (!this.isLeading) return undefined;
    const times = [this.deadlines.peek()?.atMs, this.checkpoints.peek()?.atMs];
    const known = times.filter((time) => time !== undefined);
    return known.length === 0 ? undefined : Math.min(...known);
  }

  private add(state: LeaseState): Lease {
    const lease: Lease = {
      id: state.id,
      ttlMs: state.ttlSeconds * 1000,
      remainingMs: state.remainingSeconds * 1000,
      deadlineMs: Infinity,
      revokingUntilMs: -Infinity,
    };
    this.leases.set(state.id, lease);
    return lease;
  }

  private start(lease: Lease, nowMs: number, extendMs: number): void {
    const leftMs = lease.remainingMs > 0 ? Math.min(lease.remainingMs, lease.ttlMs) : lease.ttlMs;
    this.schedule(lease, nowMs + leftMs + extendMs, nowMs);
  }

  private schedule(lease: Lease, deadlineMs: number, nowMs: number): void {
    lease.deadlineMs = deadlineMs;
    this.deadlines.push(deadlineMs, lease);
    this.scheduleCheckpoint(lease, nowMs);
  }

  private scheduleCheckpoint(lease: Lease, nowMs: number): void {
    const atMs = nowMs + this.checkpointIntervalMs;
    // One that will have run out by then needs no checkpoint, and neither does a short one.
    if (lease.ttlMs > this.checkpointIntervalMs) this.checkpoints.push(atMs, lease);
  }
}

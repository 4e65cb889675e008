/**
 * Linearizable reads: a read may be served once this member has applied everything that was
 * committed when the read arrived (ReadIndex, Raft thesis section 6.4).
 *
 * Reads that arrive while a confirmation is under way share the next one. They must not join
 * the one under way: its index may have been chosen before they arrived. Tokens start at
 * random, like sequence numbers: a late confirmation meant for an earlier incarnation of this
 * member carries an old index and must never confirm a new read.
 */
import type { Index, ReadState } from '../raft/types';
import type { Runtime } from '../runtime/runtime';
import type { ResolvedDriverOptions } from './driverOptions';
import { NotServed } from './notServed';
import { randomStart } from './proposals';
import { Waiters } from './waiters';

/** Undefined when the read may be served now. */
export type ReadOutcome = NotServed | undefined;

interface Confirmed {
  readonly index: Index;
  readonly reads: readonly number[];
}

export class ReadBarriers {
  private readonly waiters = new Waiters<ReadOutcome>();
  private arrived: number[] = [];
  private asked:
    | { readonly first: number; token: number; sentMs: number; readonly reads: readonly number[] }
    | undefined;
  /** By index, ascending: read indices of one member never go down. */
  private confirmed: Confirmed[] = [];
  private nextToken: number;
  private nextRead = 1;

  constructor(
    private readonly options: ResolvedDriverOptions,
    private readonly runtime: Runtime,
  ) {
    this.nextToken = randomStart(runtime);
  }

  add(done: (outcome: ReadOutcome) => void): void {
    const { waitingRequestsMax, requestTimeoutMs } = this.options;
    if (this.waiters.count >= waitingRequestsMax) {
      const text = `${this.waiters.count} reads are waiting (limit ${waitingRequestsMax})`;
      done(new NotServed('tooManyRequests', true, text));
      return;
    }
    const read = this.nextRead++;
    this.waiters.add(read, this.runtime.nowMs() + requestTimeoutMs, 0, done);
    this.arrived.push(read);
  }

  /** Starts a confirmation when none is under way and somebody waits for one. */
  flush(readIndex: (token: number) => void): void {
    if (this.asked !== undefined || this.arrived.length === 0) return;
    const token = this.nextToken++;
    const sentMs = this.runtime.nowMs();
    this.asked = { first: token, token, sentMs, reads: this.arrived };
    this.arrived = [];
    readIndex(token);
  }

  confirm(reads: readonly ReadState[], applied: Index): void {
    for (const read of reads) {
      if (this.asked === undefined) continue;
      // Any answer since the first question counts: all its reads had arrived by then.
      if (read.token < this.asked.first || read.token > this.asked.token) continue;
      this.confirmed.push({ index: read.index, reads: this.asked.reads });
      this.asked = undefined;
    }
    this.applied(applied);
  }

  applied(index: Index): void {
    if (this.confirmed.length === 0) return;
    const later: Confirmed[] = [];
    for (const group of this.confirmed) {
      if (group.index > index) later.push(group);
      else for (const read of group.reads) this.waiters.settle(read, undefined);
    }
    this.confirmed = later;
  }

  /** Expires old reads and asks again, under a new token, when a confirmation got lost. */
  tick(nowMs: number, readIndex: (token: number) => void): void {
    const { requestTimeoutMs, readRetryMs } = this.options;
    this.waiters.expire(
      nowMs,
      () => new NotServed('timeout', true, `no quorum confirmed it within ${requestTimeoutMs} ms`),
    );
    if (this.waiters.count === 0) {
      this.asked = undefined;
      if (this.arrived.length > 0) this.arrived = [];
      if (this.confirmed.length > 0) this.confirmed = [];
    } else if (this.asked !== undefined && nowMs - this.asked.sentMs >= readRetryMs) {
      this.asked.token = this.nextToken++;
      this.asked.sentMs = nowMs;
      readIndex(this.asked.token);
    }
  }

  stop(reason: NotServed): void {
    this.asked = undefined;
    this.arrived = [];
    this.confirmed = [];
    this.waiters.settleAll(reason);
  }
}

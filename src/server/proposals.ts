/**
 * Commands on their way into the log and back to whoever asked.
 *
 * All commands of one event-loop turn are proposed as one batch. A command is recognized when
 * it is applied by its origin and sequence number; the first number of an incarnation is drawn
 * at random from 2^52, so that an entry of an earlier life of this member, committed only now,
 * can never be taken for the answer to a new request.
 */
import { encodeCommand, type Applied, type Command } from '../kv';
import type { NodeId, Term } from '../raft/types';
import type { Runtime } from '../runtime/runtime';
import type { ResolvedDriverOptions } from './driverOptions';
import { NotServed } from './notServed';
import { Waiters } from './waiters';

export type ProposalOutcome = Applied | NotServed;

/** A start from which counting up never meets the numbers of another incarnation. */
export function randomStart(runtime: Runtime): number {
  return runtime.random(2 ** 26) * 2 ** 26 + runtime.random(2 ** 26);
}

interface Item {
  readonly sequence: number;
  readonly data: Uint8Array;
  readonly leaderTerm: Term | undefined;
}

export class Proposals {
  private readonly waiters = new Waiters<ProposalOutcome>();
  private batch: Item[] = [];
  private nextSequence: number;
  private failures = 0;

  constructor(
    private readonly origin: NodeId,
    private readonly options: ResolvedDriverOptions,
    private readonly runtime: Runtime,
  ) {
    this.nextSequence = randomStart(runtime);
  }

  get waiting(): { readonly count: number; readonly bytes: number } {
    return { count: this.waiters.count, bytes: this.waiters.bytes };
  }

  /** Requests that were refused, or given up after their time. */
  get failed(): number {
    return this.failures;
  }

  /**
   * Adds a command to this turn's batch; false when it was refused (and `done` was told). With a
   * `leaderTerm` it is proposed only if this member leads in that term, and sent to no other.
   */
  add(
    command: Command,
    done: (outcome: ProposalOutcome) => void,
    leaderTerm: Term | undefined = undefined,
  ): boolean {
    const { waitingRequestsMax, waitingBytesMax, requestTimeoutMs } = this.options;
    const sequence = this.nextSequence++;
    const data = encodeCommand({ origin: this.origin, sequence, command });
    if (
      this.waiters.count >= waitingRequestsMax ||
      this.waiters.bytes + data.length > waitingBytesMax
    ) {
      const { count, bytes } = this.waiters;
      this.failures++;
      done(
        new NotServed(
          'tooManyRequests',
          true,
          `${count} requests with ${bytes} bytes are waiting for the log ` +
            `(limits ${waitingRequestsMax} and ${waitingBytesMax})`,
        ),
      );
      return false;
    }
    this.waiters.add(sequence, this.runtime.nowMs() + requestTimeoutMs, data.length, done);
    this.batch.push({ sequence, data, leaderTerm });
    return true;
  }

  /**
   * Hands this turn's batch to `propose`, which says whether the core took it. `leadingTerm`: the
   * term in which this member leads, if it does.
   */
  flush(
    leadingTerm: Term | undefined,
    propose: (batch: readonly Uint8Array[]) => NotServed | undefined,
  ): void {
    if (this.batch.length === 0) return;
    const items = this.batch;
    this.batch = [];
    const batch = items.filter(({ leaderTerm }) => isMeantFor(leaderTerm, leadingTerm));
    if (batch.length < items.length) this.refuseOthers(items, leadingTerm);
    if (batch.length === 0) return;
    const refused = propose(batch.map((item) => item.data));
    if (refused === undefined) return;
    this.failures += batch.length;
    for (const item of batch) this.waiters.settle(item.sequence, refused);
  }

  applied(origin: NodeId, sequence: number, outcome: Applied): void {
    if (origin === this.origin) this.waiters.settle(sequence, outcome);
  }

  tick(nowMs: number): void {
    const { requestTimeoutMs } = this.options;
    this.waiters.expire(nowMs, () => {
      this.failures++;
      return new NotServed(
        'timeout',
        false,
        `not applied within ${requestTimeoutMs} ms; it may still be applied later`,
      );
    });
  }

  stop(reason: NotServed): void {
    this.batch = [];
    this.waiters.settleAll(reason);
  }

  private refuseOthers(items: readonly Item[], leadingTerm: Term | undefined): void {
    for (const { sequence, leaderTerm } of items) {
      if (isMeantFor(leaderTerm, leadingTerm)) continue;
      const text = `this member does not lead in term ${leaderTerm} any more`;
      this.waiters.settle(sequence, new NotServed('noLeader', true, text));
    }
  }
}

function isMeantFor(leaderTerm: Term | undefined, leadingTerm: Term | undefined): boolean {
  return leaderTerm === undefined || leaderTerm === leadingTerm;
}

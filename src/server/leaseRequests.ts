/**
 * What this member's clients want to know of leases, on its way to the leader and back.
 *
 * A request waits, bounded in number and in time, until a leader has answered it: it is asked of
 * whoever leads now, again when another one does, and again when nothing was heard for a while.
 * Asking twice is harmless, and `done` is called exactly once. Sequence numbers begin at random:
 * an answer to an earlier incarnation of this member must not be taken for one to this.
 */
import type { LeaseId } from '../kv';
import type { NodeId, Term } from '../raft/types';
import type { Runtime } from '../runtime/runtime';
import type { LeaseAnswer, LeaseQuestion } from '../transport/transport';
import type { ResolvedDriverOptions } from './driverOptions';
import { NotServed } from './notServed';
import { randomStart } from './proposals';

export type LeaseAsk = LeaseQuestion['ask'];

/** What a leader replies. */
export type LeaseReply = Pick<LeaseAnswer, 'outcome' | 'grantedSeconds' | 'remainingSeconds'>;

/** What whoever asked learns in the end. */
export type LeaseKnowledge = LeaseReply & { readonly outcome: 'known' | 'missing' };

export const MISSING: LeaseReply = { outcome: 'missing', grantedSeconds: 0, remainingSeconds: 0 };
export const RETRY: LeaseReply = { outcome: 'retry', grantedSeconds: 0, remainingSeconds: 0 };

interface Request {
  readonly sequence: number;
  readonly ask: LeaseAsk;
  readonly id: LeaseId;
  readonly deadlineMs: number;
  readonly done: (outcome: LeaseKnowledge | NotServed) => void;
  askedMs: number;
}

interface Surroundings {
  readonly node: { readonly term: Term; readonly leader: NodeId };
  readonly runtime: Runtime;
  send(message: LeaseQuestion): void;
}

/** Answers as the leader that this member is. */
type Serve = (ask: LeaseAsk, id: LeaseId, reply: (reply: LeaseReply) => void) => void;

export class LeaseRequests {
  /** In order of arrival, hence of their deadlines: all wait equally long. */
  private readonly waiting = new Map<number, Request>();
  private nextSequence: number | undefined;
  private stopped: NotServed | undefined;

  constructor(
    private readonly options: ResolvedDriverOptions,
    private readonly member: Surroundings,
    private readonly serve: Serve,
  ) {}

  add(ask: LeaseAsk, id: LeaseId, done: Request['done']): void {
    const { waitingRequestsMax, requestTimeoutMs } = this.options;
    if (this.stopped !== undefined) return done(this.stopped);
    if (this.waiting.size >= waitingRequestsMax) {
      const text = `${this.waiting.size} lease requests are waiting (limit ${waitingRequestsMax})`;
      done(new NotServed('tooManyRequests', true, text));
      return;
    }
    const { runtime } = this.member;
    const sequence = this.nextSequence ?? randomStart(runtime);
    this.nextSequence = sequence + 1;
    const deadlineMs = runtime.nowMs() + requestTimeoutMs;
    const request: Request = { sequence, ask, id, deadlineMs, done, askedMs: -Infinity };
    this.waiting.set(sequence, request);
    this.put(request);
  }

  answered(sequence: number, { outcome, grantedSeconds, remainingSeconds }: LeaseReply): void {
    const request = this.waiting.get(sequence);
    if (request === undefined) return;
    if (outcome === 'retry') {
      // With the next tick, so that two members who disagree do not spin.
      request.askedMs = -Infinity;
      return;
    }
    this.waiting.delete(sequence);
    request.done({ outcome, grantedSeconds, remainingSeconds });
  }

  leaderChanged(): void {
    for (const request of [...this.waiting.values()]) this.put(request);
  }

  tick(nowMs: number): void {
    const { requestTimeoutMs, readRetryMs } = this.options;
    for (const request of [...this.waiting.values()]) {
      if (request.deadlineMs <= nowMs) {
        this.waiting.delete(request.sequence);
        const isLed = this.member.node.leader !== 0;
        const text = `the leader did not answer for the lease within ${requestTimeoutMs} ms`;
        request.done(new NotServed(isLed ? 'timeout' : 'noLeader', false, text));
      } else if (nowMs - request.askedMs >= readRetryMs) this.put(request);
    }
  }

  stop(reason: NotServed): void {
    const all = [...this.waiting.values()];
    this.stopped = reason;
    this.waiting.clear();
    for (const request of all) request.done(reason);
  }

  private put(request: Request): void {
    const { node, runtime } = this.member;
    const { leader, term } = node;
    if (leader === 0) return;
    const { sequence, ask, id } = request;
    request.askedMs = runtime.nowMs();
    if (leader === this.options.id) {
      this.serve(ask, id, (reply) => this.answered(sequence, reply));
    } else {
      const from = this.options.id;
      this.member.send({ kind: 'leaseQuestion', from, to: leader, term, sequence, ask, id });
    }
  }
}

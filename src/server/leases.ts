/**
 * The leases of a member: who may renew them, when they end, and who is asked.
 *
 * Only the leader knows deadlines. Invariants: a lease ends by a revocation in the log and in no
 * other way; one is proposed only by the leader of a term, into the log of that very term; and
 * a renewal that was answered keeps the lease for its TTL, whoever leads next. For the last one
 *  - a member takes the deadlines over when it has applied an entry of its own term, so every
 *    grant, revocation and checkpoint before it counts,
 *  - it renews only after a quorum has confirmed that it still leads: a leader that stood still
 *    and was replaced must not answer for leases that are not its own any more,
 *  - the next leader starts each lease later than that confirmation, with its whole TTL or what
 *    a checkpoint said, and a checkpoint is taken back in the log before a renewal is answered,
 *  - time in which this member stood still is added to the deadlines: it heard nobody then.
 */
import { Lessor, Refused, type Applied, type Command, type LeaseId } from '../kv';
import type { StateMachine } from '../kv';
import type { NodeId, Term } from '../raft/types';
import type { Runtime } from '../runtime/runtime';
import type { LeaseAnswer, LeaseQuestion } from '../transport/transport';
import type { ResolvedDriverOptions } from './driverOptions';
import {
  LeaseRequests,
  MISSING,
  RETRY,
  type LeaseAsk,
  type LeaseKnowledge,
  type LeaseReply,
} from './leaseRequests';
import { NotServed } from './notServed';
import type { ProposalOutcome } from './proposals';
import type { ReadOutcome } from './readBarriers';

/** Revocations on their way through the log: the rest of a herd waits for its turn. */
const REVOCATIONS_MAX = 128;
/** Leases in one checkpoint command. */
const CHECKPOINTS_MAX = 1000;
/** Ticks that may come late before it counts as standing still. */
const LATE_TICKS_MAX = 3;
const NONE: ReadonlySet<LeaseId> = new Set();

/** What leases need of their member. */
export interface LeaseSurroundings {
  readonly node: { readonly role: string; readonly term: Term; readonly leader: NodeId };
  readonly machine: StateMachine;
  readonly runtime: Runtime;
  /** Into the log of this term, by this member as its leader, or not at all. */
  propose(command: Command, term: Term, done: (outcome: ProposalOutcome) => void): void;
  readBarrier(done: (outcome: ReadOutcome) => void): void;
  send(message: LeaseQuestion | LeaseAnswer): void;
}

export class Leases {
  private readonly lessor: Lessor;
  private readonly requests: LeaseRequests;
  private readonly electionMs: number;
  /** The term in which this member keeps the deadlines; 0 when it does not. */
  private keepingTerm: Term = 0;
  private tickedMs: number;
  private revoking = 0;
  /** Leases in the checkpoint that is on its way. */
  private checkpointing = NONE;

  constructor(
    private readonly options: ResolvedDriverOptions,
    private readonly member: LeaseSurroundings,
  ) {
    this.electionMs = options.electionTicks * options.tickMs;
    this.lessor = new Lessor({ checkpointIntervalMs: options.leaseCheckpointMs });
    this.tickedMs = member.runtime.nowMs();
    this.requests = new LeaseRequests(options, member, (ask, id, reply) => {
      this.serve(ask, id, reply);
    });
    this.restored();
  }

  /** Shorter leases would not outlive an election; etcd's own rule. */
  get ttlSecondsMin(): number {
    return Math.ceil((1.5 * this.electionMs) / 1000);
  }

  /** A positive id that no lease has. */
  newId(): LeaseId {
    const { runtime, machine } = this.member;
    for (;;) {
      const high = BigInt(runtime.random(2 ** 31));
      const id = (high << 32n) | BigInt(runtime.random(2 ** 32));
      if (id !== 0n && machine.lease(id) === undefined) return id;
    }
  }

  /** Asks the leader, wherever it is; `done` is called once. */
  ask(ask: LeaseAsk, id: LeaseId, done: (outcome: LeaseKnowledge | NotServed) => void): void {
    this.requests.add(ask, id, done);
  }

  /** The state was loaded or replaced. */
  restored(): void {
    this.lessor.restore(this.member.machine.leases(), this.member.runtime.nowMs());
  }

  /** An entry of this term was applied, with the command in it if there was one. */
  applied(term: Term, command?: Command, outcome?: Applied): void {
    if (command !== undefined && outcome !== undefined && !(outcome.result instanceof Refused)) {
      this.follow(command);
    }
    const { node, runtime } = this.member;
    if (node.role !== 'leader' || term !== node.term || term === this.keepingTerm) return;
    this.lessor.demote();
    this.lessor.promote(runtime.nowMs(), this.electionMs);
    this.keepingTerm = term;
    this.revoking = 0;
    this.checkpointing = NONE;
  }

  leaderChanged(): void {
    if (this.keepingTerm !== 0 && !this.keeps(this.keepingTerm)) {
      this.lessor.demote();
      this.keepingTerm = 0;
    }
    this.requests.leaderChanged();
  }

  tick(nowMs: number): void {
    this.noticeStandstill(nowMs);
    this.tickedMs = nowMs;
    if (this.keepingTerm !== 0 && this.keeps(this.keepingTerm)) {
      this.revokeExpired(nowMs);
      this.writeCheckpoint(nowMs);
    }
    this.requests.tick(nowMs);
  }

  receive(message: LeaseQuestion | LeaseAnswer): void {
    if (message.kind === 'leaseAnswer') {
      this.requests.answered(message.sequence, message);
      return;
    }
    const { from, to, sequence, ask, id, term } = message;
    const reply = (knowledge: LeaseReply): void =>
      this.member.send({ kind: 'leaseAnswer', from: to, to: from, sequence, ...knowledge });
    if (term === this.member.node.term) this.serve(ask, id, reply);
    else reply(RETRY);
  }

  stop(reason: NotServed): void {
    this.requests.stop(reason);
  }

  private keeps(term: Term): boolean {
    const { node } = this.member;
    return term === this.keepingTerm && node.role === 'leader' && node.term === term;
  }

  private follow(command: Command): void {
    const nowMs = this.member.runtime.nowMs();
    if (command.kind === 'leaseGrant') {
      this.lessor.grant(command.id, command.ttlSeconds, nowMs);
    } else if (command.kind === 'leaseRevoke') {
      this.lessor.revoke(command.id);
    } else if (command.kind === 'leaseCheckpoint') {
      for (const checkpoint of command.checkpoints) this.lessor.checkpoint(checkpoint);
    }
  }

  /** Answers as the leader, once it is sure to be that. */
  private serve(ask: LeaseAsk, id: LeaseId, reply: (reply: LeaseReply) => void): void {
    const { node, runtime } = this.member;
    if (node.role !== 'leader') return reply(RETRY);
    const { term } = node;
    const askedMs = runtime.nowMs();
    this.member.readBarrier((outcome) => {
      const nowMs = runtime.nowMs();
      // A confirmation that comes this late may be older than another leader.
      const isLate = nowMs - askedMs > this.electionMs;
      if (outcome !== undefined || isLate || !this.keeps(term)) return reply(RETRY);
      this.noticeStandstill(nowMs);
      if (ask === 'renew') this.renew(id, nowMs, reply);
      else reply(this.knowledgeOf(id, nowMs));
    });
  }

  private renew(id: LeaseId, nowMs: number, reply: (reply: LeaseReply) => void): void {
    const renewal = this.lessor.renew(id, nowMs);
    if (renewal.outcome !== 'renewed') {
      return reply(renewal.outcome === 'notFound' ? MISSING : RETRY);
    }
    const known = this.knowledgeOf(id, nowMs);
    // A checkpoint on its way would undo this renewal as well as one that has arrived.
    if (renewal.checkpoint === undefined && !this.checkpointing.has(id)) return reply(known);
    const checkpoints = [{ id, remainingSeconds: 0 }];
    this.member.propose({ kind: 'leaseCheckpoint', checkpoints }, this.keepingTerm, (outcome) =>
      reply(outcome instanceof NotServed ? RETRY : known),
    );
  }

  private knowledgeOf(id: LeaseId, nowMs: number): LeaseReply {
    const times = this.lessor.times(id, nowMs);
    return times === undefined || times.remainingSeconds === 0
      ? MISSING
      : { outcome: 'known', ...times };
  }

  private noticeStandstill(nowMs: number): void {
    const { tickMs } = this.options;
    const gapMs = nowMs - this.tickedMs;
    if (gapMs <= LATE_TICKS_MAX * tickMs) return;
    this.lessor.extend(gapMs - tickMs);
    this.tickedMs = nowMs;
  }

  private revokeExpired(nowMs: number): void {
    const term = this.keepingTerm;
    for (const id of this.lessor.expired(nowMs, REVOCATIONS_MAX - this.revoking)) {
      this.revoking++;
      this.member.propose({ kind: 'leaseRevoke', id }, term, () => {
        if (term === this.keepingTerm) this.revoking--;
      });
    }
  }

  private writeCheckpoint(nowMs: number): void {
    if (this.checkpointing !== NONE) return;
    const checkpoints = this.lessor.dueCheckpoints(nowMs, CHECKPOINTS_MAX);
    if (checkpoints.length === 0) return;
    const term = this.keepingTerm;
    this.checkpointing = new Set(checkpoints.map(({ id }) => id));
    this.member.propose({ kind: 'leaseCheckpoint', checkpoints }, term, (outcome) => {
      // One that may still come keeps its leases marked: until another leader, if need be.
      const isOver = !(outcome instanceof NotServed) || outcome.certain;
      if (isOver && term === this.keepingTerm) this.checkpointing = NONE;
    });
  }
}

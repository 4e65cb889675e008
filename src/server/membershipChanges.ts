/**
 * Changes of the membership on their way through the log, and what they do when they are applied.
 *
 * A change is an entry of the consensus core that carries the member's record. The leader takes
 * one at a time and drops what it cannot take without a word to the member that forwarded it, so
 * a change is proposed again until it is applied or its time is up. That is harmless: the second
 * copy of a change that took effect is refused by the state machine. Whether a change is allowed
 * is decided when it is applied, by the replicated state alone; a refused one changes nothing,
 * neither in the state nor in the core.
 *
 * A leader cannot remove itself. It hands leadership over first, and the change follows.
 */
import {
  decodeMembershipChange,
  encodeMembershipChange,
  type MemberRecord,
  type MembershipChange,
  type Refused,
  type StateMachine,
} from '../kv';
import { decodeChange, type ConfChange, type MemberChangeType, type RaftNode } from '../raft';
import type { ConfState, Entry, NodeId } from '../raft/types';
import type { Runtime } from '../runtime/runtime';
import type { ResolvedDriverOptions } from './driverOptions';
import { NotServed } from './notServed';
import { randomStart } from './proposals';
import { successorOf } from './successor';

/** The members after the change, or why there was none. */
export type MembershipOutcome = readonly MemberRecord[] | Refused | NotServed;

interface PendingChange {
  readonly sequence: number;
  readonly change: MembershipChange;
  readonly deadlineMs: number;
  readonly done: (outcome: MembershipOutcome) => void;
  /** It may be in a log: its outcome is uncertain until it is applied. */
  proposed: boolean;
  /** The term in which this member, as leader, put it into its own log. */
  acceptedTerm: number;
  retryAtMs: number;
}

export interface MembershipChangesParts {
  readonly node: RaftNode;
  readonly machine: StateMachine;
  readonly runtime: Runtime;
  readonly options: ResolvedDriverOptions;
}

/** More at once would only wait for one another. */
const WAITING_MAX = 64;

const CORE_CHANGES: Readonly<Record<Exclude<MembershipChange['kind'], 'add'>, MemberChangeType>> = {
  promote: 'addVoter',
  remove: 'remove',
  update: 'update',
};

export class MembershipChanges {
  private readonly pending = new Map<number, PendingChange>();
  private nextSequence: number;

  constructor(private readonly parts: MembershipChangesParts) {
    this.nextSequence = randomStart(parts.runtime);
  }

  /** `done` is called once: when the change is applied here, refused, or given up. */
  propose(change: MembershipChange, done: (outcome: MembershipOutcome) => void): void {
    const { runtime, options } = this.parts;
    if (this.pending.size >= WAITING_MAX) {
      const text = `${this.pending.size} membership changes are waiting (limit ${WAITING_MAX})`;
      done(new NotServed('tooManyRequests', true, text));
      return;
    }
    const now = runtime.nowMs();
    const pending: PendingChange = {
      sequence: this.nextSequence++,
      change,
      deadlineMs: now + options.requestTimeoutMs,
      done,
      proposed: false,
      acceptedTerm: 0,
      retryAtMs: now,
    };
    this.pending.set(pending.sequence, pending);
    this.attempt(pending, now);
  }

  tick(nowMs: number): void {
    if (this.pending.size === 0) return;
    const { requestTimeoutMs } = this.parts.options;
    for (const pending of [...this.pending.values()]) {
      if (nowMs >= pending.deadlineMs) {
        const text = `the membership change was not applied within ${requestTimeoutMs} ms`;
        this.settle(pending, new NotServed('timeout', !pending.proposed, text));
      } else if (nowMs >= pending.retryAtMs) {
        this.attempt(pending, nowMs);
      }
    }
  }

  stop(reason: (certain: boolean) => NotServed): void {
    for (const pending of [...this.pending.values()]) {
      this.settle(pending, reason(!pending.proposed));
    }
  }

  /** Carries out a membership entry: the configuration of the core after it. */
  apply(entry: Entry): ConfState {
    const { node, machine, options } = this.parts;
    const core = decodeChange(entry.data);
    if (core === undefined || core.context.length === 0) {
      const conf = node.applyChange(entry.data, entry.index);
      machine.applyMembership(entry.index, undefined, conf);
      return conf;
    }
    const { origin, sequence, change } = decodeMembershipChange(core.context);
    const refused = machine.membershipRefusal(change);
    const conf = node.applyChange(refused === undefined ? core : WITHOUT_CHANGE, entry.index);
    machine.applyMembership(entry.index, refused === undefined ? change : undefined, conf);
    const pending = origin === options.id ? this.pending.get(sequence) : undefined;
    if (pending !== undefined) this.settle(pending, refused ?? machine.cluster.members);
    return conf;
  }

  private attempt(pending: PendingChange, nowMs: number): void {
    const { node, options } = this.parts;
    const { change } = pending;
    // In this leader's log already: it will be applied here, unless leadership is lost.
    if (node.role === 'leader' && pending.acceptedTerm === node.term) return;
    pending.retryAtMs = nowMs;
    if (change.kind === 'remove' && change.id === node.leader && this.handOver()) return;
    const { id } = options;
    const context = encodeMembershipChange({ origin: id, sequence: pending.sequence, change });
    const outcome = node.proposeChange(coreChange(change, context), 1);
    if (outcome === 'accepted') pending.acceptedTerm = node.term;
    if (outcome !== 'accepted' && outcome !== 'forwarded') return;
    pending.proposed = true;
    pending.retryAtMs = nowMs + options.readRetryMs;
  }

  /** Makes another voter the leader; false when there is none. */
  private handOver(): boolean {
    const { node } = this.parts;
    const successor = successorOf(node);
    if (successor === undefined) return false;
    if (node.transferee !== successor) node.transferLeader(successor);
    return true;
  }

  private settle(pending: PendingChange, outcome: MembershipOutcome): void {
    this.pending.delete(pending.sequence);
    pending.done(outcome);
  }
}

const NO_CONTEXT = new Uint8Array(0);
const WITHOUT_CHANGE: ConfChange = {
  transition: 'auto',
  changes: [{ type: 'update', id: 0 }],
  context: NO_CONTEXT,
};

function coreChange(change: MembershipChange, context: Uint8Array): ConfChange {
  return { transition: 'auto', changes: [coreMemberChange(change)], context };
}

function coreMemberChange(change: MembershipChange): { type: MemberChangeType; id: NodeId } {
  if (change.kind !== 'add') return { type: CORE_CHANGES[change.kind], id: change.id };
  const { id, isLearner } = change.member;
  return { type: isLearner ? 'addLearner' : 'addVoter', id };
}

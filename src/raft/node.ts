/**
 * RaftNode: the whole consensus core behind one synchronous class, for its callers.
 *
 * In go ticks, messages, proposals; out comes `ready()`: work for three lanes, which the caller
 * carries out in order and acknowledges apart by stepping the messages that come with it.
 *
 *            send ----------> network            may leave at once
 *   ready()  persist -------> disk    --acks---> peers, and step() of this node
 *            apply ---------> machine --ack----> step() of this node
 *
 * Nothing here waits, reads a clock or draws a number but through the options. A thrown
 * RaftError means that a promise was broken (by a bug, or by a disk that lost what it had
 * acknowledged): the node must not go on.
 */
import type {
  ConfState,
  Entry,
  Index,
  Message,
  NodeId,
  PersistWork,
  ProposalOutcome,
  RaftOptions,
  ReadOutcome,
  Ready,
  ReadState,
  Role,
  SoftState,
  StepOutcome,
  Term,
} from './types';
import { NOBODY } from './types';
import { fail } from './assert';
import { decodeChange, encodeChange } from './changeCodec';
import { applyChange } from './configuration';
import { timeOut } from './election';
import type { ConfChange } from './membership';
import { votersOf } from './membership';
import { propose, type Proposal } from './proposals';
import { step, tick } from './raft';
import { readIndex } from './reads';
import { receiveSnapshotReport, receiveUnreachable } from './replication';
import { becomeFollower } from './roles';
import { RaftState } from './state';
import { NodeStatus } from './status';
import { requestTransfer } from './transfer';

const NO_MESSAGES: readonly Message[] = Object.freeze([]);
const NO_READS: readonly ReadState[] = Object.freeze([]);

/** `forwarded`: sent to the leader, which may ignore it. `notVoter`: the leader refused. */
export type TransferOutcome = 'accepted' | 'forwarded' | 'noLeader' | 'notVoter';

export class RaftNode extends NodeStatus {
  // What the last Ready said, to tell what changed.
  private saidLeader: NodeId;
  private saidRole: Role;
  private saidTerm: Term;
  private saidVote: NodeId;
  private saidCommit: Index;

  constructor(options: RaftOptions) {
    const raft = new RaftState(options);
    super(raft);
    becomeFollower(raft, raft.term, NOBODY);
    raft.trace?.({
      kind: 'started',
      voters: votersOf(raft.tracker.conf),
      term: raft.term,
      commitIndex: raft.log.committed,
      appliedIndex: raft.log.applied,
      lastIndex: raft.log.lastIndex,
      lastTerm: raft.log.lastTerm,
    });
    this.saidLeader = raft.leader;
    this.saidRole = raft.role;
    this.saidTerm = raft.term;
    this.saidVote = raft.vote;
    this.saidCommit = raft.log.committed;
  }

  /** One tick. After a long stall deliver at most `electionTicks` of them. */
  tick(): void {
    tick(this.raft);
  }

  /** A message from a peer, or an acknowledgement from one of this node's own lanes. */
  step(message: Message): StepOutcome {
    return step(this.raft, message);
  }

  /** Proposes all data of one turn as consecutive entries: all of them or none. */
  propose(batch: readonly Uint8Array[]): ProposalOutcome {
    if (batch.length === 0) return 'accepted';
    const proposals: Proposal[] = [];
    for (const data of batch) proposals.push({ type: 'normal', data });
    return propose(this.raft, proposals);
  }

  /**
   * Proposes a membership change. `version` 1 takes exactly one change and never goes through
   * a joint configuration. A change the leader refuses leaves an empty entry in the log.
   */
  proposeChange(change: ConfChange, version: 1 | 2 = 2): ProposalOutcome {
    if (version === 1 && (change.changes.length !== 1 || change.transition !== 'auto')) {
      fail(`a change of version 1 with ${change.changes.length} changes, ${change.transition}`);
    }
    const type = version === 1 ? 'change' : 'changeV2';
    return propose(this.raft, [{ type, data: encodeChange(change) }]);
  }

  /**
   * To be called for every membership entry that is applied, in order and before the apply
   * lane is acknowledged, with the entry's data or with the change decoded from it. Returns
   * the configuration as of that index, which the caller keeps with its state. Every member
   * must apply the same: data that cannot be read, and a change that does not fit, change
   * nothing.
   */
  applyChange(change: ConfChange | Uint8Array, index: Index): ConfState {
    const decoded = change instanceof Uint8Array ? decodeChange(change) : change;
    return decoded === undefined ? this.raft.appliedConf : applyChange(this.raft, decoded, index);
  }

  /** Asks for a linearizable read; `Ready.reads` answers with the same token. */
  readIndex(token: number): ReadOutcome {
    return readIndex(this.raft, token);
  }

  /** Hands leadership to a voter; it takes up to an election timeout and may fail. */
  transferLeader(id: NodeId): TransferOutcome {
    const { raft } = this;
    if (raft.role === 'leader') return requestTransfer(raft, id) ? 'accepted' : 'notVoter';
    if (raft.leader === NOBODY) {
      raft.trace?.({ kind: 'transferDropped', term: raft.term });
      return 'noLeader';
    }
    const message = raft.draft('transferLeader', raft.leader);
    message.from = id;
    raft.send.push(message);
    return 'forwarded';
  }

  /** Starts an election now, with a pre-vote if that is switched on. */
  campaign(): void {
    timeOut(this.raft);
  }

  /**
   * A follower that learned that its leader is dead forgets it, and grants pre-votes at once.
   * Does nothing on other roles; refused with lease reads, which depend on the memory.
   */
  forgetLeader(): void {
    const { raft } = this;
    if (raft.role !== 'follower') return;
    if (raft.settings.leaseReads) {
      raft.trace?.({ kind: 'forgetLeaderRefused' });
    } else if (raft.leader !== NOBODY) {
      raft.trace?.({ kind: 'leaderForgotten', leader: raft.leader, term: raft.term });
      raft.leader = NOBODY;
    }
  }

  /** Messages to that member were lost. */
  reportUnreachable(id: NodeId): void {
    if (this.raft.role !== 'leader') return;
    const progress = this.raft.tracker.get(id);
    if (progress === undefined) this.raft.trace?.({ kind: 'noProgress', from: id });
    else receiveUnreachable(this.raft, progress);
  }

  /** How the transport of a snapshot ended. Every `snapshot` message must be reported. */
  reportSnapshot(id: NodeId, ok: boolean): void {
    if (this.raft.role !== 'leader') return;
    const progress = this.raft.tracker.get(id);
    if (progress === undefined) this.raft.trace?.({ kind: 'noProgress', from: id });
    else receiveSnapshotReport(this.raft, progress, ok);
  }

  /** Whether `ready()` has anything to do. */
  get hasReady(): boolean {
    const { raft } = this;
    return (
      raft.send.length > 0 ||
      raft.afterPersist.length > 0 ||
      raft.log.unstable.hasWork ||
      raft.log.hasCommitted(raft.settings.applyUnstable) ||
      raft.readStates.length > 0 ||
      this.hardChanged ||
      raft.leader !== this.saidLeader ||
      raft.role !== this.saidRole
    );
  }

  /**
   * Takes the work there is; it is not handed out twice. Queue all of it on its lanes in the
   * same turn, before anything else is done with this node.
   */
  ready(): Ready {
    const { raft } = this;
    const soft = this.takeSoft();
    const reads = raft.readStates.length === 0 ? NO_READS : raft.readStates;
    if (reads !== NO_READS) raft.readStates = [];
    const send = raft.send.length === 0 ? NO_MESSAGES : raft.send;
    if (send !== NO_MESSAGES) raft.send = [];
    // Heartbeats leave now: reads to come need a new round.
    raft.reads.openRound = 0;
    // Before the persist lane takes the tail, as what it takes is not stable yet.
    const entries = raft.log.takeCommitted(raft.settings.applyUnstable);
    const persist = this.takePersist();
    const apply = entries.length === 0 ? undefined : { entries, ack: this.applyAck(entries) };
    return { soft, reads, send, persist, apply };
  }

  private get hardChanged(): boolean {
    const { raft } = this;
    return (
      raft.term !== this.saidTerm ||
      raft.vote !== this.saidVote ||
      raft.log.committed !== this.saidCommit
    );
  }

  private takeSoft(): SoftState | undefined {
    const { leader, role } = this.raft;
    if (leader === this.saidLeader && role === this.saidRole) return undefined;
    this.saidLeader = leader;
    this.saidRole = role;
    return { leader, role };
  }

  private takePersist(): PersistWork | undefined {
    const { raft } = this;
    const { unstable } = raft.log;
    const hardChanged = this.hardChanged;
    if (!hardChanged && raft.afterPersist.length === 0 && !unstable.hasWork) return undefined;
    const { term, vote } = raft;
    const commit = raft.log.committed;
    const voteChanged = term !== this.saidTerm || vote !== this.saidVote;
    const hard = hardChanged ? { term, vote, commit } : undefined;
    this.saidTerm = term;
    this.saidVote = vote;
    this.saidCommit = commit;
    const entries = unstable.pending();
    const snapshot = unstable.hasSnapshotWork ? unstable.snapshot : undefined;
    unstable.handedOut();
    const acks = raft.afterPersist;
    raft.afterPersist = [];
    if (unstable.length > 0 || snapshot !== undefined) {
      // Vouches for the whole log, as an earlier acknowledgement may have come in an old term.
      const ack = raft.draft('persisted', raft.id);
      if (unstable.length > 0) {
        ack.index = raft.log.lastIndex;
        ack.logTerm = raft.log.lastTerm;
      }
      ack.snapshot = snapshot;
      acks.push(ack);
    }
    const sync = voteChanged || entries.length > 0 || snapshot !== undefined;
    return { hard, entries, snapshot, sync, acks };
  }

  private applyAck(entries: readonly Entry[]): Message {
    const ack = this.raft.draft('applied', this.raft.id);
    ack.term = 0;
    ack.index = entries[entries.length - 1]!.index;
    // The entries tell how many bytes come free; this message never leaves the node.
    ack.entries = entries;
    return ack;
  }
}

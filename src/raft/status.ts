/**
 * What a caller may look at: where a node stands, as plain numbers and copies. Looking never
 * changes anything; the acting half is RaftNode in node.ts.
 */
import type { ConfState, Index, NodeId, ProgressStatus, Role, Term } from './types';
import type { RaftState } from './state';

export class NodeStatus {
  constructor(protected readonly raft: RaftState) {}

  get id(): NodeId {
    return this.raft.id;
  }

  get term(): Term {
    return this.raft.term;
  }

  /** Who this node voted for in its term, or NOBODY. */
  get vote(): NodeId {
    return this.raft.vote;
  }

  /** The leader of this term as far as known, or NOBODY. */
  get leader(): NodeId {
    return this.raft.leader;
  }

  get role(): Role {
    return this.raft.role;
  }

  get commitIndex(): Index {
    return this.raft.log.committed;
  }

  get appliedIndex(): Index {
    return this.raft.log.applied;
  }

  get firstIndex(): Index {
    return this.raft.log.firstIndex;
  }

  get lastIndex(): Index {
    return this.raft.log.lastIndex;
  }

  /** Term of the entry at `index`; undefined outside the log. */
  termAt(index: Index): Term | undefined {
    return this.raft.log.term(index);
  }

  /** The configuration in force. */
  get conf(): ConfState {
    return this.raft.tracker.conf;
  }

  /** Who leadership is being transferred to, or NOBODY. */
  get transferee(): NodeId {
    return this.raft.transferee;
  }

  /**
   * Whether a member waits for a snapshot and the log offers none that serves: take one of the
   * applied state now. Cleared when one is sent.
   */
  get snapshotWanted(): boolean {
    return this.raft.snapshotWanted;
  }

  /** Data bytes proposed in this leader's term and not applied. */
  get uncommittedBytes(): number {
    return this.raft.uncommittedBytes;
  }

  /** Data bytes handed to the apply lane and not yet acknowledged. */
  get applyingBytes(): number {
    return this.raft.log.bytesApplying;
  }

  /** Reads that wait for a confirmation. */
  get pendingReads(): number {
    return this.raft.reads.size;
  }

  /** All members as this leader sees them, ascending by id; meaningless on other roles. */
  get progress(): readonly ProgressStatus[] {
    return this.raft.tracker.members.map((progress) => progress.status());
  }

  progressOf(id: NodeId): ProgressStatus | undefined {
    return this.raft.tracker.get(id)?.status();
  }

  /** The election timeout drawn for this round, in ticks. Set it to direct a scenario. */
  get electionTimeoutTicks(): number {
    return this.raft.electionTimeout;
  }

  set electionTimeoutTicks(ticks: number) {
    this.raft.electionTimeout = ticks;
  }
}

/**
 * One member as the leader sees it.
 *
 *   probe      one append at a time until the follower's log is found
 *   replicate  appends leave optimistically, as many as the window takes
 *   snapshot   nothing leaves until the snapshot is acknowledged or reported lost
 *
 * Invariant: matchIndex < nextIndex. Everything up to matchIndex is known to be stable on the
 * follower; entries in (matchIndex, nextIndex) are on their way.
 */
import type { Index, NodeId, ProgressState, ProgressStatus } from './types';
import { Inflights } from './inflights';

export class Progress {
  state: ProgressState = 'probe';
  matchIndex: Index = 0;
  nextIndex: Index;
  /** The largest commit index that was sent and may have arrived. */
  sentCommit: Index = 0;
  pendingSnapshot: Index = 0;
  recentActive = false;
  /** The next append must wait for an answer (probe sent, or the window is full). */
  flowPaused = false;
  /** The newest heartbeat round that this member answered, see reads.ts. */
  ackedRound = 0;
  readonly inflights: Inflights;

  constructor(
    readonly id: NodeId,
    nextIndex: Index,
    public learner: boolean,
    messagesMax: number,
    bytesMax: number,
  ) {
    this.nextIndex = nextIndex;
    this.inflights = new Inflights(messagesMax, bytesMax);
  }

  /** Back to what a new leader knows of a member. */
  restart(nextIndex: Index): void {
    this.resetTo('probe');
    this.matchIndex = 0;
    this.nextIndex = nextIndex;
    this.sentCommit = 0;
    this.recentActive = false;
    this.ackedRound = 0;
  }

  becomeProbe(): void {
    // After a snapshot the follower has at least that, if it arrived.
    const pending = this.state === 'snapshot' ? this.pendingSnapshot : 0;
    this.resetTo('probe');
    this.nextIndex = Math.max(this.matchIndex, pending) + 1;
    this.sentCommit = Math.min(this.sentCommit, this.nextIndex - 1);
  }

  becomeReplicate(): void {
    this.resetTo('replicate');
    this.nextIndex = this.matchIndex + 1;
  }

  becomeSnapshot(index: Index): void {
    this.resetTo('snapshot');
    this.pendingSnapshot = index;
    this.nextIndex = index + 1;
    this.sentCommit = index;
  }

  get paused(): boolean {
    return this.flowPaused || this.state === 'snapshot';
  }

  /** Records an append of `count` entries that ends at nextIndex + count - 1. */
  sentEntries(count: number, bytes: number): void {
    if (this.state === 'replicate') {
      if (count > 0) {
        this.nextIndex += count;
        this.inflights.add(this.nextIndex - 1, bytes);
      }
      // A message into a full window is a probe: one, and then wait.
      this.flowPaused = this.inflights.full;
    } else if (count > 0) {
      this.flowPaused = true;
    }
  }

  /** Whether an append now would tell the follower a commit index that it can use. */
  canBumpCommit(commit: Index): boolean {
    return commit > this.sentCommit && this.sentCommit < this.nextIndex - 1;
  }

  /** Everything up to `index` is stable there. False when that is no news. */
  acknowledge(index: Index): boolean {
    if (index <= this.matchIndex) return false;
    this.matchIndex = index;
    if (this.nextIndex <= index) this.nextIndex = index + 1;
    this.flowPaused = false;
    return true;
  }

  /**
   * The append after `rejected` was refused; the logs can match at `hint` at most. False when
   * the refusal is stale, which shows as it does not fit what is on its way.
   */
  decrease(rejected: Index, hint: Index): boolean {
    if (this.state === 'replicate') {
      if (rejected <= this.matchIndex) return false;
      this.nextIndex = this.matchIndex + 1;
      this.sentCommit = Math.min(this.sentCommit, this.nextIndex - 1);
      return true;
    }
    if (this.nextIndex - 1 !== rejected) return false;
    this.nextIndex = Math.max(Math.min(rejected, hint + 1), this.matchIndex + 1);
    this.sentCommit = Math.min(this.sentCommit, this.nextIndex - 1);
    this.flowPaused = false;
    return true;
  }

  status(): ProgressStatus {
    return {
      id: this.id,
      state: this.state,
      matchIndex: this.matchIndex,
      nextIndex: this.nextIndex,
      learner: this.learner,
      paused: this.paused,
      pendingSnapshot: this.pendingSnapshot,
      recentActive: this.recentActive,
      inflightMessages: this.inflights.count,
      inflightBytes: this.inflights.bytes,
      inflightsFull: this.inflights.full,
    };
  }

  private resetTo(state: ProgressState): void {
    this.state = state;
    this.flowPaused = false;
    this.pendingSnapshot = 0;
    this.inflights.reset();
  }
}

/**
 * What a leader believes of the others: the next entry to send lies behind what is known to
 * match, and what is known to match is there. A leader that a newer one has replaced may believe
 * what was true; the newest leader may not.
 */
import type { NodeId, ProgressStatus, Term } from '../../raft/types';
import type { Invariant, MemberView, Report } from './invariant';

/** Every so many changes of leaders the whole table is looked at; it costs a walk of it. */
const LOOK_EVERY = 8;

export class ReplicationProgress implements Invariant {
  readonly name = 'replicationProgress';
  readonly sentence = 'A leader sends what follows a match, and what matches is stable there.';
  private newestTerm: Term = 0;
  private changes = 0;

  /** `stableOf`: up to where a member's log was synced, its snapshot included. */
  constructor(
    private readonly report: Report,
    private readonly progressOf: (member: NodeId) => readonly ProgressStatus[],
    private readonly stableOf: (member: NodeId) => number,
  ) {}

  changed(member: MemberView): void {
    const { now, id } = member;
    if (now.term > this.newestTerm) this.newestTerm = now.term;
    if (now.role !== 'leader' || now.term < this.newestTerm) return;
    if (++this.changes % LOOK_EVERY !== 0) return;
    for (const { id: other, matchIndex, nextIndex } of this.progressOf(id)) {
      if (nextIndex <= matchIndex) {
        this.report(
          this,
          `n${id} takes entries up to ${matchIndex} of n${other} to match and sends ` +
            `${nextIndex} next`,
        );
      } else if (matchIndex > this.stableOf(other)) {
        this.report(
          this,
          `n${id} takes entries up to ${matchIndex} of n${other} to match, whose log is ` +
            `stable up to ${this.stableOf(other)}`,
        );
      }
    }
  }
}

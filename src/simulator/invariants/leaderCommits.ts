/**
 * Raft paper, section 5.3: the leader decides when an entry is committed, everybody else hears of
 * it. So the newest commit index of the cluster only ever grows at a leader. Who has stepped down
 * and goes on counting acknowledgements is caught here before anything is lost.
 *
 * Section 5.4.2: a leader counts only for entries of its own term, others are committed with
 * these. Who counts for older ones may see them replaced (figure 8); it is caught at the count.
 */
import type { Index } from '../../raft/types';
import type { Invariant, MemberView, Report } from './invariant';

export class LeaderCommits implements Invariant {
  readonly name = 'leaderCommits';
  readonly sentence =
    'Only a leader commits what nobody had committed before, up to an entry of its own term.';
  private commitIndex: Index = 0;

  constructor(private readonly report: Report) {}

  changed(member: MemberView): void {
    const { now, before, id } = member;
    if (now.commitIndex <= this.commitIndex) return;
    // It may have stepped down in the same event, after it had committed; and a new cluster begins
    // with entries that are committed from the start.
    if (before === undefined) {
      this.commitIndex = now.commitIndex;
      return;
    }
    if (now.role !== 'leader' && before.role !== 'leader') {
      this.report(
        this,
        `n${id}, ${now.role} in term ${now.term}, commits up to ${now.commitIndex}; ` +
          `no leader has committed more than ${this.commitIndex}`,
      );
    }
    this.commitIndex = now.commitIndex;
    const stays = now.role === 'leader' && before.role === 'leader' && now.term === before.term;
    const entryTerm = stays ? member.termAt(now.commitIndex) : now.term;
    if (entryTerm === undefined || entryTerm === now.term) return;
    this.report(
      this,
      `n${id} leads term ${now.term} and commits up to entry ${now.commitIndex}, which is of ` +
        `term ${entryTerm}`,
    );
  }
}

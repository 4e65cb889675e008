/** Raft paper, figure 3: two leaders of one term could commit different entries at one index. */
import type { NodeId, Term } from '../../raft/types';
import type { Invariant, MemberView, Report } from './invariant';

export class ElectionSafety implements Invariant {
  readonly name = 'electionSafety';
  readonly sentence = 'At most one member is leader in a term.';
  private readonly leaders = new Map<Term, NodeId>();

  constructor(private readonly report: Report) {}

  changed(member: MemberView): void {
    const { role, term } = member.now;
    if (role !== 'leader') return;
    const leader = this.leaders.get(term);
    if (leader === undefined) this.leaders.set(term, member.id);
    else if (leader !== member.id) {
      this.report(this, `n${leader} and n${member.id} are both leaders of term ${term}`);
    }
  }
}

/**
 * The heart of state machine safety (Raft paper, figure 3), seen before anything is applied: the
 * first member that commits an index fixes what stands there for all.
 */
import type { Invariant, MemberView, Report } from './invariant';
import type { Ledger } from './ledger';

export class CommitAgreement implements Invariant {
  readonly name = 'commitAgreement';
  readonly sentence = 'No two members commit different entries at the same index.';

  constructor(
    private readonly report: Report,
    private readonly ledger: Ledger,
  ) {}

  changed(member: MemberView): void {
    const { now, before } = member;
    const from = before === undefined ? now.commitIndex : before.commitIndex + 1;
    for (let index = Math.max(1, from); index <= now.commitIndex; index++) {
      const term = member.termAt(index);
      // A snapshot brought the commit index here; the state itself is compared when applied.
      if (term === undefined) continue;
      const committed = this.ledger.commitAt(index);
      if (committed === undefined) {
        this.ledger.commit(index, { term, by: member.id, inTerm: now.term });
      } else if (committed.term !== term) {
        this.report(
          this,
          `at index ${index} n${member.id} commits an entry of term ${term}, ` +
            `n${committed.by} committed one of term ${committed.term}`,
        );
        return;
      }
    }
  }
}

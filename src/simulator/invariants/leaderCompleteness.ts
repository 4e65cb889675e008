/**
 * Raft paper, figure 3 and section 5.4. Looked at when a member becomes leader: its log must hold
 * the newest entry that was committed in an earlier term; by log matching it then holds all
 * entries in front of that one too. A leader of an old term that wins late owes nothing to terms
 * after its own.
 */
import type { Invariant, MemberView, Report } from './invariant';
import type { Ledger } from './ledger';

export class LeaderCompleteness implements Invariant {
  readonly name = 'leaderCompleteness';
  readonly sentence = 'A leader holds every entry that was committed in an earlier term.';

  constructor(
    private readonly report: Report,
    private readonly ledger: Ledger,
  ) {}

  changed(member: MemberView): void {
    const { now, before } = member;
    if (now.role !== 'leader') return;
    if (before?.role === 'leader' && before.term === now.term) return;
    for (let index = this.ledger.commitIndex; index > 0; index--) {
      const committed = this.ledger.commitAt(index);
      if (committed === undefined || committed.inTerm >= now.term) continue;
      const term = member.termAt(index);
      // Compacted away: it was applied here, which other invariants compare.
      if (term === undefined && index < now.commitIndex) return;
      if (term !== committed.term) {
        this.report(
          this,
          `n${member.id} leads term ${now.term} ` +
            (term === undefined
              ? `without entry ${index}, which`
              : `with term ${term} at index ${index}, where term ${committed.term}`) +
            ` was committed by n${committed.by} in term ${committed.inTerm}`,
        );
      }
      return;
    }
  }
}

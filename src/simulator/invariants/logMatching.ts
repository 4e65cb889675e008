/**
 * Raft paper, figure 3. Checked by induction: when an entry is written, the entry of the same
 * index and term that anybody wrote before must hold the same data and must follow an entry of
 * the same term, for which the same was checked when it was written.
 */
import type { Entry, NodeId, Term } from '../../raft/types';
import type { LogWork } from '../../storage/logStore';
import type { Invariant, Report } from './invariant';
import type { Ledger } from './ledger';

export class LogMatching implements Invariant {
  readonly name = 'logMatching';
  readonly sentence =
    'Two logs that have an entry of the same index and term are the same up to that entry.';

  constructor(
    private readonly report: Report,
    private readonly ledger: Ledger,
  ) {}

  appending(member: NodeId, work: LogWork, previousTerm: Term | undefined): void {
    if (work.entries === undefined) return;
    let before = previousTerm;
    for (const entry of work.entries) {
      if (before === undefined) {
        this.report(this, `n${member} writes entry ${entry.index} behind a gap in its log`);
        return;
      }
      this.check(member, entry, before);
      before = entry.term;
    }
  }

  private check(member: NodeId, entry: Entry, previousTerm: Term): void {
    const known = this.ledger.entry(entry.index, entry.term);
    if (known === undefined) {
      this.ledger.write({ entry, previousTerm, by: member });
      return;
    }
    const place = `entry ${entry.index} of term ${entry.term}`;
    if (known.previousTerm !== previousTerm) {
      this.report(
        this,
        `${place} follows term ${known.previousTerm} at n${known.by} ` +
          `and term ${previousTerm} at n${member}`,
      );
    } else if (!sameData(known.entry, entry)) {
      this.report(this, `${place} holds other data at n${known.by} than at n${member}`);
    }
  }
}

/** Entries travel by reference, so the comparison of bytes is the exception. */
function sameData(left: Entry, right: Entry): boolean {
  if (left === right || left.data === right.data) return true;
  if (left.type !== right.type || left.data.length !== right.data.length) return false;
  return left.data.every((byte, i) => byte === right.data[i]);
}

/**
 * A log on disk is what the core has written to it and nothing else: an installed snapshot leaves
 * no entry of before behind it, and terms never go down along a log. What is left behind counts
 * after a restart, in elections and as a base for what a leader sends.
 */
import type { Index, NodeId, Term } from '../../raft/types';
import type { LogWork } from '../../storage/logStore';
import type { Invariant, MemberView, Report } from './invariant';

/** The log of a living member, what is not synced yet included. */
export interface LogOnDisk {
  firstIndex(): Index;
  lastIndex(): Index;
  term(index: Index): Term | undefined;
}

export class StoredLog implements Invariant {
  readonly name = 'storedLog';
  readonly sentence = 'A log ends with what was written last, and its terms never go down.';
  /** Where each log must end. */
  private readonly ends: Index[] = [];

  constructor(
    private readonly report: Report,
    private readonly logOf: (member: NodeId) => LogOnDisk,
  ) {}

  appending(member: NodeId, { snapshot, entries }: LogWork): void {
    this.compare(member);
    if (snapshot !== undefined) this.ends[member] = snapshot.index;
    const last = entries?.[entries.length - 1];
    if (last !== undefined) this.ends[member] = last.index;
  }

  synced(member: NodeId): void {
    this.compare(member);
  }

  changed({ id, before }: MemberView): void {
    if (before !== undefined) return;
    const log = this.logOf(id);
    this.ends[id] = log.lastIndex();
    let termBefore = 0;
    for (let index = log.firstIndex() - 1; index <= log.lastIndex(); index++) {
      const term = log.term(index) ?? 0;
      if (term < termBefore) {
        this.report(
          this,
          `n${id} restarts with term ${term} at index ${index}, behind term ${termBefore}`,
        );
        return;
      }
      termBefore = term;
    }
  }

  private compare(member: NodeId): void {
    const end = this.ends[member];
    const last = this.logOf(member).lastIndex();
    if (end === undefined || last === end) return;
    this.report(this, `the log of n${member} ends at ${last}, but the last write ended at ${end}`);
  }
}

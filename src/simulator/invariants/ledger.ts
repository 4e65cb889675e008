/**
 * The truth that all members must agree on: every entry that was ever written, and the chain of
 * those that were committed. Invariants that speak about the past of other members share it.
 */
import type { Entry, Index, NodeId, Term } from '../../raft/types';

/** An entry as first written by anybody, with the term of the entry in front of it. */
export interface WrittenEntry {
  readonly entry: Entry;
  readonly previousTerm: Term;
  readonly by: NodeId;
}

/** A committed entry: its term, and who was first seen to have it committed, in which term. */
export interface CommittedEntry {
  readonly term: Term;
  readonly by: NodeId;
  readonly inTerm: Term;
}

export class Ledger {
  private readonly written: (WrittenEntry[] | undefined)[] = [];
  private readonly committed: (CommittedEntry | undefined)[] = [];
  /** The largest index known to be committed. */
  commitIndex: Index = 0;

  /** The entry of this index and term, if anybody has written one. */
  entry(index: Index, term: Term): WrittenEntry | undefined {
    return this.written[index]?.find((known) => known.entry.term === term);
  }

  write(written: WrittenEntry): void {
    const { index } = written.entry;
    const known = this.written[index];
    if (known === undefined) this.written[index] = [written];
    else known.push(written);
  }

  commitAt(index: Index): CommittedEntry | undefined {
    return this.committed[index];
  }

  commit(index: Index, committed: CommittedEntry): void {
    this.committed[index] = committed;
    if (index > this.commitIndex) this.commitIndex = index;
  }
}

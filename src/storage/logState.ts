/**
 * What a log says after its records up to some point: hard state, snapshot, base (everything up
 * to it is forgotten) and where each live entry is. One set of transitions for the running log
 * and for its recovery, so that a restart cannot come to another conclusion.
 *
 * The rules a sane log keeps are checked on both ways: before writing they catch a bug of the
 * caller, at recovery they catch damage that checksums cannot see (a lost or foreign segment).
 */
import type { HardState, Index, SnapshotMetadata, Term } from '../raft/types';
import { EntryIndex } from './entryIndex';

export const ZERO_HARD_STATE: HardState = { term: 0, vote: 0, commit: 0 };

export class LogState {
  readonly entries = new EntryIndex();
  hard: HardState = ZERO_HARD_STATE;

  /** `lastIndex` beyond the base: those entries stand in segments that are not there. */
  constructor(
    public baseIndex: Index,
    public baseTerm: Term,
    public snapshot: SnapshotMetadata,
    lastIndex: Index,
  ) {
    this.entries.reset(lastIndex + 1);
  }

  get lastIndex(): Index {
    return this.entries.next - 1;
  }

  term(index: Index): Term | undefined {
    if (index === this.baseIndex) return this.baseTerm;
    if (index < this.entries.first || index >= this.entries.next) return undefined;
    return this.entries.term(index);
  }

  /** Why this entry cannot come next, or undefined when it can. It replaces those from it on. */
  entryProblem(index: Index, term: Term): string | undefined {
    if (index <= this.snapshot.index) {
      return `entry ${index} is not after the snapshot at ${this.snapshot.index}`;
    }
    if (index > this.lastIndex + 1) return `entry ${index} does not follow ${this.lastIndex}`;
    if (term > this.hard.term) {
      return `entry ${index} has term ${term}, beyond the hard state's ${this.hard.term}`;
    }
    const before = this.term(index - 1);
    if (before !== undefined && term < before) {
      return `entry ${index} has term ${term}, below the ${before} before it`;
    }
    return undefined;
  }

  addEntry(index: Index, term: Term, segment: number, offset: number, length: number): void {
    this.entries.dropFrom(index);
    this.entries.push(term, segment, offset, length);
  }

  hardProblem(hard: HardState): string | undefined {
    return hard.term < this.hard.term
      ? `the hard state's term goes from ${this.hard.term} back to ${hard.term}`
      : undefined;
  }

  /** At the end of a batch: a commit index past the last entry means that entries are lost. */
  commitProblem(): string | undefined {
    return this.hard.commit > this.lastIndex
      ? `the commit index ${this.hard.commit} is past the last entry ${this.lastIndex}`
      : undefined;
  }

  snapshotProblem(index: Index): string | undefined {
    return index > this.lastIndex
      ? `a snapshot at ${index} is past the last entry ${this.lastIndex}`
      : undefined;
  }

  installProblem(metadata: SnapshotMetadata): string | undefined {
    return metadata.index < Math.max(1, this.baseIndex)
      ? `a snapshot at ${metadata.index} is before the base ${this.baseIndex}`
      : undefined;
  }

  install(metadata: SnapshotMetadata): void {
    this.snapshot = metadata;
    this.baseIndex = metadata.index;
    this.baseTerm = metadata.term;
    this.entries.reset(metadata.index + 1);
  }

  compactProblem(index: Index): string | undefined {
    if (index < this.baseIndex) return `compaction goes from ${this.baseIndex} back to ${index}`;
    return index > this.snapshot.index
      ? `compaction to ${index} is past the snapshot at ${this.snapshot.index}`
      : undefined;
  }

  compact(index: Index, term: Term): void {
    this.baseIndex = index;
    this.baseTerm = term;
    this.entries.dropBefore(index + 1);
  }

  /** The oldest segment that the next recovery needs, given the one now written to. */
  firstSegmentNeeded(current: number): number {
    return this.entries.next > this.entries.first
      ? this.entries.segment(this.entries.first)
      : current;
  }
}

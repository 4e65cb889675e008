/**
 * The log as the core sees it: the stable part behind a LogReader, and the unstable tail.
 *
 *   applied <= applying <= committed <= last
 *
 * `applying` is what was handed to the apply lane. Everything up to `committed` is on a quorum
 * and never changes; only entries after it may be replaced by a leader's.
 */
import type { Entry, Index, LogReader, SnapshotMetadata, Term } from './types';
import type { Trace } from './trace';
import { fail } from './assert';
import { Unstable } from './unstable';

/** What an entry counts besides its data wherever bytes are limited. */
export const ENTRY_OVERHEAD_BYTES = 16;

const NO_ENTRIES: readonly Entry[] = Object.freeze([]);

/** Bytes an entry counts in messages, windows and the apply lane. */
export function entryBytes(entry: Entry): number {
  return entry.data.length + ENTRY_OVERHEAD_BYTES;
}

export function entriesBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entry.data.length + ENTRY_OVERHEAD_BYTES;
  return bytes;
}

export class RaftLog {
  readonly unstable: Unstable;
  committed: Index;
  applying: Index;
  applied: Index;
  private applyingBytes = 0;
  /** No more is handed out until the apply lane acknowledges something. */
  private applyingPaused = false;
  private last: Index;
  // The newest slice that was sent, shared by followers that are at the same place.
  private memoLow = 0;
  private memoBytesMax = 0;
  private memo: readonly Entry[] | undefined = undefined;

  constructor(
    private readonly reader: LogReader,
    private readonly maxApplyingBytes: number,
    private readonly trace: Trace | undefined,
  ) {
    const first = reader.firstIndex();
    this.last = reader.lastIndex();
    if (this.last < first - 1) fail(`last index ${this.last} is before first index ${first}`);
    this.unstable = new Unstable(this.last + 1, trace);
    this.committed = first - 1;
    this.applying = first - 1;
    this.applied = first - 1;
  }

  /** Where a restarted node stands: both indices must lie within the log. */
  resume(committed: Index, applied: Index): void {
    // A commit index is never synced by itself; the entries behind it may be lost with it.
    this.committed = Math.max(this.committed, Math.min(committed, this.last));
    if (applied > this.last) fail(`applied index ${applied} is past last index ${this.last}`);
    this.committed = Math.max(this.committed, applied);
    this.applied = Math.max(this.applied, applied);
    this.applying = this.applied;
  }

  get firstIndex(): Index {
    const snapshot = this.unstable.snapshot;
    return snapshot === undefined ? this.reader.firstIndex() : snapshot.index + 1;
  }

  get lastIndex(): Index {
    return this.last;
  }

  get lastTerm(): Term {
    const term = this.term(this.last);
    if (term === undefined) fail(`no term for last index ${this.last}`);
    return term;
  }

  /** Term at `index`, also just before the first entry; undefined outside. */
  term(index: Index): Term | undefined {
    const term = this.unstable.term(index);
    if (term !== undefined) return term;
    if (index > this.last || index + 1 < this.firstIndex) return undefined;
    return this.reader.term(index);
  }

  matches(index: Index, term: Term): boolean {
    return this.term(index) === term;
  }

  /** Whether a log that ends at (index, term) has all that ours can have committed. */
  isUpToDate(index: Index, term: Term): boolean {
    const own = this.lastTerm;
    return term > own || (term === own && index >= this.last);
  }

  /**
   * Entries in [low, high): at most `bytesMax`, but at least one if there is one. Undefined
   * when `low` is compacted away.
   */
  slice(low: Index, high: Index, bytesMax: number): readonly Entry[] | undefined {
    if (low >= high) return NO_ENTRIES;
    if (high > this.last + 1) fail(`entries [${low}, ${high}) are past last index ${this.last}`);
    const unstableFirst = this.unstable.first;
    if (low >= unstableFirst) return this.unstable.slice(low, this.limit(low, high, bytesMax));
    if (low < this.firstIndex) return undefined;
    const stableHigh = Math.min(high, unstableFirst);
    const stable = this.reader.entries(low, stableHigh, bytesMax);
    if (stable === undefined) return undefined;
    let bytes = 0;
    for (let i = 0; i < stable.length; i++) {
      bytes += entryBytes(stable[i]!);
      if (bytes > bytesMax && i > 0) return stable.slice(0, i);
    }
    if (low + stable.length < stableHigh || stableHigh === high || bytes >= bytesMax) return stable;
    const end = this.limit(unstableFirst, high, bytesMax - bytes);
    const head = entryBytes(this.unstable.at(unstableFirst));
    if (head > bytesMax - bytes) return stable;
    return [...stable, ...this.unstable.slice(unstableFirst, end)];
  }

  /** Entries from `low` to the end for a message, the same array while nothing changes. */
  entriesFrom(low: Index, bytesMax: number): readonly Entry[] | undefined {
    if (low > this.last) return NO_ENTRIES;
    if (this.memo !== undefined && this.memoLow === low && this.memoBytesMax === bytesMax) {
      return this.memo;
    }
    this.memo = this.slice(low, this.last + 1, bytesMax);
    this.memoLow = low;
    this.memoBytesMax = bytesMax;
    return this.memo;
  }

  snapshot(): SnapshotMetadata | undefined {
    return this.unstable.snapshot ?? this.reader.snapshot();
  }

  /** Appends entries that follow what is kept; committed entries are never replaced. */
  append(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    const first = entries[0]!.index;
    if (first <= this.committed) fail(`entry ${first} replaces committed ${this.committed}`);
    this.unstable.append(entries);
    this.last = entries[entries.length - 1]!.index;
    this.memo = undefined;
  }

  /**
   * What a follower does with a leader's entries: if our log matches at (prevIndex, prevTerm),
   * takes over what is new and returns the index of the last entry known to match; otherwise
   * undefined. Entries we have already are kept, with what follows them: an old message that
   * arrives late must not cut the log.
   */
  tryAppend(prevIndex: Index, prevTerm: Term, entries: readonly Entry[]): Index | undefined {
    if (!this.matches(prevIndex, prevTerm)) return undefined;
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]!;
      const own = this.term(entry.index);
      if (own === entry.term) continue;
      if (own !== undefined && entry.index <= this.last) {
        this.trace?.({
          kind: 'conflictFound',
          index: entry.index,
          existingTerm: own,
          conflictingTerm: entry.term,
        });
      }
      this.append(i === 0 ? entries : entries.slice(i));
      break;
    }
    return prevIndex + entries.length;
  }

  /**
   * The largest index up to `index` whose term is at most `term`: where two logs may match.
   * Its term is 0 when it is unknown, because it is compacted away or past the end.
   */
  findByTerm(index: Index, term: Term): { readonly index: Index; readonly term: Term } {
    for (let i = index; i > 0; i--) {
      const own = this.term(i);
      if (own === undefined) return { index: i, term: 0 };
      if (own <= term) return { index: i, term: own };
    }
    return { index: 0, term: 0 };
  }

  commitTo(index: Index): void {
    if (index <= this.committed) return;
    if (index > this.last) fail(`commit index ${index} is past last index ${this.last}`);
    this.committed = index;
  }

  restore(snapshot: SnapshotMetadata): void {
    this.trace?.({
      kind: 'restoreStarted',
      commitIndex: this.committed,
      appliedIndex: this.applied,
      applyingIndex: this.applying,
      unstableFirst: this.unstable.first,
      unstableNext: this.unstable.next,
      unstableLength: this.unstable.length,
      snapshot,
    });
    this.committed = snapshot.index;
    this.unstable.restore(snapshot);
    this.last = snapshot.index;
    this.memo = undefined;
  }

  /** Bytes that the apply lane was given and has not acknowledged. */
  get bytesApplying(): number {
    return this.applyingBytes;
  }

  /** Whether the apply lane can be given more. */
  hasCommitted(allowUnstable: boolean): boolean {
    return (
      !this.applyingPaused &&
      this.unstable.snapshot === undefined &&
      this.applying < this.appliable(allowUnstable)
    );
  }

  /** Committed entries for the apply lane, within its limit of bytes; they count from now on. */
  takeCommitted(allowUnstable: boolean): readonly Entry[] {
    if (!this.hasCommitted(allowUnstable)) return NO_ENTRIES;
    const low = this.applying + 1;
    const high = this.appliable(allowUnstable) + 1;
    const entries = this.slice(low, high, this.maxApplyingBytes - this.applyingBytes);
    if (entries === undefined) fail(`committed entry ${low} is compacted but not applied`);
    this.applying = entries[entries.length - 1]!.index;
    this.applyingBytes += entriesBytes(entries);
    this.applyingPaused = this.applyingBytes >= this.maxApplyingBytes || this.applying < high - 1;
    return entries;
  }

  /** The apply lane is done with everything up to `index`, `bytes` of what it was given. */
  appliedTo(index: Index, bytes: number): void {
    if (index > this.committed) fail(`applied ${index} is past committed ${this.committed}`);
    this.applied = Math.max(this.applied, index);
    this.applying = Math.max(this.applying, this.applied);
    this.applyingBytes = Math.max(0, this.applyingBytes - bytes);
    this.applyingPaused = this.applyingBytes >= this.maxApplyingBytes;
  }

  /** End of the unstable entries from `low` that fit: after at least one. */
  private limit(low: Index, high: Index, bytesMax: number): Index {
    if (bytesMax === Infinity) return high;
    let bytes = 0;
    for (let index = low; index < high; index++) {
      bytes += entryBytes(this.unstable.at(index));
      if (bytes > bytesMax && index > low) return index;
    }
    return high;
  }

  private appliable(allowUnstable: boolean): Index {
    return allowUnstable ? this.committed : Math.min(this.committed, this.unstable.first - 1);
  }
}

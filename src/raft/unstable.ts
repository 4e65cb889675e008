/**
 * The tail of the log that is not yet known to be stable, and a snapshot on its way to disk.
 *
 *            first              next                end
 *   ... stable | handed out, unack'd | not handed out |
 *
 * Entries leave it when the persist lane acknowledges them. An acknowledgement names the last
 * entry by (index, term), because the tail may have been replaced since it was handed out.
 */
import type { Entry, Index, SnapshotMetadata, Term } from './types';
import type { Trace } from './trace';

const NO_ENTRIES: readonly Entry[] = Object.freeze([]);

export class Unstable {
  private entries: Entry[] = [];
  private snapshotHandedOut = false;
  /** Index of the first unstable entry, were there one. */
  first: Index;
  /** Index of the first entry that was not handed out yet. */
  next: Index;
  snapshot: SnapshotMetadata | undefined = undefined;

  constructor(
    first: Index,
    private readonly trace: Trace | undefined,
  ) {
    this.first = first;
    this.next = first;
  }

  get length(): number {
    return this.entries.length;
  }

  get end(): Index {
    return this.first + this.entries.length;
  }

  /** Term of the entry or of the snapshot at `index`; undefined when it is not here. */
  term(index: Index): Term | undefined {
    if (index >= this.first) return this.entries[index - this.first]?.term;
    return this.snapshot !== undefined && this.snapshot.index === index
      ? this.snapshot.term
      : undefined;
  }

  /** Entries in [low, high), which must lie within the tail. */
  slice(low: Index, high: Index): readonly Entry[] {
    return this.entries.slice(low - this.first, high - this.first);
  }

  at(index: Index): Entry {
    return this.entries[index - this.first]!;
  }

  get hasWork(): boolean {
    return this.next < this.end || this.hasSnapshotWork;
  }

  get hasSnapshotWork(): boolean {
    return this.snapshot !== undefined && !this.snapshotHandedOut;
  }

  /** Entries for the persist lane. */
  pending(): readonly Entry[] {
    return this.next < this.end ? this.slice(this.next, this.end) : NO_ENTRIES;
  }

  /** Everything was handed out to the persist lane. */
  handedOut(): void {
    this.next = this.end;
    if (this.snapshot !== undefined) this.snapshotHandedOut = true;
  }

  /** Appends, and drops what was at or after the first new entry. */
  append(entries: readonly Entry[]): void {
    const from = entries[0]!.index;
    if (from === this.end) {
      for (const entry of entries) this.entries.push(entry);
    } else if (from <= this.first) {
      this.trace?.({ kind: 'unstableReplaced', index: from });
      this.entries = entries.slice();
      this.first = from;
      this.next = from;
    } else {
      this.trace?.({ kind: 'unstableTruncated', index: from });
      this.entries.length = from - this.first;
      for (const entry of entries) this.entries.push(entry);
      this.next = Math.min(this.next, from);
    }
  }

  /** The persist lane acknowledges everything up to the entry (index, term). */
  stableTo(index: Index, term: Term): void {
    const own = this.term(index);
    if (own === undefined) {
      this.trace?.({ kind: 'persistedIgnored', index, reason: 'gone' });
      return;
    }
    if (index < this.first) {
      this.trace?.({ kind: 'persistedIgnored', index, reason: 'snapshot' });
      return;
    }
    if (own !== term) {
      this.trace?.({ kind: 'persistedMismatch', index, term, ownTerm: own });
      return;
    }
    if (index + 1 === this.end) this.entries = [];
    else this.entries = this.entries.slice(index + 1 - this.first);
    this.first = index + 1;
    if (this.next < this.first) this.next = this.first;
  }

  /** The persist lane acknowledges the snapshot of that index. */
  snapshotStable(index: Index): void {
    if (this.snapshot === undefined || this.snapshot.index !== index) return;
    this.snapshot = undefined;
    this.snapshotHandedOut = false;
  }

  /** The log now is this snapshot and nothing else. */
  restore(snapshot: SnapshotMetadata): void {
    this.first = snapshot.index + 1;
    this.next = this.first;
    this.entries = [];
    this.snapshot = snapshot;
    this.snapshotHandedOut = false;
  }
}

/**
 * A LogReader in memory, with the writing half that a persist lane needs: for tests, the
 * conformance harness and simulations without a disk. Everything in it is stable.
 */
import type {
  ConfState,
  Entry,
  HardState,
  InitialState,
  Index,
  LogReader,
  SnapshotMetadata,
  Term,
} from './types';
import { NOBODY } from './types';
import { fail } from './assert';
import { entryBytes } from './log';
import { EMPTY_CONF } from './membership';

const EMPTY_HARD: HardState = Object.freeze({ term: 0, vote: NOBODY, commit: 0 });

export class MemoryLog implements LogReader {
  private hard: HardState = EMPTY_HARD;
  private conf: ConfState;
  private list: Entry[] = [];
  private first: Index = 1;
  /** Term at first - 1. */
  private previousTerm: Term = 0;
  private newest: SnapshotMetadata | undefined = undefined;

  /**
   * An empty log. `conf` is the configuration before the first entry; every member must begin
   * with the same, those that join later too. Otherwise begin with `applySnapshot`.
   */
  constructor(conf: ConfState = EMPTY_CONF) {
    this.conf = conf;
  }

  initialState(): InitialState {
    return { hard: this.hard, conf: this.conf };
  }

  firstIndex(): Index {
    return this.first;
  }

  lastIndex(): Index {
    return this.first + this.list.length - 1;
  }

  term(index: Index): Term | undefined {
    if (index === this.first - 1) return this.previousTerm;
    return this.list[index - this.first]?.term;
  }

  entries(low: Index, high: Index, bytesMax: number): readonly Entry[] | undefined {
    if (low < this.first || high > this.lastIndex() + 1) return undefined;
    let bytes = 0;
    let end = low;
    while (end < high) {
      bytes += entryBytes(this.list[end - this.first]!);
      if (bytes > bytesMax && end > low) break;
      end++;
    }
    return this.list.slice(low - this.first, end - this.first);
  }

  snapshot(): SnapshotMetadata | undefined {
    return this.newest;
  }

  setHardState(hard: HardState): void {
    this.hard = hard;
  }

  /** The configuration as of what is applied; a restarted node begins with it. */
  setConf(conf: ConfState): void {
    this.conf = conf;
  }

  /** Appends; entries at or after the first new one are replaced. */
  append(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    const from = entries[0]!.index;
    if (from < this.first || from > this.lastIndex() + 1) {
      fail(`entry ${from} does not continue the log [${this.first}, ${this.lastIndex()}]`);
    }
    this.list.length = from - this.first;
    for (const entry of entries) this.list.push(entry);
  }

  /** Names a snapshot of the state machine at `index`, which must be in the log. */
  createSnapshot(index: Index, conf: ConfState): SnapshotMetadata {
    const term = this.term(index);
    if (term === undefined) fail(`no term for a snapshot at ${index}`);
    if (this.newest === undefined || index > this.newest.index) {
      this.newest = { index, term, conf };
    }
    return this.newest;
  }

  /** Installs a received snapshot: replaces the whole log. Older ones are ignored. */
  applySnapshot(snapshot: SnapshotMetadata): void {
    if (this.newest !== undefined && snapshot.index <= this.newest.index) return;
    this.newest = snapshot;
    this.conf = snapshot.conf;
    this.first = snapshot.index + 1;
    this.previousTerm = snapshot.term;
    this.list = [];
  }

  /** Drops all entries up to `index`, which must be in the log. */
  compact(index: Index): void {
    if (index < this.first) return;
    const term = this.term(index);
    if (term === undefined) fail(`compacting up to ${index} past the last ${this.lastIndex()}`);
    this.list.splice(0, index + 1 - this.first);
    this.first = index + 1;
    this.previousTerm = term;
  }
}

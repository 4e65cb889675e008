/**
 * The promise that started all this: a member's log is bounded by its own options, whatever the
 * others do. What waits for a snapshot under way, for the disk and for a quorum comes on top, so
 * the bound here is generous; a log that is never compacted passes any.
 */
import type { NodeId } from '../../raft/types';
import type { Invariant, MemberView, Report } from './invariant';

export interface LogBound {
  readonly snapshotEntries: number;
  readonly catchUpEntries: number;
}

/** Entries that may come in while a snapshot is written and while a quorum is missing. */
const SLACK_ENTRIES = 300;

export class BoundedLog implements Invariant {
  readonly name = 'boundedLog';
  readonly sentence = 'The entries a member keeps are bounded, also while others lag or are down.';
  private readonly entriesMax: number;

  /** `keptBy` counts the entries in the log of a living member. */
  constructor(
    private readonly report: Report,
    bound: LogBound,
    private readonly keptBy: (member: NodeId) => number,
  ) {
    const { snapshotEntries, catchUpEntries } = bound;
    this.entriesMax = 2 * snapshotEntries + catchUpEntries + SLACK_ENTRIES;
  }

  changed({ id, now }: MemberView): void {
    if (now.lastIndex <= this.entriesMax) return;
    const kept = this.keptBy(id);
    if (kept <= this.entriesMax) return;
    this.report(this, `n${id} keeps ${kept} entries, more than ${this.entriesMax}`);
  }
}

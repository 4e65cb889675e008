/**
 * Raft thesis, section 4.1, as a rule of one log: a leader puts a change of the membership into
 * its log only when no other one waits there to be applied. Two changes at a time may leave two
 * majorities that have no member in common.
 */
import type { LogWork } from '../../storage/logStore';
import type { Entry, Index, NodeId, Term } from '../../raft/types';
import type { Invariant, Report } from './invariant';

/** A living member as this check sees it. */
export interface ChangeView {
  /** The term that it leads; undefined: none. */
  readonly leads: Term | undefined;
  readonly appliedIndex: Index;
  /** Entries of its log from `low` to the end. */
  entriesFrom(low: Index): readonly Entry[];
}

export class OneChange implements Invariant {
  readonly name = 'oneChange';
  readonly sentence = 'A leader begins a change of the membership when no other one is under way.';

  constructor(
    private readonly report: Report,
    private readonly viewOf: (member: NodeId) => ChangeView,
  ) {}

  appending(member: NodeId, { entries = [] }: LogWork): void {
    if (!entries.some(isChange)) return;
    const view = this.viewOf(member);
    const { leads, appliedIndex } = view;
    if (leads === undefined) return;
    const waiting = view.entriesFrom(appliedIndex + 1).filter(isChange);
    for (const entry of entries.filter(isChange)) {
      const before = waiting.filter(({ index }) => index < entry.index).pop();
      waiting.push(entry);
      if (before === undefined || entry.term !== leads || before.index <= appliedIndex) continue;
      this.report(
        this,
        `n${member} begins a change with entry ${entry.index} in term ${leads}, while that of ` +
          `entry ${before.index} is not applied (it has applied ${appliedIndex})`,
      );
      return;
    }
  }
}

function isChange({ type }: Entry): boolean {
  return type !== 'normal';
}

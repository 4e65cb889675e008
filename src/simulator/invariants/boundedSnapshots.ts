/**
 * A member writes one snapshot of its own at a time and receives one at a time, whatever the load:
 * each holds a view of the state and a file open, so more of them have no bound.
 */
import type { NodeId } from '../../raft/types';
import type { Invariant, MemberView, Report } from './invariant';

/** The directory of a member's snapshots. */
export interface SnapshotFiles {
  /** Changes whenever a file comes or goes. */
  readonly generation: number;
  list(): readonly string[];
}

const ENDINGS = ['.creating', '.receiving'] as const;

export class BoundedSnapshots implements Invariant {
  readonly name = 'boundedSnapshots';
  readonly sentence = 'A member writes one snapshot at a time, and receives one at a time.';
  private readonly generations: number[] = [];

  constructor(
    private readonly report: Report,
    private readonly filesOf: (member: NodeId) => SnapshotFiles,
  ) {}

  changed({ id }: MemberView): void {
    const files = this.filesOf(id);
    if (this.generations[id] === files.generation) return;
    this.generations[id] = files.generation;
    const names = files.list();
    for (const ending of ENDINGS) {
      const open = names.filter((name) => name.endsWith(ending));
      if (open.length > 1)
        this.report(this, `n${id} has ${open.length} at once: ${open.join(', ')}`);
    }
  }
}

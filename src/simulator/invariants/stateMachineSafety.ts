/**
 * Raft paper, figure 3, down to what clients see: every member applies the same entries, each
 * once and without a gap, and gets the same answer from each. Entry, answer and the content hash
 * of the whole state are compared at every index, after a snapshot was installed as well.
 */
import { Refused } from '../../kv';
import type { Applied, KvEvent } from '../../kv';
import type { Entry, Index, NodeId } from '../../raft/types';
import type { Invariant, Report } from './invariant';

interface AppliedEntry {
  readonly entry: Entry;
  readonly outcome: Applied | undefined;
  /** Of the whole state after the entry. */
  readonly hash: number;
  readonly by: NodeId;
}

export class StateMachineSafety implements Invariant {
  readonly name = 'stateMachineSafety';
  readonly sentence =
    'All members apply the same entries in the same order, with the same results.';
  private readonly chain: AppliedEntry[] = [];
  private readonly byRevision: (readonly KvEvent[])[] = [];
  /** Where each member is; undefined after a start or an installed snapshot. */
  private readonly positions: (Index | undefined)[] = [];

  constructor(private readonly report: Report) {}

  /** The member starts again, from whatever snapshot it has. */
  restarted(member: NodeId): void {
    this.positions[member] = undefined;
  }

  /** The member's state is now that of a snapshot which ends at `index`. */
  installed(member: NodeId, index: Index, hash: number): void {
    this.positions[member] = index;
    const known = this.chain[index];
    if (known === undefined || known.hash === hash) return;
    this.report(
      this,
      `n${member} installs a snapshot of index ${index} whose state differs from n${known.by}'s`,
    );
  }

  /** Every change of the store since its first revision, in order, as all members made it. */
  changes(): KvEvent[] {
    return this.chain.flatMap(({ outcome }) => outcome?.events ?? []);
  }

  /** The changes of one revision; undefined when nobody has applied it. */
  changesAt(revision: number): readonly KvEvent[] | undefined {
    return revision <= 1 ? [] : this.byRevision[revision];
  }

  applied(member: NodeId, entry: Entry, outcome: Applied | undefined, hash: number): void {
    const { index } = entry;
    const position = this.positions[member];
    if (position !== undefined && index !== position + 1) {
      this.report(this, `n${member} applies entry ${index} right after entry ${position}`);
      return;
    }
    this.positions[member] = index;
    const known = this.chain[index];
    if (known === undefined) {
      this.chain[index] = { entry, outcome, hash, by: member };
      if (outcome !== undefined && outcome.events.length > 0) {
        this.byRevision[outcome.revision] = outcome.events;
      }
    } else if (known.entry !== entry && !sameEntry(known.entry, entry)) {
      this.report(
        this,
        `at index ${index} n${member} applies ${describeEntry(entry)}, ` +
          `n${known.by} ${describeEntry(known.entry)}`,
      );
    } else if (!sameOutcome(known.outcome, outcome)) {
      this.report(
        this,
        `at index ${index} n${known.by} answers ${describeOutcome(known.outcome)}, ` +
          `n${member} ${describeOutcome(outcome)}`,
      );
    } else if (known.hash !== hash) {
      this.report(this, `after index ${index} the states of n${known.by} and n${member} differ`);
    }
  }
}

function sameEntry(left: Entry, right: Entry): boolean {
  if (left.term !== right.term || left.data.length !== right.data.length) return false;
  return left.data === right.data || left.data.every((byte, i) => byte === right.data[i]);
}

function sameOutcome(left: Applied | undefined, right: Applied | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  if (left.revision !== right.revision || left.events.length !== right.events.length) return false;
  for (let i = 0; i < left.events.length; i++) {
    const a = left.events[i]!;
    const b = right.events[i]!;
    if (a.type !== b.type || a.kv.key !== b.kv.key || a.kv.version !== b.kv.version) return false;
  }
  return resultName(left) === resultName(right);
}

function resultName({ result }: Applied): string {
  return result instanceof Refused ? result.message : result.kind;
}

function describeEntry(entry: Entry): string {
  return `an entry of term ${entry.term} with ${entry.data.length} bytes`;
}

function describeOutcome(outcome: Applied | undefined): string {
  if (outcome === undefined) return 'nothing';
  const { revision, events } = outcome;
  return `'${resultName(outcome)}' at revision ${revision} with ${events.length} events`;
}

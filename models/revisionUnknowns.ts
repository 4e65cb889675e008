/**
 * The operations of unknown outcome of a part by what they can do, each list in the order in which
 * they can have taken effect.
 *
 * An operation can have made a revision if it was called before the earliest answer that
 * presupposes that revision.
 */

import type { Part } from './checker/decider';
import { Candidates } from './revisionMatching';
import type { Plan } from './revisionPlan';
import type { Change, RevisionedStore } from './revisionedStore';

/** The operations of unknown outcome by what they can do. */
export class Unknowns {
  /** The first gap that an operation can have made, and the first revision. */
  readonly firstGap: Int32Array;
  readonly firstRevision: Int32Array;
  readonly changesOf: (readonly Change[])[];
  private readonly lists = new Map<string, Candidates>();
  private readonly members = new Map<string, number[]>();

  constructor(
    part: Part,
    private readonly store: RevisionedStore,
    plan: Plan,
    deadlines: Float64Array,
    gapsUpTo: Int32Array,
  ) {
    const count = part.operations.length;
    this.firstGap = new Int32Array(count);
    this.firstRevision = new Int32Array(count);
    this.changesOf = new Array<readonly Change[]>(count);
    // By their calls, so the first gaps ascend.
    for (const i of plan.unknown) {
      const rev = firstAtOrAfter(deadlines, part.call[i]!);
      this.firstRevision[i] = rev;
      this.firstGap[i] = gapsUpTo[Math.max(0, Math.min(rev, plan.last + 1) - 1)]!;
      const operation = part.operations[i]!;
      const changes = this.store.possibleChanges(operation);
      this.changesOf[i] = changes;
      for (const key of new Set(changes.map((change) => change.key))) this.enter(anyOf(key), i);
      if (changes.some(({ value }) => value === undefined)) this.enter(deletions, i);
      for (const change of changes) this.enter(anyTo(change), i);
      if (changes.length !== 1) continue;
      const { key } = changes[0]!;
      const found = this.store.found?.(operation);
      if (found !== undefined) this.enter(casFrom({ ...changes[0]!, value: found.value }), i);
      else if (!this.store.isConditional(operation)) {
        this.enter(plainOf(key), i);
        this.enter(plainTo(changes[0]!), i);
      }
    }
  }

  private enter(name: string, i: number): void {
    const members = this.members.get(name);
    if (members === undefined) this.members.set(name, [i]);
    else members.push(i);
  }

  /** Forgets which entries were passed over, after operations were freed. */
  reset(): void {
    this.lists.clear();
  }

  list(name: string): Candidates | undefined {
    const known = this.lists.get(name);
    if (known !== undefined) return known;
    const members = this.members.get(name);
    if (members === undefined) return undefined;
    const list = new Candidates(Int32Array.from(members), this.firstGap);
    this.lists.set(name, list);
    return list;
  }
}

export const deletions = 'deletions';
export const anyOf = (key: string): string => `any ${key}`;
export const plainOf = (key: string): string => `plain ${key}`;
const named = (what: string, { key, value }: Change): string =>
  `${what} ${key} ${JSON.stringify(value)}`;
export const anyTo = (change: Change): string => named('to', change);
export const plainTo = (change: Change): string => named('plain to', change);
export const casFrom = (change: Change): string => named('cas from', change);

/** The first revision that a deadline allows; deadlines ascend. */
function firstAtOrAfter(deadlines: Float64Array, call: number): number {
  let low = 0;
  let high = deadlines.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (deadlines[middle]! < call) low = middle + 1;
    else high = middle;
  }
  return low;
}

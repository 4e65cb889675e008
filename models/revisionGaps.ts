/**
 * Finds the operations of unknown outcome that made the revisions nobody claims, where the
 * assignment beforehand could not: at each revision with the replica at hand.
 *
 * A gap with a trace (a watcher or a later read shows what it did) takes a candidate that does
 * just that; candidates to the same end are as good as each other, but a conditional one that fits
 * now may fit nowhere else and goes first. A gap without a trace takes the first change that can
 * have happened: a guess, if there is more than one.
 */

import type { Part } from './checker/decider';
import type { Plan } from './revisionPlan';
import { NOBODY, sameValue } from './revisionedStore';
import type { Change, Replica, RevisionedStore } from './revisionedStore';

/** Looks at candidates for gaps without a trace, over the whole sweep. */
const looksMax = 200_000;

/** Lists by key and new value. Values that are no scalars are told apart by their JSON. */
class ByChange {
  /** The operations that delete something, which may hold any key. */
  readonly deletions: number[] = [];
  private readonly lists = new Map<string, Map<unknown, number[]>>();

  add({ key, value }: Change, i: number): void {
    let values = this.lists.get(key);
    if (values === undefined) this.lists.set(key, (values = new Map<unknown, number[]>()));
    const name = scalar(value);
    const list = values.get(name);
    if (list === undefined) values.set(name, [i]);
    else list.push(i);
  }

  get({ key, value }: Change): readonly number[] | undefined {
    return this.lists.get(key)?.get(scalar(value));
  }
}

function scalar(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value;
}

export class Gaps {
  /** Whether a choice was made that another one could have replaced. */
  guessed: boolean;
  private looks = 0;
  private readonly used = new Set<number>();
  private indexed: ByChange | undefined;

  /** `assigned`: who made each revision, as far as that was found out beforehand. */
  constructor(
    private readonly part: Part,
    private readonly store: RevisionedStore,
    private readonly plan: Plan,
    private readonly replica: Replica,
    private readonly deadlines: Float64Array,
    private readonly assigned: Int32Array | undefined,
  ) {
    this.guessed = assigned?.some((maker) => maker !== NOBODY) ?? false;
  }

  /** The operation that made a revision; undefined when none can have. */
  fill(rev: number): number | undefined {
    const assigned = this.assigned?.[rev] ?? NOBODY;
    if (assigned !== NOBODY) return assigned;
    const trace = this.plan.traces.get(rev);
    const found = trace === undefined ? this.guess(rev) : this.follow(rev, trace);
    if (found !== undefined) this.used.add(found);
    return found;
  }

  /** Whether no operation at all could leave such a trace, whatever was guessed before. */
  isImpossible(rev: number): boolean {
    const trace = this.plan.traces.get(rev);
    return trace !== undefined && this.candidates(rev, trace).length === 0;
  }

  private get unknown(): ByChange {
    if (this.indexed !== undefined) return this.indexed;
    this.indexed = new ByChange();
    for (const i of this.plan.unknown) {
      let deletes = false;
      for (const change of this.store.possibleChanges(this.part.operations[i]!)) {
        this.indexed.add(change, i);
        deletes ||= change.value === undefined;
      }
      if (deletes) this.indexed.deletions.push(i);
    }
    return this.indexed;
  }

  /** Operations called early enough whose requests name the change. */
  private candidates(rev: number, trace: readonly Change[]): readonly number[] {
    const named = this.unknown.get(trace[0]!) ?? [];
    const ranges = trace[0]!.value === undefined ? this.unknown.deletions : [];
    const all = ranges.length === 0 ? named : [...new Set([...named, ...ranges])];
    return all.filter((i) => this.part.call[i]! <= this.deadlines[rev]!);
  }

  private follow(rev: number, trace: readonly Change[]): number | undefined {
    const isComplete = rev <= this.plan.watchedTo;
    let best: number | undefined;
    for (const i of this.candidates(rev, trace)) {
      if (this.used.has(i)) continue;
      const operation = this.part.operations[i]!;
      const changes = this.replica.changes(operation);
      if (!explains(changes, trace) || (isComplete && changes.length !== trace.length)) continue;
      if (best === undefined) {
        best = i;
        continue;
      }
      if (!this.areAlike(best, i)) this.guessed = true;
      const isBestConditional = this.store.isConditional(this.part.operations[best]!);
      if (!isBestConditional && this.store.isConditional(operation)) best = i;
    }
    return best;
  }

  /** Whether both change one key only, so that the plainer can later stand in for the other. */
  private areAlike(a: number, b: number): boolean {
    return [a, b].every((i) => this.store.possibleChanges(this.part.operations[i]!).length === 1);
  }

  private guess(rev: number): number | undefined {
    let best: number | undefined;
    for (const i of this.plan.unknown) {
      if (this.used.has(i) || this.part.call[i]! > this.deadlines[rev]!) continue;
      if (++this.looks > looksMax) {
        this.guessed = true;
        return best;
      }
      if (this.replica.changes(this.part.operations[i]!).length === 0) continue;
      if (best !== undefined) {
        this.guessed = true;
        break;
      }
      best = i;
    }
    return best;
  }
}

function explains(changes: readonly Change[], trace: readonly Change[]): boolean {
  return trace.every(({ key, value }) =>
    changes.some((change) => change.key === key && sameValue(change.value, value)),
  );
}

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

/** Operations of which each can stand in for each other, by their calls, and how many are used. */
interface Alike {
  readonly operations: number[];
  next: number;
}

/** Those that can leave one value under one key. */
class Makers {
  /** By what they compare with: of each group the first unused is as good as any other. */
  readonly groups = new Map<unknown, Alike>();
  /** Those whose change may come with others, or hang on more than the value of the key. */
  readonly others: number[] = [];

  add(i: number, group: unknown): void {
    const alike = this.groups.get(group);
    if (alike === undefined) this.groups.set(group, { operations: [i], next: 0 });
    else alike.operations.push(i);
  }
}

/** A plain write compares with nothing. */
const plain = Symbol('plain');

/** Lists by key and new value. Values that are no scalars are told apart by their JSON. */
class ByChange {
  /** The operations that delete something, which may hold any key. */
  readonly deletions: number[] = [];
  private readonly makers = new Map<string, Map<unknown, Makers>>();

  of({ key, value }: Change): Makers {
    let values = this.makers.get(key);
    if (values === undefined) this.makers.set(key, (values = new Map<unknown, Makers>()));
    const name = scalar(value);
    let makers = values.get(name);
    if (makers === undefined) values.set(name, (makers = new Makers()));
    return makers;
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
    if (trace === undefined) return false;
    const { groups, others } = this.unknown.of(trace[0]!);
    const deletions = trace[0]!.value === undefined ? this.unknown.deletions : [];
    const lists = [...groups.values()].map(({ operations }) => operations);
    return [...lists, others, deletions].every((list) =>
      list.every((i) => this.part.call[i]! > this.deadlines[rev]!),
    );
  }

  private get unknown(): ByChange {
    if (this.indexed !== undefined) return this.indexed;
    const { store, part } = this;
    this.indexed = new ByChange();
    for (const i of this.plan.unknown) {
      const operation = part.operations[i]!;
      const changes = store.possibleChanges(operation);
      const found = store.found?.(operation);
      const isPlain = found === undefined && !store.isConditional(operation);
      for (const change of changes) {
        const makers = this.indexed.of(change);
        if (changes.length !== 1 || (found === undefined && !isPlain)) makers.others.push(i);
        else makers.add(i, isPlain ? plain : scalar(found!.value));
      }
      if (changes.some(({ value }) => value === undefined)) this.indexed.deletions.push(i);
    }
    return this.indexed;
  }

  /**
   * Operations called early enough whose requests name the change; of those that are alike the
   * first that is unused.
   */
  private candidates(rev: number, trace: readonly Change[]): readonly number[] {
    const deadline = this.deadlines[rev]!;
    const isInTime = (i: number): boolean => this.part.call[i]! <= deadline;
    const { groups, others } = this.unknown.of(trace[0]!);
    const found = new Set<number>();
    for (const alike of groups.values()) {
      const { operations } = alike;
      while (alike.next < operations.length && this.used.has(operations[alike.next]!)) alike.next++;
      const first = operations[alike.next];
      if (first !== undefined && isInTime(first)) found.add(first);
    }
    for (const i of others) if (isInTime(i)) found.add(i);
    if (trace[0]!.value === undefined) {
      for (const i of this.unknown.deletions) if (isInTime(i)) found.add(i);
    }
    return [...found];
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

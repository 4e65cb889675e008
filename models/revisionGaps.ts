/**
 * Finds the operations of unknown outcome that made the revisions nobody claims.
 *
 * A gap with a trace (a watcher or a later read shows what it did) takes a candidate that does
 * just that; candidates to the same end are as good as each other, but a conditional one that fits
 * now may fit nowhere else and goes first. A gap without a trace takes a change that no later look
 * contradicts: a guess, if there is more than one.
 */

import type { Part } from './checker/decider';
import type { Plan } from './revisionPlan';
import { NOBODY, sameValue } from './revisionedStore';
import type { Change, Replica, RevisionedStore, Sight } from './revisionedStore';

/** Looks at candidates for gaps without a trace, over the whole sweep. */
const looksMax = 2_000_000;

/** Lists by key and new value. Values that are no scalars are told apart by their JSON. */
class ByChange {
  /** The operations that delete a range, which may hold any key. */
  readonly deletions: number[] = [];
  private readonly lists = new Map<string, Map<unknown, number[]>>();
  private readonly keys = new Map<string, number[]>();

  add({ key, value }: Change, i: number): void {
    const ofKey = this.keys.get(key);
    if (ofKey === undefined) this.keys.set(key, [i]);
    else ofKey.push(i);
    let values = this.lists.get(key);
    if (values === undefined) this.lists.set(key, (values = new Map<unknown, number[]>()));
    const name = scalar(value);
    const list = values.get(name);
    if (list === undefined) values.set(name, [i]);
    else list.push(i);
  }

  ofKey(key: string): readonly number[] {
    return this.keys.get(key) ?? [];
  }

  get({ key, value }: Change): readonly number[] | undefined {
    return this.lists.get(key)?.get(scalar(value));
  }
}

function scalar(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value;
}

/** A change whose revision is known; `found` is what it replaced, where that is certain. */
interface KnownChange {
  readonly rev: number;
  readonly value: unknown;
  readonly found: Change | undefined;
}

/**
 * Something that an operation saw and that no known change explains: that a key had a value, or
 * (`isOther`) that it had another one.
 */
interface Demand extends Change {
  readonly isOther: boolean;
  readonly after: number;
  readonly before: number;
}

export class Gaps {
  /** Whether a choice was made that another one could have replaced. */
  guessed = false;
  private looks = 0;
  private readonly used = new Set<number>();
  private readonly unknown = new ByChange();
  private demanded: ByChange | undefined;
  private known: Map<string, KnownChange[]> | undefined;
  private demands: Demand[] = [];
  private looksAtKey: Map<string, { readonly at: number; readonly mod: number }[]> | undefined;

  constructor(
    private readonly part: Part,
    private readonly store: RevisionedStore,
    private readonly plan: Plan,
    private readonly replica: Replica,
    private readonly deadlines: Float64Array,
  ) {
    if (!plan.makers.includes(NOBODY, store.initialRevision + 1)) return;
    for (const i of plan.unknown) {
      let deletes = false;
      for (const change of store.possibleChanges(part.operations[i]!)) {
        this.unknown.add(change, i);
        deletes ||= change.value === undefined;
      }
      if (deletes) this.unknown.deletions.push(i);
    }
  }

  /** The operation that made a revision; undefined when none can have. */
  fill(rev: number): number | undefined {
    const trace = this.plan.traces.get(rev);
    const found = trace === undefined ? this.guess(rev) : this.follow(rev, trace);
    if (found === undefined) return undefined;
    this.used.add(found);
    if (this.demands.length > 0) {
      const changes = this.replica.changes(this.part.operations[found]!);
      this.demands = this.demands.filter(
        (demand) =>
          demand.before > rev &&
          (demand.after >= rev || !changes.some((change) => isServed(demand, change))),
      );
    }
    return found;
  }

  /** Whether no operation at all could leave such a trace, whatever was guessed before. */
  isImpossible(rev: number): boolean {
    const trace = this.plan.traces.get(rev);
    return trace !== undefined && this.candidates(rev, trace).length === 0;
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

  /** The change that somebody needs soonest, if a candidate can have made it. */
  private serve(rev: number): number | undefined {
    if (this.known === undefined) this.indexKnown();
    for (const demand of this.demands) {
      if (demand.after >= rev || demand.before <= rev) continue;
      const candidates = demand.isOther
        ? this.unknown.ofKey(demand.key)
        : (this.unknown.get(demand) ?? []);
      const found = candidates.find((i) => this.canServe(i, demand, rev));
      if (found === undefined) continue;
      // Another gap, or another change, might have served as well.
      this.guessed = true;
      return found;
    }
    return undefined;
  }

  private canServe(i: number, demand: Demand, rev: number): boolean {
    if (this.used.has(i) || this.part.call[i]! > this.deadlines[rev]!) return false;
    const changes = this.replica.changes(this.part.operations[i]!);
    return (
      changes.some((change) => isServed(demand, change)) &&
      !changes.some((change) => this.isContradicted(change, rev))
    );
  }

  /** Known changes of each key by revision, and what was seen that none of them wrote. */
  private indexKnown(): void {
    const { makers, traces, last, starts, observers } = this.plan;
    this.known = new Map();
    for (let rev = this.store.initialRevision + 1; rev <= last; rev++) {
      const maker = makers[rev] === NOBODY ? this.onlyCandidate(rev) : makers[rev]!;
      const operation = maker === undefined ? undefined : this.part.operations[maker]!;
      const found = operation && this.store.found?.(operation);
      const changes =
        makers[rev] === NOBODY ? traces.get(rev) : this.store.possibleChanges(operation!);
      for (const { key, value } of changes ?? []) {
        let list = this.known.get(key);
        if (list === undefined) this.known.set(key, (list = []));
        const before = list.at(-1);
        if (found !== undefined && !(before && sameValue(before.value, found.value))) {
          this.demands.push({ ...found, isOther: false, after: before?.rev ?? 0, before: rev });
        }
        list.push({ rev, value, found });
      }
      for (let at = starts[rev]!; at < starts[rev + 1]!; at++) {
        const missed = this.store.missed?.(this.part.operations[observers[at]!]!);
        const before = missed && this.known.get(missed.key)?.at(-1);
        if (missed === undefined || before === undefined) continue;
        if (!sameValue(before.value, missed.value)) continue;
        this.demands.push({ ...missed, isOther: true, after: before.rev, before: rev + 1 });
      }
    }
  }

  /** The operation that a trace names beyond doubt. */
  private onlyCandidate(rev: number): number | undefined {
    const trace = this.plan.traces.get(rev);
    const candidates = trace === undefined ? [] : this.candidates(rev, trace);
    return candidates.length === 1 ? candidates[0] : undefined;
  }

  private guess(rev: number): number | undefined {
    const served = this.serve(rev);
    if (served !== undefined) return served;
    let best: number | undefined;
    let spare: number | undefined;
    for (const i of this.plan.unknown) {
      if (this.used.has(i) || this.part.call[i]! > this.deadlines[rev]!) continue;
      if (++this.looks > looksMax) {
        this.guessed = true;
        return undefined;
      }
      const changes = this.replica.changes(this.part.operations[i]!);
      if (changes.length === 0) continue;
      if (changes.some((change) => this.isContradicted(change, rev))) continue;
      if (best !== undefined || spare !== undefined) this.guessed = true;
      if (changes.some((change) => this.isDemanded(change))) spare ??= i;
      else best ??= i;
      if (this.guessed && best !== undefined) break;
    }
    return best ?? spare;
  }

  /** Whether another gap is known to hold this change. */
  private isDemanded(change: Change): boolean {
    if (this.demanded === undefined) {
      this.demanded = new ByChange();
      for (const [rev, trace] of this.plan.traces) {
        for (const known of trace) this.demanded.add(known, rev);
      }
    }
    return this.demanded.get(change) !== undefined;
  }

  /** Whether the next look at the key shows that this did not happen at the revision. */
  private isContradicted({ key, value }: Change, rev: number): boolean {
    const next = this.known?.get(key)?.find((change) => change.rev > rev);
    if (next?.found !== undefined && !sameValue(next.found.value, value)) return true;
    const look = this.nextLook(key, rev);
    if (look === undefined || look.mod >= rev) return false;
    if (look.mod > 0) return true;
    // A missing key was deleted since, or never changed.
    return value !== undefined && !this.store.hasDeletes;
  }

  private nextLook(key: string, rev: number): { readonly mod: number } | undefined {
    this.looksAtKey ??= this.indexLooks();
    const looks = this.looksAtKey.get(key) ?? [];
    let low = 0;
    let high = looks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (looks[middle]!.at < rev) low = middle + 1;
      else high = middle;
    }
    return looks[low];
  }

  private indexLooks(): Map<string, { readonly at: number; readonly mod: number }[]> {
    const index = new Map<string, { readonly at: number; readonly mod: number }[]>();
    const enter = ({ key, mod, at }: Sight, rev: number): void => {
      const look = { at: at ?? rev, mod };
      const known = index.get(key);
      if (known === undefined) index.set(key, [look]);
      else known.push(look);
    };
    for (const i of this.plan.observers) {
      const operation = this.part.operations[i]!;
      if (operation.outcome !== 'ok') continue;
      for (const sight of this.store.sights(operation)) enter(sight, operation.rev!);
    }
    for (const looks of index.values()) looks.sort((a, b) => a.at - b.at);
    return index;
  }
}

function isServed({ key, value, isOther }: Demand, change: Change): boolean {
  return change.key === key && sameValue(change.value, value) !== isOther;
}

function explains(changes: readonly Change[], trace: readonly Change[]): boolean {
  return trace.every(({ key, value }) =>
    changes.some((change) => change.key === key && sameValue(change.value, value)),
  );
}

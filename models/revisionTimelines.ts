/**
 * What the known revisions leave open for those without a trace, key by key.
 *
 * Between two known changes of a key any number of unknown changes may hide, but not before an
 * answer that saw the first of the two as the last. So each key has *ranges* of gaps. Where a
 * known cas found another value than the last known one, or a failed cas missed a value that
 * should have been there, some unknown change must hide: a *demand*. A demand without a gap to
 * hide in, and an answer that denies a known change, hold against every choice.
 */

import type { Part } from './checker/decider';
import type { Plan } from './revisionPlan';
import { NOBODY, sameValue } from './revisionedStore';
import type { Change, Fault, RevisionedStore, Sight } from './revisionedStore';

/** A value that a failed cas did not find, and the number of gaps before it looked. */
export interface Miss {
  readonly operation: number;
  readonly value: unknown;
  readonly gaps: number;
}

/** Gaps [from, to) in which unknown changes of a key may stand. */
export interface Range {
  readonly key: string;
  from: number;
  readonly to: number;
  /** The value at its start. */
  value: unknown;
  /** What must not be there when a failed cas looks. */
  readonly misses: readonly Miss[];
  /** The only value that may be left there, if the next known change found it. */
  readonly only?: { readonly is: unknown };
}

/** A change of the key in one of the gaps [from, to), and none behind it before `end`. */
export interface Demand {
  readonly key: string;
  readonly from: number;
  readonly to: number;
  readonly end: number;
  /** Beyond `to`, where it may still stand when another change comes first. */
  readonly until: number;
  /** The value before it. */
  readonly start: unknown;
  /** The value it must leave; undefined when any will do that no later cas missed. */
  readonly value: { readonly is: unknown } | undefined;
  readonly misses: readonly Miss[];
}

export interface Timelines {
  readonly ranges: Range[];
  readonly demands: Demand[];
  /** The ranges by looks and known changes alone: nothing outside of them is possible. */
  readonly widest: Range[];
}

interface KeyState {
  readonly key: string;
  value: unknown;
  /** The last known change, and the operation that made it if that is known. */
  rev: number;
  maker: number;
  /** Number of gaps up to the last look at that change. */
  gaps: number;
  misses: Miss[];
}

/** The operations of unknown outcome that make a traced revision, if a choice was made. */
export interface TracedMaker {
  /** What the change must have found, if that matters. */
  readonly found: Change | undefined;
}

/** Chooses who made a revision with a trace, given the value before; undefined when nobody can. */
export type ChooseMaker = (
  rev: number,
  change: Change,
  before: unknown,
  isShut: boolean,
) => TracedMaker | undefined;

/** Undefined when changes are not known well enough to be sorted by key. */
export class TimelineReader {
  private readonly keys = new Map<string, KeyState>();
  private readonly timelines: Timelines = { ranges: [], demands: [], widest: [] };
  private gapsSoFar = 0;
  private isIncomplete = false;

  constructor(
    private readonly part: Part,
    private readonly store: RevisionedStore,
    private readonly plan: Plan,
    private readonly choose: ChooseMaker,
  ) {}

  /** Whether something could not be told: then the ranges and demands are of no use. */
  get isVague(): boolean {
    return this.isIncomplete;
  }

  read(): Timelines | Fault {
    const { plan, store } = this;
    const past = this.pastSights();
    for (let rev = store.initialRevision; rev <= plan.last; rev++) {
      if (rev > store.initialRevision) {
        const fault = this.change(rev);
        if (fault !== undefined) return fault;
      }
      for (let at = plan.starts[rev]!; at < plan.starts[rev + 1]!; at++) {
        const fault = this.observe(plan.observers[at]!, rev);
        if (fault !== undefined) return fault;
      }
      for (const { operation, sight } of past.get(rev) ?? []) {
        const fault = this.look(operation, sight, rev);
        if (fault !== undefined) return fault;
      }
    }
    for (const i of plan.unknown) {
      // A key that nothing known touches is open from the first gap to the last.
      for (const { key } of store.possibleChanges(this.part.operations[i]!)) this.stateOf(key);
    }
    for (const state of this.keys.values()) this.close(state, undefined);
    return this.timelines;
  }

  private stateOf(key: string): KeyState {
    let state = this.keys.get(key);
    if (state === undefined) {
      const { initialRevision, missingValue } = this.store;
      const start = { value: missingValue, rev: initialRevision, maker: NOBODY, gaps: 0 };
      this.keys.set(key, (state = { key, ...start, misses: [] }));
    }
    return state;
  }

  /** Reads of the past, by the revision they looked at. */
  private pastSights(): Map<number, { readonly operation: number; readonly sight: Sight }[]> {
    const past = new Map<number, { readonly operation: number; readonly sight: Sight }[]>();
    if (!this.store.hasPast) return past;
    for (const operation of this.plan.observers) {
      for (const sight of this.store.sights(this.part.operations[operation]!)) {
        if (sight.at === undefined) continue;
        const list = past.get(sight.at);
        if (list === undefined) past.set(sight.at, [{ operation, sight }]);
        else list.push({ operation, sight });
      }
    }
    return past;
  }

  private change(rev: number): Fault | undefined {
    const maker = this.plan.makers[rev]!;
    if (maker === NOBODY) {
      const trace = this.plan.traces.get(rev);
      if (trace === undefined) {
        this.gapsSoFar++;
        return undefined;
      }
      // Of a transaction perhaps not all changes left a trace.
      if (trace.length > 1) this.isIncomplete = true;
      for (const change of trace) this.changeTraced(rev, change);
      return undefined;
    }
    const operation = this.part.operations[maker]!;
    const changes = this.store.sureChanges(operation);
    if (changes === undefined) {
      this.isIncomplete = true;
      return undefined;
    }
    for (const change of changes) {
      const fault = this.enter(rev, maker, change, this.store.found?.(operation));
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  private changeTraced(rev: number, change: Change): void {
    const state = this.stateOf(change.key);
    const isShut = state.gaps === this.gapsSoFar;
    const made = this.choose(rev, change, state.value, isShut);
    if (made === undefined) this.isIncomplete = true;
    const fault = this.enter(rev, NOBODY, change, made?.found);
    // Another operation might have made it.
    if (fault !== undefined) {
      this.isIncomplete = true;
      this.renew(state, rev, NOBODY, change.value);
    }
  }

  private enter(
    rev: number,
    maker: number,
    { key, value }: Change,
    found: Change | undefined,
  ): Fault | undefined {
    const state = this.stateOf(key);
    if (found !== undefined && !sameValue(found.value, state.value)) {
      if (state.gaps === this.gapsSoFar) {
        const why =
          `it found ${JSON.stringify(found.value)}, but ${this.held(state)} at revision ` +
          `${rev - 1}, and no change is unaccounted for in between`;
        return { operation: maker, involved: this.makerOf(state), why };
      }
    }
    this.close(state, found);
    this.renew(state, rev, maker, value);
    return undefined;
  }

  private renew(state: KeyState, rev: number, maker: number, value: unknown): void {
    state.value = value;
    state.rev = rev;
    state.maker = maker;
    state.gaps = this.gapsSoFar;
    state.misses = [];
  }

  private held({ key, value, rev }: KeyState): string {
    const name = key === '' ? 'the register' : key;
    return `${name} held ${JSON.stringify(value)} since revision ${rev} and still did`;
  }

  private makerOf({ maker }: KeyState): number[] {
    return maker === NOBODY ? [] : [maker];
  }

  private observe(index: number, rev: number): Fault | undefined {
    const operation = this.part.operations[index]!;
    const missed = this.store.missed?.(operation);
    if (missed !== undefined) return this.miss(index, missed, rev);
    if (operation.outcome !== 'ok') return undefined;
    for (const sight of this.store.sights(operation)) {
      const fault = sight.at === undefined ? this.look(index, sight, rev) : undefined;
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  private miss(index: number, { key, value }: Change, rev: number): Fault | undefined {
    const state = this.stateOf(key);
    if (sameValue(state.value, value) && state.gaps === this.gapsSoFar) {
      const why = `${this.held(state)} at revision ${rev}`;
      return { operation: index, involved: this.makerOf(state), why };
    }
    state.misses.push({ operation: index, value, gaps: this.gapsSoFar });
    return undefined;
  }

  private look(index: number, { key, value, mod }: Sight, rev: number): Fault | undefined {
    const state = this.stateOf(key);
    if (mod === 0 && this.store.hasDeletes) {
      // The key may have been deleted without a trace.
      if (!sameValue(state.value, undefined)) this.isIncomplete = true;
      return undefined;
    }
    const isLast = mod >= state.rev || (mod === 0 && state.rev === this.store.initialRevision);
    const involved = this.makerOf(state);
    if (!isLast) {
      const why = `${key} was changed at revision ${state.rev}, after revision ${mod} that it saw`;
      return { operation: index, involved, why };
    }
    if (mod !== state.rev && mod !== 0) return undefined;
    if (!sameValue(value, state.value)) {
      return { operation: index, involved, why: `${this.held(state)} at revision ${rev}` };
    }
    // Nothing hides up to here: what a failed cas missed before must not be this value.
    const denied = state.misses.find((miss) => sameValue(miss.value, state.value));
    if (denied !== undefined) {
      const why = `${this.held(state)} at revision ${rev}`;
      return { operation: denied.operation, involved: [...involved, index], why };
    }
    state.gaps = this.gapsSoFar;
    state.misses = [];
    return undefined;
  }

  /** Turns what is open since the last look into ranges and demands. */
  private close({ key, value, gaps, misses }: KeyState, found: Change | undefined): void {
    const { ranges, demands, widest } = this.timelines;
    const to = this.gapsSoFar;
    if (gaps === to) return;
    widest.push({ key, from: gaps, to, value, misses: [] });
    const denied = misses.find((miss) => sameValue(miss.value, value));
    const start = { key, from: gaps, start: value, misses };
    if (found !== undefined && !sameValue(found.value, value)) {
      // One change may serve both the cas that found and those that missed before it.
      const isServed = misses.some((miss) => sameValue(miss.value, found.value));
      const before = denied === undefined || isServed ? to : denied.gaps;
      const wanted = { is: found.value };
      demands.push({ ...start, to: before, end: before, until: to, value: wanted });
    } else if (found === undefined && denied !== undefined) {
      demands.push({ ...start, to: denied.gaps, end: to, until: to, value: undefined });
    } else if (found === undefined) {
      ranges.push({ key, from: gaps, to, value, misses });
    } else if (denied !== undefined) {
      this.isIncomplete = true;
    } else {
      ranges.push({ key, from: gaps, to, value, misses, only: { is: value } });
    }
  }
}

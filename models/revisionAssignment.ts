/**
 * Says which operation of unknown outcome made each revision that nobody claims.
 *
 * First the revisions with a trace take an operation that does just that. Then the demands of the
 * keys, where some change must hide, get a gap each: latest gap first, of the demands that can
 * still wait the one that may wait least. What is left over is matched with the plain writes that
 * fit anywhere in the open ranges of their keys, and where those do not reach, with a cas that
 * finds its value there. The sweep replays the outcome, so nothing here has to be trusted.
 *
 * When that fails, a matching with all that is possible at all tells whether every choice must
 * fail: some revision is left without an operation.
 */

import type { Part } from './checker/decider';
import { Candidates, Matching } from './revisionMatching';
import type { Plan } from './revisionPlan';
import { NOBODY, sameValue } from './revisionedStore';
import type { Change, Fault, RevisionedStore } from './revisionedStore';
import { isMissed, KeysOpen, OpenRanges } from './revisionRanges';
import { TimelineReader } from './revisionTimelines';
import type { Demand, Range, Timelines, TracedMaker } from './revisionTimelines';
import { anyOf, anyTo, casFrom, deletions, plainOf, plainTo, Unknowns } from './revisionUnknowns';

/** Entries of lists that augmenting paths may look at, for each gap and operation. */
const looksEach = 64;
const looksMin = 1_000_000;
/** Times that the gaps are filled anew with one demand moved. */
const attemptsMax = 64;
/** Unknown cas that may stand in a row where the value of the last one was found. */
const chainMax = 8;

/** A value that no cas compares with. */
const notKnown = Symbol('not known');

/** A demand with the operation that serves it. */
interface Job {
  readonly operation: number;
  readonly release: number;
  readonly to: number;
  readonly demand: Demand;
}

export class Assignment {
  /** Revisions without maker and trace, in order. */
  private readonly gaps: number[] = [];
  private readonly gapsUpTo: Int32Array;
  private readonly unknowns: Unknowns;
  private readonly used: Uint8Array;
  private readonly makers: Int32Array;
  private readonly looksMax: number;

  constructor(
    private readonly part: Part,
    private readonly store: RevisionedStore,
    private readonly plan: Plan,
    deadlines: Float64Array,
  ) {
    const { last, makers, traces } = plan;
    this.gapsUpTo = new Int32Array(last + 2);
    for (let rev = 0; rev <= last + 1; rev++) {
      const isGap = rev > store.initialRevision && rev <= last && makers[rev] === NOBODY;
      if (isGap && !traces.has(rev)) this.gaps.push(rev);
      this.gapsUpTo[rev] = this.gaps.length;
    }
    this.unknowns = new Unknowns(part, store, plan, deadlines, this.gapsUpTo);
    this.used = new Uint8Array(part.operations.length);
    this.makers = new Int32Array(last + 1).fill(NOBODY);
    this.looksMax = looksMin + looksEach * (this.gaps.length + plan.unknown.length);
  }

  /**
   * The operation of each revision without a maker, NOBODY where none was found; a fault when
   * every choice must fail.
   */
  assign(): Int32Array | Fault {
    const reader = new TimelineReader(
      this.part,
      this.store,
      this.plan,
      (rev, change, before, shut) => this.chooseTraced(rev, change, before, shut),
    );
    const timelines = reader.read();
    if ('why' in timelines) return timelines;
    if (!reader.isVague && this.fillAll(timelines)) return this.makers;
    const empty = this.impossibleRevision(timelines.widest);
    if (empty !== undefined) return this.tooFew(empty);
    return this.makers.fill(NOBODY);
  }

  private unused(list: Candidates | undefined, rev: number, fits?: (i: number) => boolean): number {
    if (list === undefined) return NOBODY;
    const { operations } = list;
    // Revisions with a trace are no gaps, so look at the revision itself too.
    let at = list.lastUnused(list.readyAt(this.gapsUpTo[rev]!), this.used);
    while (at >= 0) {
      const i = operations[at]!;
      if (this.unknowns.firstRevision[i]! <= rev && (fits === undefined || fits(i))) return i;
      at = list.lastUnused(at, this.used);
    }
    return NOBODY;
  }

  /** A plain write if that costs nothing or nothing else fits; else a cas that fits right here. */
  private chooseTraced(
    rev: number,
    change: Change,
    before: unknown,
    isShut: boolean,
  ): TracedMaker | undefined {
    const cas = this.unused(
      this.unknowns.list(casFrom({ key: change.key, value: before })),
      rev,
      (i) => sameValue(this.changeOf(i).value, change.value),
    );
    const plain = isShut && cas !== NOBODY ? NOBODY : this.plainFor(rev, change);
    let chosen = plain === NOBODY ? cas : plain;
    chosen = chosen === NOBODY ? this.unused(this.unknowns.list(anyTo(change)), rev) : chosen;
    if (chosen === NOBODY) return undefined;
    this.used[chosen] = 1;
    this.makers[rev] = chosen;
    return { found: this.store.found?.(this.part.operations[chosen]!) };
  }

  private plainFor(rev: number, change: Change): number {
    return this.unused(this.unknowns.list(plainTo(change)), rev);
  }

  private fillAll(timelines: Timelines): boolean {
    const jobs: Job[] = [];
    const open: Demand[] = [];
    for (const demand of timelines.demands) {
      // Those that need a certain value first: any change will do for the others.
      if (demand.value === undefined) open.push(demand);
      else if (!this.serve(demand, jobs, 0)) {
        const { to, until } = demand;
        if (until === to) return false;
        // A chain may begin in time for the cas that missed, or another change come before.
        if (this.serveChain({ ...demand, to: until, end: until }, to, jobs, 0)) continue;
        const late = { ...demand, from: to, to: until, end: until, start: notKnown };
        if (!this.serve(late, jobs, 0)) return false;
        open.push({ ...demand, value: undefined });
      }
    }
    if (open.some((demand) => !this.serve(demand, jobs, 0))) return false;
    const usedBefore = this.used.slice();
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      this.used.set(usedBefore);
      this.unknowns.reset();
      const stuck = this.fillWith(jobs, timelines.ranges);
      if (stuck === NOBODY) return true;
      if (stuck === this.gaps.length || !this.relieve(stuck, jobs, usedBefore)) return false;
    }
    return false;
  }

  /** Moves or replaces what serves a demand, so that a gap gets an operation. */
  private relieve(gap: number, jobs: Job[], usedBefore: Uint8Array): boolean {
    // A change that must hide somewhere may hide where nothing else can.
    const movable = jobs.findIndex(
      ({ release, to }) => release <= gap && gap < to && to - release > 1,
    );
    if (movable !== NOBODY) {
      jobs[movable] = { ...jobs[movable]!, release: gap, to: gap + 1 };
      return true;
    }
    // What serves a demand where anything would do may be what is needed here, behind another.
    const first = this.unknowns.firstGap;
    for (let at = 0; at < jobs.length; at++) {
      const { operation, demand } = jobs[at]!;
      const isNear = demand.from <= gap && gap < demand.end && first[operation]! <= gap;
      if (demand.value !== undefined || !isNear) continue;
      this.used.set(usedBefore);
      this.unknowns.reset();
      const others: Job[] = [];
      const misses = demand.misses.filter((miss) => miss.gaps <= gap);
      if (!this.serve({ ...demand, misses }, others, 0)) continue;
      jobs[at] = { ...others[0]!, demand };
      usedBefore[operation] = 0;
      usedBefore[jobs[at]!.operation] = 1;
      return true;
    }
    return false;
  }

  /** The first gap that stays empty; NOBODY when there is none. */
  private fillWith(jobs: readonly Job[], given: readonly Range[]): number {
    const ranges = given.map((range) => ({ ...range }));
    const admission = new OpenRanges(this.unknowns);
    const matching = new Matching(this.gaps.length, this.used, admission, this.looksMax);
    if (!this.schedule(jobs, matching, ranges)) return this.gaps.length;
    admission.open(ranges, this.gaps.length);
    for (let gap = 0; gap < this.gaps.length; gap++) {
      if (matching.taken[gap] !== NOBODY || matching.fill(gap)) continue;
      if (!this.insertCas(gap, admission, matching)) return gap;
    }
    this.gaps.forEach((rev, gap) => (this.makers[rev] = matching.taken[gap]!));
    return NOBODY;
  }

  /** Finds an operation for a demand; false when there is none. */
  private serve(demand: Demand, jobs: Job[], depth: number): boolean {
    const { key, to, start, value, misses } = demand;
    // It must not be there yet when a failed cas looks for it.
    const missed =
      value === undefined ? [] : misses.filter((miss) => sameValue(miss.value, value.is));
    const from = Math.max(demand.from, ...missed.map((miss) => miss.gaps));
    if (to <= from || depth > chainMax) return false;
    const isRefused = (i: number): boolean => {
      const left = this.changeOf(i).value;
      return value === undefined
        ? isMissed(misses, from, left) || sameValue(start, left)
        : !sameValue(left, value.is);
    };
    const plain = this.unknowns.list(
      value === undefined ? plainOf(key) : plainTo({ key, value: value.is }),
    );
    const cas = this.unknowns.list(casFrom({ key, value: start }));
    for (const list of [plain, cas]) {
      const i = this.soonest(list, from, to, isRefused);
      if (i === NOBODY) continue;
      this.used[i] = 1;
      const release = Math.max(from, this.unknowns.firstGap[i]!);
      jobs.push({ operation: i, release, to, demand });
      return true;
    }
    return value !== undefined && this.serveChain(demand, to, jobs, depth);
  }

  /** A cas whose own condition is a demand in its turn, to be met before gap `soon`. */
  private serveChain(demand: Demand, soon: number, jobs: Job[], depth: number): boolean {
    const { key, to, value } = demand;
    const i = this.soonest(
      this.unknowns.list(anyTo({ key, value: value!.is })),
      demand.from,
      to,
      (other) => this.store.found?.(this.part.operations[other]!) === undefined,
    );
    if (i === NOBODY) return false;
    this.used[i] = 1;
    const found = this.store.found!(this.part.operations[i]!)!;
    const kept = jobs.length;
    // What it finds is there behind those that missed it, or is gone before the first of them.
    const missed = demand.misses.find((miss) => sameValue(miss.value, found.value));
    for (const limit of missed === undefined || missed.gaps >= to ? [to] : [to, missed.gaps]) {
      const end = Math.min(limit - 1, soon);
      const misses = demand.misses.filter((miss) => limit === to || miss.gaps < limit);
      const before = { ...demand, to: end, end, until: end, value: { is: found.value }, misses };
      if (this.serve(before, jobs, depth + 1)) {
        const release = Math.max(jobs.at(-1)!.release + 1, this.unknowns.firstGap[i]!);
        jobs.push({ operation: i, release, to: limit, demand: { ...demand, from: to } });
        if (release < limit) return true;
      }
      for (const { operation } of jobs.splice(kept)) this.used[operation] = 0;
      this.unknowns.reset();
      this.used[i] = 1;
    }
    this.used[i] = 0;
    this.unknowns.reset();
    return false;
  }

  /** An unused operation that can stand anywhere in [from, to), else one that can soonest. */
  private soonest(
    list: Candidates | undefined,
    from: number,
    to: number,
    isRefused: (i: number) => boolean,
  ): number {
    if (list === undefined) return NOBODY;
    const ready = list.readyAt(from);
    let at = list.lastUnused(ready, this.used);
    while (at >= 0 && isRefused(list.operations[at]!)) at = list.lastUnused(at, this.used);
    if (at >= 0) return list.operations[at]!;
    for (at = ready; at < list.operations.length && list.firstGap[at]! < to; at++) {
      const i = list.operations[at]!;
      if (this.used[i] === 0 && !isRefused(i)) return i;
    }
    return NOBODY;
  }

  /** Gives each job a gap, the late ones first; opens what stays free of its range. */
  private schedule(jobs: readonly Job[], matching: Matching, ranges: Range[]): boolean {
    const byEnd = [...jobs].sort((a, b) => b.to - a.to);
    const waiting: Job[] = [];
    let next = 0;
    for (let gap = this.gaps.length - 1; gap >= 0; gap--) {
      for (; next < byEnd.length && byEnd[next]!.to > gap; next++) waiting.push(byEnd[next]!);
      if (waiting.length === 0) {
        if (next === byEnd.length) break;
        continue;
      }
      let latest = 0;
      for (let at = 1; at < waiting.length; at++) {
        if (waiting[at]!.release > waiting[latest]!.release) latest = at;
      }
      const job = waiting[latest]!;
      waiting[latest] = waiting.at(-1)!;
      waiting.pop();
      if (job.release > gap) return false;
      matching.fix(gap, job.operation);
      this.openAround(job, gap, ranges);
    }
    return waiting.length === 0 && next === byEnd.length;
  }

  private openAround({ operation, demand }: Job, gap: number, ranges: Range[]): void {
    const { key, from, end, start, misses, value } = demand;
    const isPlain = this.store.found?.(this.part.operations[operation]!) === undefined;
    if (isPlain && from < gap) {
      const before = misses.filter((miss) => miss.gaps <= gap);
      ranges.push({ key, from, to: gap, value: start, misses: before });
    }
    if (gap + 1 >= end) return;
    const left = this.changeOf(operation).value;
    const behind = { key, from: gap + 1, to: end, value: left, misses };
    ranges.push(value === undefined ? behind : { ...behind, only: value });
  }

  /**
   * Puts a cas into an open range, at its start or behind a write that leaves what it compares
   * with; those behind it move on by one gap. The range then begins behind the cas.
   */
  private insertCas(gap: number, admission: OpenRanges, matching: Matching): boolean {
    for (const range of admission.rangesAt(gap)) {
      if (range.only !== undefined) continue;
      // The gaps that the key will have here, and the operations that are there now.
      const gaps: number[] = [];
      for (let at = range.from; at < range.to; at++) {
        const maker = matching.taken[at]!;
        const isOfKey = maker !== NOBODY && this.changeOf(maker).key === range.key;
        if (at === gap || isOfKey) gaps.push(at);
      }
      const makers = gaps.map((at) => matching.taken[at]!).filter((maker) => maker !== NOBODY);
      for (let place = makers.length; place >= 0; place--) {
        const value = place === 0 ? range.value : this.changeOf(makers[place - 1]!).value;
        const cas = this.casFinding(range, value, gaps[place]!);
        if (cas === NOBODY) continue;
        const order = makers.toSpliced(place, 0, cas);
        const isHere = (i: number, at: number): boolean =>
          this.unknowns.firstGap[i]! <= gaps[at]! &&
          !isMissed(range.misses, gaps[at]!, this.changeOf(i).value);
        if (!order.every(isHere)) continue;
        order.forEach((i, at) => matching.move(gaps[at]!, i));
        for (let at = 0; at <= place; at++) matching.pin(gaps[at]!);
        range.value = this.changeOf(cas).value;
        range.from = gaps[place]! + 1;
        return true;
      }
    }
    return false;
  }

  private changeOf(operation: number): Change {
    return this.unknowns.changesOf[operation]![0]!;
  }

  private casFinding(range: Range, value: unknown, gap: number): number {
    const list = this.unknowns.list(casFrom({ key: range.key, value }));
    if (list === undefined) return NOBODY;
    let at = list.lastUnused(list.readyAt(gap), this.used);
    while (at >= 0 && isMissed(range.misses, gap, this.changeOf(list.operations[at]!).value)) {
      at = list.lastUnused(at, this.used);
    }
    return at < 0 ? NOBODY : list.operations[at]!;
  }

  /** A revision that stays without an operation whatever the others do; undefined when none. */
  private impossibleRevision(widest: readonly Range[]): number | undefined {
    const { plan, store } = this;
    const revisions: number[] = [];
    for (let rev = store.initialRevision + 1; rev <= plan.last; rev++) {
      if (plan.makers[rev] === NOBODY) revisions.push(rev);
    }
    const first = this.unknowns.firstRevision;
    const lists = new Map<string, Candidates>();
    const position = new Int32Array(plan.last + 2);
    revisions.forEach((rev, at) => (position[rev + 1] = at + 1));
    for (let rev = 1; rev < position.length; rev++) {
      position[rev] = Math.max(position[rev]!, position[rev - 1]!);
    }
    const firstPosition = Int32Array.from(first, (rev) => position[Math.min(rev, plan.last + 1)]!);
    const listNamed = (name: string): Candidates | undefined => {
      const known = lists.get(name) ?? this.unknowns.list(name);
      if (known === undefined) return undefined;
      if (!lists.has(name)) lists.set(name, new Candidates(known.operations, firstPosition));
      return lists.get(name);
    };
    const open = new KeysOpen(widest);
    const deleting = listNamed(deletions);
    const listsOf = (at: number): Candidates[] => {
      const rev = revisions[at]!;
      const trace = plan.traces.get(rev);
      const found: Candidates[] = [];
      const add = (list: Candidates | undefined): void => {
        if (list !== undefined) found.push(list);
      };
      if (trace !== undefined) {
        add(listNamed(anyTo(trace[0]!)));
        if (trace[0]!.value === undefined) add(deleting);
        return found;
      }
      for (const { key } of open.at(this.gapsUpTo[rev]! - 1)) add(listNamed(anyOf(key)));
      if (store.hasDeletes) add(deleting);
      return found;
    };
    const used = new Uint8Array(this.part.operations.length);
    const matching = new Matching(revisions.length, used, { listsOf }, this.looksMax);
    const empty = revisions.findIndex((_, at) => !matching.fill(at));
    return empty === -1 || matching.isSpent ? undefined : revisions[empty];
  }

  private tooFew(rev: number): Fault {
    const { operations } = this.part;
    let witness = NOBODY;
    for (let i = 0; i < operations.length; i++) {
      const { rev: carried, outcome } = operations[i]!;
      if (outcome === 'info' || carried === undefined || carried < rev) continue;
      if (witness === NOBODY || this.part.ret[i]! < this.part.ret[witness]!) witness = i;
    }
    const trace = this.plan.traces.get(rev);
    const what = trace === undefined ? 'which left no trace' : 'which nobody claims';
    const why =
      `it presupposes revision ${rev}, ${what}, and the operations of unknown outcome that were ` +
      `called in time are too few to make it and the others before it`;
    return { operation: witness, involved: [], why };
  }
}

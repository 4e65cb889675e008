/**
 * Reads off a part who made and who saw each revision, and what is known of the rest.
 *
 * It also checks what the numbers alone must satisfy: no revision made twice, and real time: an
 * answer may not be older than one that had returned before the operation was called.
 */

import type { WatchedChange } from '../src/history';
import type { Part } from './checker/decider';
import { NOBODY, sameValue } from './revisionedStore';
import type { Change, Fault, RevisionedStore, Role } from './revisionedStore';

export interface Plan {
  /** The newest revision that an answer carries. */
  readonly last: number;
  /** Operation that made each revision; NOBODY where none is known to. */
  readonly makers: Int32Array;
  /** Observers sorted by revision; those of revision r stand at starts[r] to starts[r + 1]. */
  readonly observers: Int32Array;
  readonly starts: Int32Array;
  readonly roles: readonly Role[];
  /** What is known of the revisions without a maker. */
  readonly traces: ReadonlyMap<number, readonly Change[]>;
  /** Up to this revision all changes are known. */
  readonly watchedTo: number;
  readonly unknown: readonly number[];
}

/** Undefined when some answer carries no revision. */
export function makePlan(
  part: Part,
  store: RevisionedStore,
  watch: readonly WatchedChange[],
): Plan | Fault | undefined {
  const { operations } = part;
  const count = operations.length;
  // One look at each operation: the rest of the plan is made of these arrays.
  const roles = new Array<Role>(count);
  const revs = new Int32Array(count);
  const mods = new Int32Array(count).fill(NOBODY);
  const unknown: number[] = [];
  let last = store.initialRevision;
  let lastMaker = NOBODY;
  for (let i = 0; i < count; i++) {
    const operation = operations[i]!;
    const role = store.role(operation);
    if (role === 'unplaced') return undefined;
    roles[i] = role;
    if (role === 'unknown') unknown.push(i);
    if (!hasPlace(role)) continue;
    revs[i] = operation.rev!;
    mods[i] = store.seenMod?.(operation) ?? NOBODY;
    if (operation.rev! > last) [last, lastMaker] = [operation.rev!, i];
  }
  if (last - store.initialRevision > 4 * count + watch.length) {
    const why = `it carries revision ${last}, but ${count} operations cannot make so many`;
    return { operation: lastMaker, involved: [], why };
  }
  const makers = new Int32Array(last + 1).fill(NOBODY);
  const fault = enterMakers(part, store, roles, revs, makers);
  if (fault !== undefined) return fault;
  const { observers, starts } = sortObservers(roles, revs, last);
  const watchedTo = watch.reduce((max, { rev }) => Math.max(max, rev), 0);
  const traces = collectTraces(part, store, makers, mods, watch);
  return { last, makers, observers, starts, roles, traces, watchedTo, unknown };
}

function hasPlace(role: Role): boolean {
  return role === 'change' || role === 'observe' || role === 'stale';
}

function enterMakers(
  { operations }: Part,
  store: RevisionedStore,
  roles: readonly Role[],
  revs: Int32Array,
  makers: Int32Array,
): Fault | undefined {
  for (let i = 0; i < operations.length; i++) {
    if (!hasPlace(roles[i]!)) continue;
    const rev = revs[i]!;
    const lowest = store.initialRevision + (roles[i] === 'change' ? 1 : 0);
    if (rev < lowest) {
      return { operation: i, involved: [], why: `its revision ${rev} is below ${lowest}` };
    }
    if (roles[i] !== 'change') continue;
    const maker = makers[rev]!;
    if (maker !== NOBODY) {
      const name = `${store.describe(operations[maker]!)} by process ${operations[maker]!.process}`;
      return { operation: i, involved: [maker], why: `revision ${rev} was made by ${name}` };
    }
    makers[rev] = i;
  }
  return undefined;
}

/** A counting sort by revision that keeps the order of calls. */
function sortObservers(
  roles: readonly Role[],
  revs: Int32Array,
  last: number,
): Pick<Plan, 'observers' | 'starts'> {
  const starts = new Int32Array(last + 2);
  const isObserver = (i: number): boolean => roles[i] === 'observe' || roles[i] === 'stale';
  for (let i = 0; i < roles.length; i++) {
    if (isObserver(i)) starts[revs[i]! + 1]!++;
  }
  for (let rev = 0; rev <= last; rev++) starts[rev + 1]! += starts[rev]!;
  const observers = new Int32Array(starts[last + 1]!);
  const next = starts.slice();
  for (let i = 0; i < roles.length; i++) {
    if (isObserver(i)) observers[next[revs[i]!]!++] = i;
  }
  return { observers, starts };
}

function collectTraces(
  part: Part,
  store: RevisionedStore,
  makers: Int32Array,
  mods: Int32Array,
  watch: readonly WatchedChange[],
): Map<number, Change[]> {
  const traces = new Map<number, Change[]>();
  if (makers.indexOf(NOBODY, store.initialRevision + 1) === -1) return traces;
  const note = (rev: number, { key, value }: Change): void => {
    if (rev <= store.initialRevision || rev >= makers.length || makers[rev] !== NOBODY) return;
    const known = traces.get(rev);
    if (known === undefined) traces.set(rev, [{ key, value }]);
    else if (!known.some((change) => change.key === key && sameValue(change.value, value))) {
      known.push({ key, value });
    }
  };
  for (const { rev, key, value } of watch) note(rev, { key, value: value ?? undefined });
  for (let i = 0; i < mods.length; i++) {
    // Most reads saw one key, whose last change somebody claims.
    const mod = mods[i]!;
    if (mod !== NOBODY && (mod === 0 || makers[mod] !== NOBODY)) continue;
    const operation = part.operations[i]!;
    if (operation.outcome !== 'ok') continue;
    for (const sight of store.sights(operation)) note(sight.mod, sight);
  }
  return traces;
}

/** The operations with a place in the order of revisions. */
export function* inOrder({ last, makers, observers, starts }: Plan): Generator<number> {
  for (let rev = 0; rev <= last; rev++) {
    if (makers[rev] !== NOBODY) yield makers[rev]!;
    for (let at = starts[rev]!; at < starts[rev + 1]!; at++) yield observers[at]!;
  }
}

/**
 * Nothing may stand behind an operation that was called after it had returned. Observers of one
 * revision are free among themselves, and a stale one has only to come after its revision.
 */
export function realTimeFault(part: Part, store: RevisionedStore, plan: Plan): Fault | undefined {
  const { call, ret, operations } = part;
  const { makers, observers, starts, roles, last } = plan;
  const describe = (i: number): string =>
    `${store.describe(operations[i]!)} by process ${operations[i]!.process}`;
  const faultOf = (i: number, before: number): Fault => ({
    operation: before,
    involved: [i],
    why:
      `its answer is of revision ${operations[before]!.rev}, but ${describe(i)}, which is of ` +
      `revision ${operations[i]!.rev}, had returned before it was called`,
  });
  const later = (a: number, b: number): number => (a === NOBODY || call[b]! > call[a]! ? b : a);
  let latest = NOBODY;
  let latestMaker = NOBODY;
  for (let rev = 0; rev <= last; rev++) {
    const maker = makers[rev]!;
    if (maker !== NOBODY) {
      if (latest !== NOBODY && ret[maker]! < call[latest]!) return faultOf(maker, latest);
      latest = later(latest, maker);
      latestMaker = later(latestMaker, maker);
    }
    const before = latest;
    for (let at = starts[rev]!; at < starts[rev + 1]!; at++) {
      const observer = observers[at]!;
      const bound = roles[observer] === 'stale' ? latestMaker : before;
      if (bound !== NOBODY && ret[observer]! < call[bound]!) return faultOf(observer, bound);
      if (roles[observer] !== 'stale') latest = later(latest, observer);
    }
  }
  return undefined;
}

/** For each revision the earliest return at or after it: what made it was called before that. */
export function deadlinesOf({ ret }: Part, plan: Plan): Float64Array {
  const { makers, observers, starts, last } = plan;
  const deadlines = new Float64Array(last + 2).fill(Infinity);
  for (let rev = last; rev >= 0; rev--) {
    let earliest = deadlines[rev + 1]!;
    if (makers[rev] !== NOBODY) earliest = Math.min(earliest, ret[makers[rev]!]!);
    for (let at = starts[rev]!; at < starts[rev + 1]!; at++) {
      earliest = Math.min(earliest, ret[observers[at]!]!);
    }
    deadlines[rev] = earliest;
  }
  return deadlines;
}

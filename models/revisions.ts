/**
 * Decides histories whose answers carry the store's revision, in one sweep.
 *
 * A store like etcd numbers its changes 2, 3, 4, ... and every answer says which was the last.
 * So the order of the changes is known, and every linearization must be this one: changes by
 * revision, each followed by what was observed at it. (Gibbons and Korach 1997, section 4: with
 * the write order known the problem is linear.) The sweep replays that order and checks answers,
 * gaps and real time. Changes of unknown outcome fill the gaps.
 *
 * Only a gap that left no trace leaves a choice. When a sweep fails after such a choice, and not
 * for a reason that holds whatever was chosen, the general search tries the others; it gets the
 * known order as real time, so that nothing but the gaps is open to it.
 */

import type { Operation, WatchedChange } from '../src/history';
import type { Budget } from './checker/budget';
import { NEVER } from './checker/decider';
import type { Decider, Decision, Part } from './checker/decider';
import { Assignment } from './revisionAssignment';
import { Gaps } from './revisionGaps';
import { deadlinesOf, inOrder, makePlan, realTimeFault } from './revisionPlan';
import type { Plan } from './revisionPlan';
import { NOBODY, sameValue } from './revisionedStore';
import type { Change, Fault, RevisionedStore } from './revisionedStore';

const method = 'revisions';
const involvedMax = 4;

/** `watch`: all changes from the first revision on, if somebody watched. */
export function revisions(store: RevisionedStore, watch: readonly WatchedChange[] = []): Decider {
  return (part, budget) => {
    const plan = makePlan(part, store, watch);
    if (plan === undefined) return undefined;
    if ('why' in plan) return refuse(part, store, plan, [], '');
    const fault = realTimeFault(part, store, plan) ?? store.extra?.(part);
    if (fault !== undefined) return refuse(part, store, fault, [], '');
    return decide(part, store, plan, budget);
  };
}

/** Without gaps that left no trace nothing has to be found out beforehand, as a rule. */
function decide(part: Part, store: RevisionedStore, plan: Plan, budget: Budget): Decision {
  const deadlines = deadlinesOf(part, plan);
  if (isTraced(store, plan)) {
    const decision = sweep(part, store, plan, budget, deadlines, undefined);
    if (decision !== undefined) return decision;
  }
  const assigned = new Assignment(part, store, plan, deadlines).assign();
  if ('why' in assigned) return refuse(part, store, assigned, [], '');
  const decision = sweep(part, store, plan, budget, deadlines, assigned);
  return decision ?? store.search(orderedPart(part, plan, deadlines), budget);
}

function isTraced({ initialRevision }: RevisionedStore, { last, makers, traces }: Plan): boolean {
  for (let rev = initialRevision + 1; rev <= last; rev++) {
    if (makers[rev] === NOBODY && !traces.has(rev)) return false;
  }
  return true;
}

/** Replays the order of revisions; undefined when another choice for the gaps might do. */
function sweep(
  part: Part,
  store: RevisionedStore,
  plan: Plan,
  budget: Budget,
  deadlines: Float64Array,
  assigned: Int32Array | undefined,
): Decision | undefined {
  const { operations } = part;
  const replica = store.createReplica();
  const gaps = new Gaps(part, store, plan, replica, deadlines, assigned);
  const order: number[] = [];
  const fail = (fault: Fault, isCertain: boolean): Decision | undefined => {
    if (gaps.guessed && !isCertain) return undefined;
    const linearized = order.map((i) => operations[i]!);
    return refuse(part, store, fault, linearized, replica.describe());
  };
  let outcome: Decision | undefined;
  /** Whether the operation can stand here; else `outcome` says what follows from that. */
  const place = (i: number): boolean => {
    const why = replica.apply(operations[i]!);
    if (why === undefined) {
      order.push(i);
      return true;
    }
    const involved = lastChanges(part, store, order, operations[i]!);
    const isCertain = gaps.guessed && contradictsKnown(part, store, plan, i);
    outcome = fail({ operation: i, involved, why }, isCertain);
    return false;
  };
  const placeMaker = (rev: number): boolean => {
    const known = plan.makers[rev]!;
    const maker = known === NOBODY ? gaps.fill(rev) : known;
    if (maker !== undefined) return place(maker);
    outcome = fail(emptyGap(part, plan, deadlines, rev, order), gaps.isImpossible(rev));
    return false;
  };
  for (let rev = store.initialRevision; rev <= plan.last; rev++) {
    if (!budget.spend()) return { verdict: 'unknown', method, reason: budget.exhausted! };
    if (rev > store.initialRevision && !placeMaker(rev)) return outcome;
    for (let at = plan.starts[rev]!; at < plan.starts[rev + 1]!; at++) {
      if (!place(plan.observers[at]!)) return outcome;
    }
  }
  // Without a place among the revisions an operation has none in this order either.
  if (plan.roles.includes('none')) return { verdict: 'ok', method };
  return { verdict: 'ok', method, order: order.map((i) => operations[i]!) };
}

/** Nobody can have made a revision that the answers presuppose. */
function emptyGap(
  { ret }: Part,
  plan: Plan,
  deadlines: Float64Array,
  rev: number,
  order: readonly number[],
): Fault {
  const trace = plan.traces.get(rev);
  const what =
    trace === undefined
      ? `revision ${rev}, which left no trace`
      : `revision ${rev} (${trace.map(describeChange).join(', ')})`;
  return {
    operation: ret.indexOf(deadlines[rev]!),
    involved: order.slice(-1),
    why: `it presupposes ${what}, and no operation that was called in time can have made that`,
  };
}

function describeChange({ key, value }: Change): string {
  return value === undefined ? `${key} deleted` : `${key} = ${JSON.stringify(value)}`;
}

/** The latest changes of the keys that an operation deals with: they set what it should see. */
function lastChanges(
  { operations }: Part,
  store: RevisionedStore,
  order: readonly number[],
  operation: Operation,
): number[] {
  const keys = new Set(store.sights(operation).map(({ key }) => key));
  if (operation.key !== undefined) keys.add(operation.key);
  const found: number[] = [];
  for (let at = order.length - 1; at >= 0 && found.length < involvedMax; at--) {
    const changes = store.possibleChanges(operations[order[at]!]!);
    if (!changes.some(({ key }) => keys.has(key))) continue;
    found.push(order[at]!);
    for (const { key } of changes) keys.delete(key);
    if (keys.size === 0) break;
  }
  return found.reverse();
}

/**
 * Whether what an operation saw of some key contradicts the changes whose revisions are known,
 * so that no other choice for the gaps can help.
 */
function contradictsKnown(
  { operations }: Part,
  store: RevisionedStore,
  plan: Plan,
  index: number,
): boolean {
  if (operations[index]!.outcome !== 'ok') return false;
  return store.sights(operations[index]!).some(({ key, value, mod, at }) => {
    const seenAt = at ?? operations[index]!.rev!;
    const maker = mod < plan.makers.length ? plan.makers[mod]! : NOBODY;
    if (maker !== NOBODY) {
      const made = store.possibleChanges(operations[maker]!);
      const isMade = made.some((change) => change.key === key && sameValue(change.value, value));
      if (mod > 0 && !isMade) return true;
    }
    for (let rev = seenAt; rev > mod; rev--) {
      if (isKnownChange(operations, store, plan, rev, key)) return mod > 0 || !store.hasDeletes;
    }
    return false;
  });
}

/** Whether a revision certainly changed a key. */
function isKnownChange(
  operations: readonly Operation[],
  store: RevisionedStore,
  plan: Plan,
  rev: number,
  key: string,
): boolean {
  const maker = plan.makers[rev];
  if (maker === undefined) return false;
  if (maker === NOBODY) return plan.traces.get(rev)?.some((c) => c.key === key) ?? false;
  const changes = store.sureChanges(operations[maker]!) ?? [];
  return changes.some((change) => change.key === key && change.value !== undefined);
}

/**
 * The same part with the known order for real time: what has a place there overlaps nothing, and
 * what has none begins before the first revision that it can have made.
 */
function orderedPart(part: Part, plan: Plan, deadlines: Float64Array): Part {
  const count = part.operations.length;
  const call = new Float64Array(count);
  const ret = new Float64Array(count).fill(NEVER);
  let position = 0;
  const firstPosition = new Float64Array(plan.last + 2);
  for (const i of inOrder(plan)) {
    call[i] = 4 * position;
    ret[i] = 4 * position + 1;
    position++;
  }
  let before = 0;
  for (let rev = 0; rev <= plan.last; rev++) {
    firstPosition[rev] = before;
    if (plan.makers[rev] !== NOBODY) before++;
    before += plan.starts[rev + 1]! - plan.starts[rev]!;
  }
  firstPosition[plan.last + 1] = before;
  for (const i of plan.unknown) {
    let low = 0;
    let high = plan.last + 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (deadlines[middle]! < part.call[i]!) low = middle + 1;
      else high = middle;
    }
    call[i] = 4 * firstPosition[low]! - 2;
  }
  const indexes = [...part.operations.keys()].filter((i) => plan.roles[i] !== 'none');
  indexes.sort((a, b) => call[a]! - call[b]!);
  return {
    key: part.key,
    operations: indexes.map((i) => part.operations[i]!),
    call: Float64Array.from(indexes, (i) => call[i]!),
    ret: Float64Array.from(indexes, (i) => ret[i]!),
  };
}

function refuse(
  part: Part,
  store: RevisionedStore,
  { operation: index, involved, why }: Fault,
  linearized: readonly Operation[],
  state: string,
): Decision {
  const operation = part.operations[index]!;
  const name = `${store.describe(operation)} by process ${operation.process}`;
  return {
    verdict: 'fail',
    method,
    explanation: {
      message: `${name} cannot be placed: ${why}`,
      operation,
      involved: [...involved.map((i) => part.operations[i]!), operation],
      linearized,
      state,
      rejected: [{ operation, why }],
    },
  };
}

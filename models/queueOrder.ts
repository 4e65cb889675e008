/**
 * Decides queues in which no element is enqueued twice, in O(n log n).
 *
 * Henzinger, Sezgin and Vafeiadis, "Aspect-oriented linearizability proofs" (CONCUR 2013): such a
 * history is linearizable unless something came out that was not put in before, or twice, or out
 * of order (x was in before y was put in, y came out, and x did not come out before y had), or the
 * queue was found empty while at every moment something was certainly in. An enqueue of unknown
 * outcome took place if its element came out, else it is left out. With dequeues of unknown
 * outcome only the refusals hold, and the rest is left to the search.
 */

import type { Operation } from '../src/history';
import type { Decider, Part } from './checker/decider';
import { refusal } from './checker/refusal';
import type { Conflict } from './checker/refusal';

const method = 'queue order';
const involvedMax = 6;

/** An element by the indexes of the operations that put it in and took it out. */
interface Passage {
  readonly put: number;
  taken: number | undefined;
}

type Passages = ReadonlyMap<string, Passage>;

export function queueOrder(describe: (operation: Operation) => string): Decider {
  return (part) => {
    const puts = collectPuts(part);
    if (puts === undefined) return undefined;
    const conflict =
      takeOut(part, puts) ?? outOfOrder(part, puts, describe) ?? neverEmpty(part, puts);
    if (conflict !== undefined) {
      const involved = [...conflict.involved, conflict.culprit];
      return refusal(method, part, { ...conflict, involved }, describe);
    }
    const isDecided = part.operations.every(
      ({ f, outcome }) => f === 'enqueue' || outcome === 'ok',
    );
    return isDecided ? { verdict: 'ok', method } : undefined;
  };
}

function hasElement(output: unknown): boolean {
  return output !== null && output !== undefined;
}

/** Undefined when an element is put in twice. */
function collectPuts({ operations }: Part): Passages | undefined {
  const puts = new Map<string, Passage>();
  for (let i = 0; i < operations.length; i++) {
    if (operations[i]!.f !== 'enqueue') continue;
    const element = JSON.stringify(operations[i]!.input);
    if (puts.has(element)) return undefined;
    puts.set(element, { put: i, taken: undefined });
  }
  return puts;
}

/** Notes who took which element out. */
function takeOut({ operations, call, ret }: Part, puts: Passages): Conflict | undefined {
  for (let i = 0; i < operations.length; i++) {
    const { f, outcome, output } = operations[i]!;
    if (f === 'enqueue' || outcome !== 'ok' || !hasElement(output)) continue;
    const element = JSON.stringify(output);
    const passage = puts.get(element);
    if (passage === undefined || call[passage.put]! > ret[i]!) {
      const why = `nothing that was called before its return puts ${element} in`;
      return { culprit: i, involved: [], why };
    }
    if (passage.taken !== undefined) {
      const { process } = operations[passage.taken]!;
      const why = `${element} is put in once, and process ${process} took it out`;
      return { culprit: i, involved: [passage.put, passage.taken], why };
    }
    passage.taken = i;
  }
  return undefined;
}

/** Looks for an element that left before one that was certainly in front of it. */
function outOfOrder(
  { operations, call, ret }: Part,
  puts: Passages,
  describe: (operation: Operation) => string,
): Conflict | undefined {
  const all = [...puts.values()];
  const mayLeaveUnseen = operations.some(({ f, outcome }) => f !== 'enqueue' && outcome === 'info');
  // An element that was seen was in by then, whatever became of the answer.
  const inside = ({ put, taken }: Passage): number =>
    taken === undefined ? ret[put]! : Math.min(ret[put]!, ret[taken]!);
  const leaves = ({ taken }: Passage): number =>
    taken === undefined ? (mayLeaveUnseen ? -1 : Infinity) : call[taken]!;
  const byInside = all.filter((passage) => inside(passage) !== Infinity);
  byInside.sort((a, b) => inside(a) - inside(b));
  const byCall = all.filter(({ taken }) => taken !== undefined);
  byCall.sort((a, b) => call[a.put]! - call[b.put]!);
  let next = 0;
  let latest: Passage | undefined;
  for (const passage of byCall) {
    for (; next < byInside.length && inside(byInside[next]!) < call[passage.put]!; next++) {
      if (latest === undefined || leaves(byInside[next]!) > leaves(latest)) latest = byInside[next];
    }
    if (latest === undefined || leaves(latest) < ret[passage.taken!]!) continue;
    const front = operations[latest.put]!;
    const later =
      latest.taken === undefined
        ? 'was never taken out'
        : `was taken out only by ${describe(operations[latest.taken]!)}, called later`;
    const involved = [
      latest.put,
      passage.put,
      ...(latest.taken === undefined ? [] : [latest.taken]),
    ];
    const element = JSON.stringify(front.input);
    const why = `${element} was in the queue before its element was put in, and ${later}`;
    return { culprit: passage.taken!, involved, why };
  }
  return undefined;
}

/** Looks for a dequeue that found nothing while something was certainly in, all the time. */
function neverEmpty({ operations, call, ret }: Part, puts: Passages): Conflict | undefined {
  if (operations.some(({ f, outcome }) => f !== 'enqueue' && outcome === 'info')) return undefined;
  const end = ({ taken }: Passage): number => (taken === undefined ? Infinity : call[taken]!);
  const spans = [...puts.values()].filter((passage) => ret[passage.put]! < end(passage));
  spans.sort((a, b) => ret[a.put]! - ret[b.put]!);
  let next = 0;
  let start = Infinity;
  let until = -Infinity;
  for (let i = 0; i < operations.length; i++) {
    const { f, output } = operations[i]!;
    if (f === 'enqueue' || hasElement(output)) continue;
    // By their calls: what holds at this call is the last stretch that began before it.
    for (; next < spans.length && ret[spans[next]!.put]! < call[i]!; next++) {
      const span = spans[next]!;
      if (ret[span.put]! > until) start = ret[span.put]!;
      until = Math.max(until, end(span));
    }
    if (start > call[i]! || until < call[i]!) continue;
    let ahead = next;
    let covered = until;
    for (; ahead < spans.length && ret[spans[ahead]!.put]! < covered; ahead++) {
      covered = Math.max(covered, end(spans[ahead]!));
      if (covered > ret[i]!) break;
    }
    if (covered < ret[i]!) continue;
    const within = spans.slice(0, Math.min(ahead + 1, spans.length));
    const involved = within.filter((span) => end(span) > call[i]!).map(({ put }) => put);
    const why = 'from its call to its return something was in the queue all the time';
    return { culprit: i, involved: involved.slice(0, involvedMax), why };
  }
  return undefined;
}

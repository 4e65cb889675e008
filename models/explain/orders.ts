/**
 * The longest orders that are possible: for each operation of a counterexample, one of all the
 * others, with the state after each step, and why the one left out fits nowhere in it.
 */

import type { Operation } from '../../src/history';
import type { Part } from '../checker/decider';
import { describeOperation, describeState } from '../checker/explain';
import type { Model } from '../model';
import type { FreeSearch, Step } from './freeSearch';
import { placesFor, statesOf } from './grow';

export interface OrderStep {
  readonly operation: Operation;
  /** The state after it, described. */
  readonly state: string;
  /** Whether it is only context: it need not have happened. */
  readonly isFree: boolean;
}

export interface PossibleOrder {
  /** The operation that has no place in it. */
  readonly without: Operation;
  readonly steps: readonly OrderStep[];
  /** Why not, as part of a sentence. */
  readonly why: string;
}

export interface LongestOrders {
  /** Of the culprit first. */
  readonly orders: readonly PossibleOrder[];
  /** Free operations that the order without the culprit needs. */
  readonly context: readonly number[];
}

const statesShownMax = 3;

export function longestOrders<State>(
  part: Part,
  model: Model<State>,
  search: FreeSearch<State>,
  core: readonly number[],
  culprit: number,
): LongestOrders {
  const orders: PossibleOrder[] = [];
  let context: readonly number[] = [];
  for (const without of [culprit, ...core.filter((i) => i !== culprit)]) {
    const result = search.run(core.filter((i) => i !== without));
    if (result.verdict !== 'ok') continue;
    const { steps } = result;
    if (without === culprit) {
      context = [...new Set(steps.filter(({ isFree }) => isFree).map(({ index }) => index))];
      context = context.filter((i) => !core.includes(i));
    }
    orders.push(describeOrder(part, model, steps, without));
  }
  return { orders, context };
}

function describeOrder<State>(
  part: Part,
  model: Model<State>,
  steps: readonly Step[],
  without: number,
): PossibleOrder {
  const states = statesOf(part, model, steps);
  const described = steps.map(({ index, isFree }, at) => ({
    operation: part.operations[index]!,
    state: describeState(model, states[at + 1]!),
    isFree,
  }));
  const operation = part.operations[without]!;
  return { without: operation, steps: described, why: whyNot(part, model, steps, without) };
}

/** By real time an operation fits between some steps of an order; in none is it allowed. */
function whyNot<State>(
  part: Part,
  model: Model<State>,
  steps: readonly Step[],
  without: number,
): string {
  const operation = part.operations[without]!;
  const [from, to] = placesFor(part, steps, without);
  const places = statesOf(part, model, steps).slice(from, to + 1);
  if (places.length === 0) return 'by real time it has no place in the order of the others';
  const seen = [...new Set(places.map((state) => describeState(model, state)))];
  const shown =
    seen.slice(0, statesShownMax).join(' or ') +
    (seen.length > statesShownMax ? ` or ${seen.length - statesShownMax} others` : '');
  const isAllowed = places.some((state) => model.step(state, operation) !== undefined);
  const name = describeOperation(model, operation);
  return isAllowed
    ? `where time allows it, the state is ${shown}, and what it does there forbids what follows`
    : `where time allows ${name}, the state is ${shown}`;
}

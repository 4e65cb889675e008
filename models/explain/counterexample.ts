/**
 * The smallest explanation of a history that cannot be linearized: a few operations that
 * contradict each other, whatever all the others did.
 *
 * "Smallest" is by inclusion: each of them is needed, since without it the rest has an order, and
 * those orders are shown. They are found with a checker in the loop (grow from the suspects, then
 * QuickXplain: halve, keep what is needed) on relaxations of the part, which makes every step
 * sound; see `freeSearch.ts`. The search is deterministic. Where it reaches a limit, the checker's
 * own explanation is given, and `isMinimal` says that it may have more than is needed.
 */

import type { History, Operation } from '../../src/history';
import { Budget } from '../checker/budget';
import type { BudgetOptions } from '../checker/budget';
import { describeOperation } from '../checker/explain';
import { checkLinearizable } from '../checker/linearizability';
import type { Verdict } from '../checker/linearizability';
import { NEVER } from '../checker/decider';
import type { Explanation, Part } from '../checker/decider';
import { partition } from '../checker/parts';
import type { Model } from '../model';
import { canChange, cutAt } from './freeSearch';
import type { FreeSearch } from './freeSearch';
import { grow } from './grow';
import type { Grown } from './grow';
import { longestOrders } from './orders';
import type { PossibleOrder } from './orders';

export interface Counterexample {
  /** The key of the part; undefined when the model has one part. */
  readonly key: string | undefined;
  /** One sentence: which operation cannot be placed, and why. */
  readonly message: string;
  /** The operation that cannot be placed. */
  readonly culprit: Operation;
  /** The operations that contradict each other, by their calls; the culprit is one of them. */
  readonly operations: readonly Operation[];
  /** Others whose effects they saw, by their calls: with them the story is complete. */
  readonly context: readonly Operation[];
  /** How many operations of the part are in neither list. */
  readonly others: number;
  /** For each of `operations`, the culprit first: an order of all the rest without it. */
  readonly orders: readonly PossibleOrder[];
  /** Whether each operation is known to be needed. */
  readonly isMinimal: boolean;
  /** How often the checker was asked. */
  readonly checks: number;
}

export interface CounterexampleOptions extends BudgetOptions {
  /** Parts to explain. Default 10. */
  readonly partsMax?: number;
}

const partsMaxDefault = 10;
/** A counterexample for each part that failed, in the order of the verdict. */
export function counterexamples<State>(
  history: History | readonly Operation[],
  givenModel: Model<State>,
  verdict: Verdict,
  options: CounterexampleOptions = {},
): readonly Counterexample[] {
  const isHistory = 'operations' in history;
  const operations = isHistory ? history.operations : history;
  const model = (isHistory ? givenModel.forHistory?.(history) : undefined) ?? givenModel;
  const failed = verdict.partitions.filter((part) => part.verdict === 'fail');
  const wanted = failed.slice(0, options.partsMax ?? partsMaxDefault);
  const parts = new Map(partition(operations, model).map((part) => [part.key, part]));
  const budget = new Budget(options);
  return wanted.map(({ key, explanation }) =>
    new Minimizer(parts.get(key)!, model, budget, explanation?.involved ?? []).run(explanation),
  );
}

class Minimizer<State> {
  private search: FreeSearch<State> | undefined;
  private smallest: readonly number[] = [];
  private isDecided = true;
  private checks = 0;
  /** Operations of the whole part, before it was cut at the culprit's return. */
  private readonly total: number;

  constructor(
    private part: Part,
    private readonly model: Model<State>,
    private readonly budget: Budget,
    private readonly suspects: readonly Operation[],
  ) {
    this.total = part.operations.length;
  }

  run(explanation: Explanation | undefined): Counterexample {
    const whole = this.part;
    const given = explanation === undefined ? -1 : whole.operations.indexOf(explanation.operation);
    const operation =
      whole.operations[
        given === -1 ? lastAnswer(this.model, whole, [...whole.operations.keys()]) : given
      ]!;
    // Mostly all is wrong by the culprit's return, and what comes later can be left out.
    const grown =
      this.growIn(cutAt(whole, whole.ret[whole.operations.indexOf(operation)]!), operation) ??
      this.growIn(whole, operation);
    const indexOf = (one: Operation): number => this.part.operations.indexOf(one);
    const culprit = indexOf(operation);
    if (grown === undefined) {
      const named = (explanation?.involved ?? []).map(indexOf).filter((i) => i !== -1);
      return this.asGiven(explanation, culprit, named);
    }
    const { part, model } = this;
    this.search = grown.search;
    this.smallest = grown.core;
    // Preferred are operations near the culprit: those that come first are kept.
    this.quickXplain([], false, [...grown.core].reverse());
    if (this.smallest.length > 2) this.quickXplain([], false, this.smallest);
    const core = this.inOrder(this.smallest);
    const chosen = core.includes(culprit) ? culprit : lastAnswer(model, part, core);
    const { orders, context } = longestOrders(part, model, grown.search, core, chosen);
    return {
      ...this.facts(core, context, chosen, orders[0]),
      ...{ orders, isMinimal: this.isDecided && orders.length === core.length },
    };
  }

  private growIn(part: Part, culprit: Operation): Grown<State> | undefined {
    this.part = part;
    const indexOf = (one: Operation): number => part.operations.indexOf(one);
    const suspects = this.suspects.map(indexOf).filter((i) => i !== -1);
    const isTimeLeft = (): boolean => this.budget.look();
    return grow(part, this.model, suspects, indexOf(culprit), isTimeLeft);
  }

  /** What the checker's own explanation names, when no set could be proven to fail. */
  private asGiven(
    explanation: Explanation | undefined,
    culprit: number,
    suspects: readonly number[],
  ): Counterexample {
    const core = this.inOrder([...new Set([...suspects, culprit])]);
    const { message, ...facts } = this.facts(core, [], culprit, undefined);
    const given = explanation?.message ?? message;
    return { ...facts, message: given, orders: [], isMinimal: false };
  }

  private facts(
    core: readonly number[],
    context: readonly number[],
    culprit: number,
    order: PossibleOrder | undefined,
  ): Omit<Counterexample, 'orders' | 'isMinimal'> {
    const { part } = this;
    const operations = core.map((i) => part.operations[i]!);
    return {
      key: part.key,
      message: this.message(operations, part.operations[culprit]!, order),
      culprit: part.operations[culprit]!,
      operations,
      context: this.inOrder(context).map((i) => part.operations[i]!),
      others: this.total - core.length - context.length,
      checks: this.checks,
    };
  }

  private inOrder(indexes: readonly number[]): readonly number[] {
    return [...indexes].sort((a, b) => this.part.call[a]! - this.part.call[b]!);
  }

  /**
   * The part of `candidates` that is needed beside `background` for a failure; those that come
   * first are kept where there is a choice. `isNew`: whether the background has grown since it
   * was last seen not to fail.
   */
  private quickXplain(
    background: readonly number[],
    isNew: boolean,
    candidates: readonly number[],
  ): readonly number[] {
    if (isNew && this.fails(background)) return [];
    if (candidates.length <= 1) return candidates;
    const half = candidates.length >> 1;
    const [first, second] = [candidates.slice(0, half), candidates.slice(half)];
    const ofSecond = this.quickXplain([...background, ...first], true, second);
    const ofFirst = this.quickXplain([...background, ...ofSecond], ofSecond.length > 0, first);
    return [...ofFirst, ...ofSecond];
  }

  private fails(counting: readonly number[]): boolean {
    if (!this.budget.look()) {
      this.isDecided = false;
      return false;
    }
    this.checks++;
    const { verdict } = this.search!.run(this.inOrder(counting));
    if (verdict === 'unknown') this.isDecided = false;
    if (verdict !== 'fail') return false;
    if (counting.length < this.smallest.length) this.smallest = counting;
    return true;
  }

  private message(
    operations: readonly Operation[],
    culprit: Operation,
    order: PossibleOrder | undefined,
  ): string {
    const { model } = this;
    const name = (operation: Operation): string =>
      `${describeOperation(model, operation)} by process ${operation.process}`;
    const others = operations.filter((operation) => operation !== culprit);
    const rest = this.total - operations.length;
    const whatever = rest === 0 ? '' : `, whatever ${plural(rest, 'other operation')} did`;
    if (others.length === 0) {
      return (
        `${name(culprit)} cannot be placed anywhere: in no order do the operations called ` +
        `before its return lead to its answer`
      );
    }
    const why = order === undefined ? '' : `: ${order.why}`;
    return `${name(culprit)} cannot be placed beside ${joined(others.map(name))}${whatever}${why}`;
  }
}

function plural(count: number, noun: string): string {
  return count === 1 ? `one ${noun}` : `the ${count} ${noun}s`;
}

const listedMax = 6;

function joined(list: readonly string[]): string {
  if (list.length === 1) return list[0]!;
  if (list.length > listedMax) {
    return `${list.slice(0, listedMax).join(', ')} and ${list.length - listedMax} more`;
  }
  return `${list.slice(0, -1).join(', ')} and ${list.at(-1)}`;
}

/** The operation a sentence is best about: an answer, the last one, rather than a change. */
function lastAnswer<State>(model: Model<State>, part: Part, among: readonly number[]): number {
  const { ret, operations } = part;
  const answered = among.filter((i) => ret[i] !== NEVER);
  const observers = answered.filter((i) => !canChange(model, operations[i]!));
  const best = observers.length > 0 ? observers : answered;
  return best.reduce((last, i) => (ret[i]! > ret[last]! ? i : last), best[0] ?? among[0]!);
}

/** Checks a history and, when it fails, explains every part that does. */
export function explainFailure<State>(
  history: History | readonly Operation[],
  model: Model<State>,
  options: CounterexampleOptions = {},
): { readonly verdict: Verdict; readonly counterexamples: readonly Counterexample[] } {
  const verdict = checkLinearizable(history, model, options);
  if (verdict.verdict !== 'fail') return { verdict, counterexamples: [] };
  return { verdict, counterexamples: counterexamples(history, model, verdict, options) };
}

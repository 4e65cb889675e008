/**
 * Decides whether a history is linearizable: is there one order of its operations that keeps
 * real time and that the model allows?
 *
 * The history falls into the model's parts; each is given to the model's deciders in order and
 * then to the general search. All parts are looked at, so that a failure shows all that is
 * wrong. The answer is `unknown` when a budget ran out in some part and no part failed.
 */

import type { History, Operation } from '../../src/history';
import { decideCompleted } from '../completedModel';
import type { Model } from '../model';
import { Budget } from './budget';
import type { BudgetOptions } from './budget';
import type { Decision, Explanation, Part } from './decider';
import { partition } from './parts';

export interface CheckOptions extends BudgetOptions {
  /** Whether to use the model's own deciders before the general search. Default true. */
  readonly deciders?: boolean;
}

export interface PartVerdict {
  /** The key of the part; undefined when the model has one part. */
  readonly key: string | undefined;
  readonly verdict: 'ok' | 'fail' | 'unknown';
  /** The procedure that decided: `search`, `zones`, `revisions`, ... */
  readonly method: string;
  readonly operations: number;
  /** Configurations the search visited. */
  readonly nodes: number;
  /** Of an `ok`: a linearization, if the procedure makes one. */
  readonly order?: readonly Operation[];
  /** Of a `fail`. */
  readonly explanation?: Explanation;
  /** Of an `unknown`. */
  readonly reason?: string;
}

export interface Verdict {
  readonly verdict: 'ok' | 'fail' | 'unknown';
  readonly model: string;
  /** Operations in the history, the dropped ones included. */
  readonly operations: number;
  readonly partitions: readonly PartVerdict[];
  readonly nodes: number;
  /** By the clock of the options; 0 without one. */
  readonly ms: number;
  /** Of the first part that failed. */
  readonly explanation?: Explanation;
  /** Of the first part that could not be decided. */
  readonly reason?: string;
}

export function checkLinearizable<State>(
  history: History | readonly Operation[],
  givenModel: Model<State>,
  options: CheckOptions = {},
): Verdict {
  const check = divide(history, givenModel);
  const budget = new Budget(options);
  const useDeciders = options.deciders ?? true;
  return check.verdict(
    check.parts.map((part) => check.decide(part, budget, useDeciders)),
    budget,
  );
}

/** A check in steps, for who wants to decide its parts elsewhere. */
export interface DividedCheck {
  /** The ones with the fewest operations first. */
  readonly parts: readonly Part[];
  /** Whether the model as given decides, which another thread can have too. */
  readonly isPlain: boolean;
  decide(part: Part, budget: Budget, useDeciders: boolean): PartVerdict;
  /** Of all parts, in the order of `parts`. */
  verdict(partitions: readonly PartVerdict[], budget: Budget): Verdict;
}

export function divide<State>(
  history: History | readonly Operation[],
  givenModel: Model<State>,
): DividedCheck {
  const isHistory = 'operations' in history;
  const operations = isHistory ? history.operations : history;
  const model = (isHistory ? givenModel.forHistory?.(history) : undefined) ?? givenModel;
  return {
    parts: partition(operations, model),
    isPlain: model === givenModel,
    decide: (part, budget, useDeciders) => decide(part, model, budget, useDeciders),
    verdict(partitions, budget) {
      const failed = partitions.find(({ verdict }) => verdict === 'fail');
      const undecided = partitions.find(({ verdict }) => verdict === 'unknown');
      return {
        verdict: failed !== undefined ? 'fail' : undecided !== undefined ? 'unknown' : 'ok',
        model: model.name,
        operations: operations.length,
        partitions,
        nodes: partitions.reduce((sum, { nodes }) => sum + nodes, 0),
        ms: budget.elapsedMs,
        ...(failed?.explanation === undefined ? {} : { explanation: failed.explanation }),
        ...(undecided?.reason === undefined ? {} : { reason: undecided.reason }),
      };
    },
  };
}

function decide<State>(
  part: Part,
  model: Model<State>,
  budget: Budget,
  useDeciders: boolean,
): PartVerdict {
  const nodesBefore = budget.nodes;
  const { verdict, method, ...rest } = decisionOf(part, model, budget, useDeciders);
  const nodes = budget.nodes - nodesBefore;
  return {
    ...{ key: part.key, verdict, method, operations: part.operations.length, nodes },
    ...rest,
  };
}

function decisionOf<State>(
  part: Part,
  model: Model<State>,
  budget: Budget,
  useDeciders: boolean,
): Decision {
  if (useDeciders) {
    for (const decider of model.deciders ?? []) {
      const decision = decider(part, budget);
      if (decision !== undefined) return decision;
    }
  }
  return decideCompleted(part, model, budget);
}

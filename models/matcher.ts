/**
 * The matcher for Jest and Vitest: `expect(history).toBeLinearizable(models.register())`.
 *
 * It is made of what the process has to offer, its clock and a look at its heap, which pure code
 * does not have (`src/matcher.ts` brings them): a search that would fill the heap ends by itself.
 * A history that could not be decided fails both the assertion and its negation: it is evidence
 * for neither.
 */

import type { History, Operation } from '../src/history';
import type { CheckOptions } from './checker/linearizability';
import { explainFailure } from './explain/counterexample';
import type { Model } from './model';

export interface LinearizabilityMatchers<Result> {
  toBeLinearizable<State>(model: Model<State>, options?: CheckOptions): Result;
}

interface MatcherContext {
  readonly isNot?: boolean;
}

interface MatcherResult {
  readonly pass: boolean;
  readonly message: () => string;
}

type Matcher = <State>(
  this: MatcherContext,
  history: History | readonly Operation[],
  model: Model<State>,
  options?: CheckOptions,
) => MatcherResult;

/** What `expect.extend` takes. The options given to an assertion win over the surroundings. */
export function matchersWith(surroundings: CheckOptions): { readonly toBeLinearizable: Matcher } {
  return {
    toBeLinearizable(history, model, options) {
      return judge(this, history, model, { ...surroundings, ...options });
    },
  };
}

function judge<State>(
  { isNot }: MatcherContext,
  history: History | readonly Operation[],
  model: Model<State>,
  options: CheckOptions,
): MatcherResult {
  const found = explainFailure(history, model, options);
  const { verdict, operations, explanation, reason } = found.verdict;
  const why = found.counterexamples[0]?.message ?? explanation?.message;
  const what = `the history of ${operations} operations`;
  switch (verdict) {
    case 'ok':
      return {
        pass: true,
        message: () => `${what} is linearizable for the model ${model.name}, and should not be`,
      };
    case 'fail':
      return {
        pass: false,
        message: () => `${what} is not linearizable for the model ${model.name}: ${why}`,
      };
    case 'unknown':
      return {
        pass: isNot === true,
        message: () => `undecided: ${what} could not be decided: ${reason}`,
      };
  }
}

/**
 * A matcher for Jest and Vitest: `expect(history).toBeLinearizable(models.register())`.
 *
 * ```ts
 * expect.extend(linearizabilityMatchers);
 * declare module 'expect' {
 *   interface Matchers<R> extends LinearizabilityMatchers<R> {}
 * }
 * ```
 *
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

/** What `expect.extend` takes. */
export const linearizabilityMatchers = {
  toBeLinearizable<State>(
    this: MatcherContext,
    history: History | readonly Operation[],
    model: Model<State>,
    options: CheckOptions = {},
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
          pass: this.isNot === true,
          message: () => `${what} could not be decided: ${reason}`,
        };
    }
  },
};

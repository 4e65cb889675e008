/** What a procedure without a search says when it has found operations that no order allows. */
import type { Operation } from '../../src/history';
import type { Decision, Part } from './decider';

/** Indexes of the operations of a part that contradict each other. */
export interface Conflict {
  readonly culprit: number;
  readonly involved: readonly number[];
  readonly why: string;
}

export function refusal(
  method: string,
  part: Part,
  { culprit, involved, why }: Conflict,
  describe: (operation: Operation) => string,
): Decision {
  const operation = part.operations[culprit]!;
  const message = `${describe(operation)} by process ${operation.process} cannot be placed: ${why}`;
  return {
    verdict: 'fail',
    method,
    explanation: {
      message,
      operation,
      involved: involved.map((i) => part.operations[i]!),
      linearized: [],
      state: '',
      rejected: [{ operation, why }],
    },
  };
}

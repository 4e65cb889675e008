/** A rule about a store, with what it found, as a promise of a run. */
import type { RuleResult } from '../../models';
import type { Operation } from '../../src/history';
import {
  describeCompletion,
  describeInvocation,
  type Evidence,
  type PropertyResult,
} from '../../reports';

export interface PropertyContext {
  /** Name of the history in the report. */
  readonly history: string;
  /** Default: the name of the rule. */
  readonly id?: string;
  readonly evidence: Evidence;
  /** The moment that a line of the counterexample shows. Default: of the return. */
  readonly momentOf?: (operation: Operation) => number;
}

export function propertyOf(result: RuleResult, context: PropertyContext): PropertyResult {
  const { rule, promise, verdict, violation, reason } = result;
  const { history, id = rule, evidence, momentOf = (one) => one.return } = context;
  const base = { id, title: promise, evidence };
  if (violation === undefined) {
    return reason === undefined ? { ...base, verdict } : { ...base, verdict, reason };
  }
  const { message, operations, lines: others = [] } = violation;
  const moments = operations.map(
    (one) =>
      `${(momentOf(one) / 1e9).toFixed(6)} s  ${describeInvocation(one)} -> ` +
      describeCompletion(one),
  );
  const lines = [...others, ...moments];
  const operationIds = operations.map(({ id: operation }) => operation);
  const counterexample = { title: message, lines, history, operationIds };
  return { ...base, verdict: 'fail', reason: message, counterexample };
}

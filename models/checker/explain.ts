/**
 * Says why a part cannot be linearized, from the configuration that got furthest.
 *
 * The search stood before a return that nothing could satisfy: that operation is the culprit. The
 * explanation shows a longest possible order, the state after it, and for every operation that
 * could have come next by time why it could not.
 */

import type { Operation } from '../../src/history';
import type { Model } from '../model';
import type { Explanation, Part, Rejection } from './decider';
import { orderTo } from './linearization';
import type { Search } from './search';
import type { StateSpace } from './stateSpace';

const involvedMax = 8;

export function describeOperation<State>(model: Model<State>, operation: Operation): string {
  if (model.describeOperation !== undefined) return model.describeOperation(operation);
  const { f, key, input, output, outcome } = operation;
  const target = key === undefined ? '' : `${key}, `;
  const argument = input === undefined || input === null ? '' : JSON.stringify(input);
  const call = `${f}(${target}${argument})`.replace(', )', ')');
  if (outcome === 'ok') return `${call} -> ${JSON.stringify(output)}`;
  return outcome === 'fail' ? `${call} -> failed` : `${call} -> unknown`;
}

export function describeState<State>(model: Model<State>, state: State): string {
  return model.describeState?.(state) ?? JSON.stringify(state);
}

/** Name of an operation in a sentence: what it did and who did it. */
export function nameOperation<State>(model: Model<State>, operation: Operation): string {
  return `${describeOperation(model, operation)} by process ${operation.process}`;
}

function replay<State>(model: Model<State>, order: readonly Operation[]): State {
  let state = model.init();
  for (const operation of order) {
    const next = model.step(state, operation);
    if (next === undefined) {
      throw new Error(`the order of the search breaks at operation ${operation.id}`);
    }
    state = next;
  }
  return state;
}

export function explainSearch<State>(
  part: Part,
  model: Model<State>,
  space: StateSpace<State>,
  search: Search<State>,
): Explanation {
  const { furthest, window } = search;
  const moment = search.configurations.moment(furthest);
  const culprit = window.returning[moment]!;
  const order = orderTo(part, space, search, furthest);
  const linearized = order.map((i) => part.operations[i]!);
  const state = replay(model, linearized);
  const rejected: Rejection[] = [];
  const placed = new Set(order);
  for (let i = 0; i < window.calledBefore[moment]!; i++) {
    const operation = part.operations[i]!;
    if (placed.has(i) || operation.outcome === 'info') continue;
    const isAllowed = model.step(state, operation) !== undefined;
    const why = isAllowed
      ? `${describeOperation(model, operation)} could come next, but leads to the same end`
      : `${describeOperation(model, operation)} is not allowed when the state is ` +
        describeState(model, state);
    rejected.push({ operation, why });
  }
  const operation = part.operations[culprit]!;
  const others = rejected.map((rejection) => rejection.operation).filter((o) => o !== operation);
  const recent = linearized.slice(-(involvedMax - 1));
  const where = part.key === undefined ? '' : ` of key ${part.key}`;
  return {
    message:
      `${nameOperation(model, operation)} cannot be placed: in no order of the operations ` +
      `before its return is it allowed; the longest one has ${linearized.length} of the ` +
      `${part.operations.length} operations${where} and leaves the state ` +
      describeState(model, state),
    operation,
    involved: [...recent, ...others.slice(0, involvedMax), operation],
    linearized,
    state: describeState(model, state),
    rejected,
  };
}

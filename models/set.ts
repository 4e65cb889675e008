/**
 * A set: add, remove, contains, and a read of all elements.
 *
 * `contains` returns whether the element is there; `read` returns all elements in any order.
 * `add` and `remove` may return whether they changed the set; null says nothing. Elements are
 * JSON values.
 */

import type { Operation } from '../src/history';
import { labelByAnswer } from './model';
import type { Effect, Model } from './model';
import { ModelError } from './modelError';

/** The elements as JSON texts, sorted. */
export type SetState = readonly string[];

function step(state: SetState, operation: Operation): SetState | undefined {
  const { f, input, output, outcome } = operation;
  if (f === 'read') return outcome === 'info' || sameElements(state, operation) ? state : undefined;
  const element = JSON.stringify(input);
  const isThere = state.includes(element);
  if (f === 'contains') return outcome === 'info' || output === isThere ? state : undefined;
  const changes = f === 'add' ? !isThere : isThere;
  if (outcome !== 'info' && typeof output === 'boolean' && output !== changes) return undefined;
  if (!changes) return state;
  return f === 'add' ? [...state, element].sort() : state.filter((other) => other !== element);
}

function sameElements(state: SetState, operation: Operation): boolean {
  const { output } = operation;
  if (!Array.isArray(output)) throw new ModelError(operation, 'a read of a set returned no list');
  const elements = output.map((element) => JSON.stringify(element)).sort();
  return elements.length === state.length && elements.every((element, i) => element === state[i]);
}

function effect({ f, output, outcome }: Operation): Effect {
  if (f === 'read' || f === 'contains') return 'observe';
  if (outcome === 'info' || typeof output !== 'boolean') return 'update';
  return output ? 'any' : 'observe';
}

function describeOperation({ f, key, input, output, outcome }: Operation): string {
  const parts = [
    ...(key === undefined ? [] : [key]),
    ...(f === 'read' ? [] : [JSON.stringify(input)]),
  ];
  const end =
    outcome === 'ok' ? JSON.stringify(output ?? null) : outcome === 'fail' ? 'failed' : 'unknown';
  const says = outcome === 'ok' && (output === null || output === undefined) ? '' : ` -> ${end}`;
  return `${f}(${parts.join(', ')})${says}`;
}

export function set(): Model<SetState> {
  return {
    name: 'set',
    operations: ['add', 'remove', 'contains', 'read'],
    init: () => [],
    step,
    partition: (operation) => operation.key ?? '',
    effect,
    label: labelByAnswer,
    hash: (state) => state.join('\n'),
    describeOperation,
    describeState: (state) => `{${state.join(', ')}}`,
  };
}

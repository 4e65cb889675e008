/**
 * A set: add, remove, contains, and a read of all elements.
 *
 * `contains` returns whether the element is there; `read` returns all elements in any order.
 * `add` and `remove` may return whether they changed the set; null says nothing. Elements are
 * JSON values.
 */

import type { Operation } from '../src/history';
import { jsonText, labelByValues } from './model';
import type { Effect, Model } from './model';
import { ModelError } from './modelError';

/** The elements as lines of JSON in order, after an empty one: "\n1\n2\n". */
export type SetState = string;

const empty = '\n';

function step(state: SetState, operation: Operation): SetState | undefined {
  const { f, input, output, outcome } = operation;
  if (f === 'read')
    return outcome === 'info' || elementsOf(operation) === state ? state : undefined;
  const line = `${jsonText(input)}\n`;
  const at = state.indexOf(`\n${line}`);
  const isThere = at !== -1;
  if (f === 'contains') return outcome === 'info' || output === isThere ? state : undefined;
  const changes = f === 'add' ? !isThere : isThere;
  if (outcome !== 'info' && typeof output === 'boolean' && output !== changes) return undefined;
  if (!changes) return state;
  if (f === 'remove') return state.slice(0, at + 1) + state.slice(at + 1 + line.length);
  const place = placeOf(state, line);
  return state.slice(0, place) + line + state.slice(place);
}

/** Where the line belongs, by halves. */
function placeOf(state: SetState, line: string): number {
  let low = 1;
  let high = state.length;
  while (low < high) {
    const start = state.lastIndexOf('\n', ((low + high) >>> 1) - 1) + 1;
    const end = state.indexOf('\n', start) + 1;
    if (state.slice(start, end) < line) low = end;
    else high = start;
  }
  return low;
}

/** The state that a read saw. */
function elementsOf(operation: Operation): SetState {
  const { output } = operation;
  if (!Array.isArray(output)) throw new ModelError(operation, 'a read of a set returned no list');
  const lines = output.map((element) => `${jsonText(element)}\n`).sort();
  return `\n${lines.join('')}`;
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
    init: () => empty,
    step,
    partition: (operation) => operation.key ?? '',
    effect,
    label: labelByValues,
    hash: (state) => state,
    describeOperation,
    describeState: (state) => `{${state.trim().replaceAll('\n', ', ')}}`,
  };
}

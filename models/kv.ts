/**
 * A map from keys to text: put, append, get and delete, each key for itself.
 *
 * A missing key holds null; appending to it creates it. A get of a missing key may return "" or
 * null, as logs have both, but a get of an existing empty text returns "".
 */

import type { Operation } from '../src/history';
import { ModelError } from './modelError';
import type { Effect, Model } from './model';

/** The text under one key; null when there is none. */
export type KvState = string | null;

function textOf(operation: Operation, value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  throw new ModelError(operation, `the value of a ${operation.f} is no text`);
}

function outputOf(operation: Operation): KvState {
  const { output } = operation;
  return output === null || output === undefined ? null : textOf(operation, output);
}

function step(state: KvState, operation: Operation): KvState | undefined {
  switch (operation.f) {
    case 'get': {
      if (operation.outcome === 'info') return state;
      const output = outputOf(operation);
      return output === state || (state === null && output === '') ? state : undefined;
    }
    case 'put':
      return textOf(operation, operation.input);
    case 'append':
      return (state ?? '') + textOf(operation, operation.input);
    case 'delete':
      return null;
    default:
      throw new ModelError(operation, `a kv store has no "${operation.f}"`);
  }
}

function effect(operation: Operation): Effect {
  if (operation.f === 'get') return 'observe';
  return operation.f === 'append' ? 'update' : 'overwrite';
}

/**
 * A text that is no prefix of anything a get returned can never be seen again, nor can what is
 * appended to it: all such texts are one. The representative is a text that no get returned.
 */
function quotient(operations: readonly Operation[]): (state: KvState) => KvState {
  const returned: string[] = [];
  for (const operation of operations) {
    if (operation.f !== 'get') continue;
    const output = outputOf(operation);
    if (output !== null && output !== '') returned.push(output);
  }
  returned.sort();
  const longest = returned.reduce((max, text) => Math.max(max, text.length), 0);
  const unseen = '\u0000'.repeat(longest + 1);
  // Mostly the texts of one path through the history follow each other.
  let latest = '';
  return (state) => {
    if (state === null || state === '' || latest.startsWith(state)) return state;
    const extended = extensionOf(state, returned);
    if (extended === undefined) return unseen;
    latest = extended;
    return state;
  };
}

/**
 * One of sorted texts that has the prefix: they stand together from where the prefix itself
 * would be. Undefined when there is none.
 */
function extensionOf(prefix: string, sorted: readonly string[]): string | undefined {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < prefix) low = middle + 1;
    else high = middle;
  }
  return sorted[low]?.startsWith(prefix) === true ? sorted[low] : undefined;
}

function describeOperation({ f, key, input, output, outcome }: Operation): string {
  const target = key === undefined ? '' : key;
  const end = outcome === 'ok' ? '' : outcome === 'fail' ? ' -> failed' : ' -> unknown';
  if (f === 'get') return `get(${target}) -> ${outcome === 'ok' ? shown(output) : outcome}`;
  if (f === 'delete') return `delete(${target})${end}`;
  return `${f}(${target}, ${shown(input)})${end}`;
}

const shownMax = 80;

/** Long texts are shown by their ends: what differs is usually there. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  if (text.length <= shownMax) return text;
  return `${text.slice(0, shownMax / 4)}...${text.slice(-shownMax / 2)} (${text.length} long)`;
}

const labels = { nothing: 0, unknown: 1 } as const;

/** What a step sees of an operation. The texts are long, so they are taken as they are. */
function label(operation: Operation): string | number {
  const { f, input, outcome } = operation;
  if (f === 'put' || f === 'append') return textOf(operation, input);
  if (f === 'delete' || outcome !== 'ok') return labels.unknown;
  return outputOf(operation) ?? labels.nothing;
}

const model: Model<KvState> = {
  name: 'kv',
  operations: ['get', 'put', 'append', 'delete'],
  init: () => null,
  step,
  partition: (operation) => operation.key ?? '',
  effect,
  label,
  hash: (state) => state ?? 0,
  quotient,
  describeOperation,
  describeState: (state) => shown(state),
};

export function kv(): Model<KvState> {
  return model;
}

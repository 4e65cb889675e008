/**
 * A first-in first-out queue: enqueue and dequeue.
 *
 * `dequeue` returns the oldest element and takes it off, or null when the queue is empty.
 * Elements are JSON values other than null.
 */

import type { Operation } from '../src/history';
import { jsonText, labelByValues } from './model';
import type { Effect, Model } from './model';
import { queueOrder } from './queueOrder';

/** The elements, the oldest first. */
export type QueueState = readonly unknown[];

function isSame(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === 'object' && jsonText(a) === jsonText(b));
}

function step(state: QueueState, operation: Operation): QueueState | undefined {
  const { f, input, output, outcome } = operation;
  if (f === 'enqueue') return [...state, input ?? null];
  if (outcome === 'info') return state.slice(1);
  if (output === null || output === undefined) return state.length === 0 ? state : undefined;
  return state.length > 0 && isSame(state[0], output) ? state.slice(1) : undefined;
}

function effect({ f, output, outcome }: Operation): Effect {
  if (f === 'enqueue' || outcome === 'info') return 'update';
  return output === null || output === undefined ? 'observe' : 'any';
}

function describeOperation({ f, key, input, output, outcome }: Operation): string {
  const target = key === undefined ? '' : key;
  const end =
    outcome === 'ok' ? JSON.stringify(output ?? null) : outcome === 'fail' ? 'failed' : 'unknown';
  if (f === 'dequeue') return `dequeue(${target}) -> ${end}`;
  const argument = `${target}${target === '' ? '' : ', '}${JSON.stringify(input)}`;
  return `enqueue(${argument})${outcome === 'ok' ? '' : ` -> ${end}`}`;
}

export function queue(): Model<QueueState> {
  return {
    name: 'queue',
    operations: ['enqueue', 'dequeue'],
    init: () => [],
    step,
    partition: (operation) => operation.key ?? '',
    effect,
    label: labelByValues,
    deciders: [queueOrder(describeOperation)],
    describeOperation,
    describeState: (state) => `[${state.map(jsonText).join(', ')}]`,
  };
}

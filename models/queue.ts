/**
 * A first-in first-out queue: enqueue and dequeue.
 *
 * `dequeue` returns the oldest element and takes it off, or null when the queue is empty.
 * Elements are JSON values other than null.
 */

import type { Operation } from '../src/history';
import { labelByAnswer } from './model';
import type { Effect, Model } from './model';
import { queueOrder } from './queueOrder';

/** The elements as JSON texts, the oldest first. */
export type QueueState = readonly string[];

const nothing = 'null';

function step(state: QueueState, operation: Operation): QueueState | undefined {
  const { f, input, output, outcome } = operation;
  if (f === 'enqueue') return [...state, JSON.stringify(input)];
  const oldest = state[0] ?? nothing;
  if (outcome !== 'info' && JSON.stringify(output ?? null) !== oldest) return undefined;
  return state.length === 0 ? state : state.slice(1);
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
    label: labelByAnswer,
    // JSON has no line break outside of its escapes.
    hash: (state) => state.join('\n'),
    deciders: [queueOrder(describeOperation)],
    describeOperation,
    describeState: (state) => `[${state.join(', ')}]`,
  };
}

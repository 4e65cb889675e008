/** A search that runs out of what it may cost ends as `unknown` and says which limit it was. */

import { clientHistory } from '../../properties/checker/clientHistories';
import { queueSubject } from '../../properties/checker/subjects';
import { checkLinearizable, queue } from '../index';
import type { CheckOptions, SearchProgress } from '../index';

/** Ten clients on one queue: with the search alone, more orders than anybody can try. */
const endless = clientHistory({
  seed: 3,
  clients: 10,
  operations: 400,
  subject: queueSubject(),
  request: (random, client, count) =>
    random() < 0.5 ? { f: 'enqueue', input: 1000 * client + count } : { f: 'dequeue', input: null },
});

function search(options: CheckOptions) {
  return checkLinearizable(endless, queue(), { deciders: false, ...options });
}

describe('a search that has no end', () => {
  test('stops at its limit of configurations', () => {
    const { verdict, reason, nodes } = search({ nodesMax: 5000 });
    expect({ verdict, reason, nodes }).toEqual({
      verdict: 'unknown',
      reason: 'the limit of 5000 configurations is reached',
      nodes: 5000,
    });
  });

  test('stops at its limit of bytes, however large its states are', () => {
    const { verdict, reason, nodes } = search({ bytesMax: 1_000_000 });
    expect(verdict).toBe('unknown');
    expect(reason).toBe('the limit of 1000000 bytes of configurations and states is reached');
    expect(nodes).toBeLessThan(20_000);
  });

  test('counts the texts of states as bytes', () => {
    const long = 'x'.repeat(10_000);
    const operations = endless.map((operation) => {
      const named = (value: unknown): unknown =>
        value === null ? null : `${value as number}${long}`;
      return { ...operation, input: named(operation.input), output: named(operation.output) };
    });
    const options = { deciders: false, bytesMax: 20_000_000 };
    const { verdict, nodes } = checkLinearizable(operations, queue(), options);
    expect(verdict).toBe('unknown');
    expect(nodes).toBeLessThan(2000);
  });

  test('stops when the heap is nearly full', () => {
    let usedBytes = 0;
    const heap = () => ({ usedBytes: (usedBytes += 2 ** 20), limitBytes: 50 * 2 ** 20 });
    const { verdict, reason } = search({ heap });
    expect(verdict).toBe('unknown');
    expect(reason).toBe('the heap holds 46 MiB, nine tenths of its limit of 50 MiB are reached');
  });

  test('stops when it is cancelled, and tells how far it has come until then', () => {
    const controller = new AbortController();
    const told: SearchProgress[] = [];
    let ms = 0;
    const { verdict, reason } = search({
      now: () => (ms += 20),
      signal: controller.signal,
      onProgress: (progress) => {
        told.push(progress);
        if (told.length === 3) controller.abort();
      },
    });
    expect(verdict).toBe('unknown');
    expect(reason).toBe('the check was cancelled');
    expect(told).toHaveLength(3);
    expect(told[0]!.nodes).toBeLessThan(told[2]!.nodes);
    expect(told[2]!.reached).toBeGreaterThan(0);
    expect(told[2]!.reached).toBeLessThan(told[2]!.returns);
    expect(told[2]!.bytes).toBeGreaterThan(0);
  });
});

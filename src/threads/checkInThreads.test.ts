/** Hard parts on threads get the verdict they would get here, and can be watched and cancelled. */

import { clientHistory } from '../../properties/checker/clientHistories';
import { queueSubject } from '../../properties/checker/subjects';
import { checkLinearizable, modelNamed, queue } from '../../models';
import type { History, Operation } from '../history';
import { checkInThreads } from './checkInThreads';
import type { CheckProgress } from './checkInThreads';

const model = modelNamed('queue')!;

/** One queue, used by so many clients; the search alone has much to try. */
function queueOf(key: string, clients: number, operations: number, seed: number): Operation[] {
  const plain = clientHistory({
    ...{ seed, clients, operations, subject: queueSubject() },
    request: (random, client, count) =>
      random() < 0.5
        ? { f: 'enqueue', input: 1000 * client + count }
        : { f: 'dequeue', input: null },
  });
  return plain.map((operation) => ({ ...operation, key }));
}

/** The same element is taken out a second time, long after. */
function spoiled(operations: readonly Operation[]): Operation[] {
  const taken = operations.filter(({ f, output }) => f === 'dequeue' && output !== null);
  const last = taken.at(-5)!;
  return operations.map((one) => (one === last ? { ...one, output: taken[3]!.output } : one));
}

/** Parts of one history must agree on the order of their events, so they follow each other. */
function historyOf(parts: readonly (readonly Operation[])[]): History {
  const operations: Operation[] = [];
  for (const part of parts) {
    const [id, start] = [operations.length, 2 * operations.length];
    for (const one of part) {
      operations.push({
        ...{ ...one, id: one.id + id },
        ...{ call: one.call + start, return: one.return + start },
        ...{ callIndex: undefined, returnIndex: undefined },
      });
    }
  }
  return { meta: {}, operations, faults: [] };
}

const endless = historyOf([queueOf('q', 10, 400, 3)]);

describe('a check with threads', () => {
  test('gives the verdict, the orders and the explanations of one without', async () => {
    const history = historyOf([
      queueOf('a', 4, 100, 1),
      spoiled(queueOf('b', 4, 100, 2)),
      queueOf('c', 4, 100, 3),
    ]);
    const limits = { deciders: false, nodesMax: 1_000_000 };
    const expected = checkLinearizable(history, queue(), limits);
    const found = await checkInThreads(history, model, { ...limits, threads: 2, trialNodes: 50 });
    expect(found.verdict).toBe('fail');
    expect({ ...found, ms: 0 }).toEqual({ ...expected, ms: 0 });
    const { explanation, partitions } = found;
    expect(history.operations).toContain(explanation!.operation);
    const ok = partitions.find(({ verdict }) => verdict === 'ok')!;
    expect(history.operations).toContain(ok.order![0]);
  });

  test('tells how far it is and is cancelled by its signal', async () => {
    const controller = new AbortController();
    const told: CheckProgress[] = [];
    const { verdict, reason } = await checkInThreads(endless, model, {
      ...{ deciders: false, threads: 1, trialNodes: 100, signal: controller.signal },
      onProgress: (progress) => {
        told.push(progress);
        controller.abort();
      },
    });
    expect({ verdict, reason }).toEqual({ verdict: 'unknown', reason: 'the check was cancelled' });
    expect(told[0]).toMatchObject({ key: 'q', parts: 1, partsDone: 0 });
    expect(told[0]!.nodes).toBeGreaterThan(100);
  });

  test('does not begin when it is cancelled already', async () => {
    const options = { deciders: false, trialNodes: 100, signal: AbortSignal.abort() };
    const { verdict, reason } = await checkInThreads(endless, model, options);
    expect({ verdict, reason }).toEqual({ verdict: 'unknown', reason: 'the check was cancelled' });
  });

  test('shares its bytes out among the threads', async () => {
    const history = historyOf([queueOf('a', 10, 300, 3), queueOf('b', 10, 300, 4)]);
    const limits = { deciders: false, threads: 2, trialNodes: 100, bytesMax: 4_000_000 };
    const { verdict, partitions } = await checkInThreads(history, model, limits);
    expect(verdict).toBe('unknown');
    const reason = 'the limit of 2000000 bytes of configurations and states is reached';
    expect(partitions.map((part) => part.reason)).toEqual([reason, reason]);
  });

  test('decides here when it may have no threads', async () => {
    const limits = { deciders: false, threads: 0, nodesMax: 3000 };
    const { verdict, reason, nodes } = await checkInThreads(endless, model, limits);
    expect({ verdict, reason, nodes }).toEqual({
      ...{ verdict: 'unknown', reason: 'the limit of 3000 configurations is reached' },
      nodes: 3000,
    });
  });
});

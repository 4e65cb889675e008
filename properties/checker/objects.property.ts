/**
 * Sets, queues and locks: the checker agrees with the definition, with the procedures of the
 * models and without, and explains what it refuses in the words of the model.
 */

import fc from 'fast-check';
import { checkLinearizable, lock, queue, set } from '../../models';
import type { Operation } from '../../src/history';
import { expectAgreementOn } from './agreement';
import { execute, plans } from './randomHistories';
import { element, histories, lockRequests, queueRequests, setRequests, withLies } from './requests';
import { lockSubject, queueSubject, setSubject } from './subjects';

/** Each element once, so that the order of the queue can be read off. */
const uniqueQueues = fc
  .tuple(
    plans({
      lengthMax: 9,
      request: queueRequests,
      garbage: fc.oneof(fc.nat(8), fc.constant(null)),
      spoils: ['dequeue'],
    }),
    fc.integer({ min: 1, max: 5 }),
  )
  .map(([plan, clients]) => {
    const renamed = plan.map((one, i) => (one.f === 'enqueue' ? { ...one, input: i } : one));
    return execute(renamed, queueSubject(), clients);
  });

describe('the checker gives the verdict of the plain search', () => {
  test('for sets', () => {
    const garbage = fc.oneof(fc.boolean(), fc.constant(null));
    const options = { lengthMax: 9, request: setRequests, spoils: ['add', 'remove', 'contains'] };
    expectAgreementOn(histories({ ...options, garbage }, setSubject), set(), 2000);
  });

  test('for sets whose reads lie', () => {
    const garbage = fc.uniqueArray(element);
    const options = { lengthMax: 9, request: setRequests, garbage, spoils: ['read'] };
    expectAgreementOn(histories(options, setSubject), set(), 2000);
  });

  test('for queues', () => {
    const garbage = fc.oneof(element, fc.constant(null));
    const options = { lengthMax: 9, request: queueRequests, garbage, spoils: ['dequeue'] };
    expectAgreementOn(histories(options, queueSubject), queue(), 2000);
  });

  test('for queues by their order, when each element is put in once', () => {
    const methods = new Set<string>();
    fc.assert(
      fc.property(uniqueQueues, (operations) => {
        const { verdict, partitions } = checkLinearizable(operations, queue());
        for (const { method } of partitions) methods.add(method);
        const alone = checkLinearizable(operations, queue(), { deciders: false });
        expect(verdict).toBe(alone.verdict);
      }),
      { numRuns: 4000 },
    );
    expect([...methods].sort()).toEqual(['queue order', 'search']);
    expectAgreementOn(uniqueQueues, queue(), 2000);
  });

  test('for locks', () => {
    const options = { lengthMax: 9, request: lockRequests, garbage: fc.constant(null), spoils: [] };
    expectAgreementOn(withLies(histories(options, lockSubject)), lock(), 2000);
  });
});

const asked = { id: 0, process: 0, key: 'k', outcome: 'ok' } as const;

describe('what is refused is told in the words of the model', () => {
  test('an element out of order', () => {
    const operations: Operation[] = [
      { ...asked, f: 'enqueue', input: 1, output: null, call: 0, return: 1 },
      { ...asked, id: 1, f: 'enqueue', input: 2, output: null, call: 2, return: 3 },
      { ...asked, id: 2, f: 'dequeue', input: null, output: 2, call: 4, return: 5 },
    ];
    const { explanation } = checkLinearizable(operations, queue());
    expect(explanation!.message).toBe(
      'dequeue(k) -> 2 by process 0 cannot be placed: 1 was in the queue before its element was ' +
        'put in, and was never taken out',
    );
  });

  test('an element that is not in the set', () => {
    const operations: Operation[] = [
      { ...asked, f: 'add', input: 1, output: true, call: 0, return: 1 },
      { ...asked, id: 1, f: 'contains', input: 1, output: false, call: 2, return: 3 },
    ];
    const { explanation } = checkLinearizable(operations, set());
    expect(explanation!.message).toContain('contains(k, 1) -> false by process 0 cannot be placed');
    expect(explanation!.state).toBe('{1}');
  });

  test('a lock that is held twice', () => {
    const operations: Operation[] = [
      { ...asked, f: 'acquire', input: 'a', output: null, call: 0, return: 1 },
      { ...asked, id: 1, f: 'acquire', input: 'b', output: null, call: 2, return: 3 },
    ];
    const { explanation } = checkLinearizable(operations, lock());
    expect(explanation!.state).toBe('held by "a"');
  });
});

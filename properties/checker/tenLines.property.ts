/**
 * Models that say nothing for the sake of speed: the checker gives the verdict of the definition
 * on them, and needs no more configurations than for models that say everything.
 */

import fc from 'fast-check';
import { checkLinearizable, ILLEGAL, register } from '../../models';
import type { Model } from '../../models';
import { isSameState, StateHasher } from '../../models/stateHash';
import { stateText } from '../../models/stateText';
import type { Operation } from '../../src/history';
import { expectAgreementOn } from './agreement';
import { clientHistory } from './clientHistories';
import { hardHistory } from './hardHistories';
import { casRequests, histories, small } from './requests';
import { queueSubject, registerSubject, setSubject } from './subjects';
import { plainQueue, plainRegister, plainSet } from './tenLineModels';

const increments = fc.constantFrom({ f: 'increment', input: null }, { f: 'read', input: null });

function counterSubject() {
  let count = 0;
  return {
    apply: ({ f }: { readonly f: string }) => ({
      outcome: 'ok' as const,
      output: f === 'increment' ? (count++, null) : count,
    }),
  };
}

const counter: Model<number> = {
  name: 'counter',
  init: () => 0,
  step: (count, { f, output, outcome }) => {
    if (f === 'increment') return count + 1;
    return outcome === 'info' || output === count ? count : ILLEGAL;
  },
};

describe('a model that says little gets the verdict of the plain search', () => {
  test('a register', () => {
    const options = { lengthMax: 9, request: casRequests, garbage: small, spoils: ['read'] };
    expectAgreementOn(histories(options, registerSubject), plainRegister, 1000);
  });

  test('a set whose state is a Set', () => {
    const element = fc.nat(2);
    const request = fc.oneof(
      fc.record({ f: fc.constantFrom('add', 'remove', 'contains'), input: element }),
      fc.constant({ f: 'read', input: null }),
    );
    const spoils = ['add', 'remove', 'contains'];
    const options = { lengthMax: 9, request, garbage: fc.boolean(), spoils };
    expectAgreementOn(histories(options, setSubject), plainSet, 1000);
  });

  test('a queue', () => {
    const request = fc.oneof(
      fc.nat(2).map((input) => ({ f: 'enqueue', input })),
      fc.constant({ f: 'dequeue', input: null }),
    );
    const garbage = fc.oneof(fc.nat(2), fc.constant(null));
    const options = { lengthMax: 9, request, garbage, spoils: ['dequeue'] };
    expectAgreementOn(histories(options, queueSubject), plainQueue, 1000);
  });

  const counts = histories(
    { lengthMax: 9, request: increments, garbage: fc.nat(4), spoils: ['read'] },
    counterSubject,
  );

  test('a step that asks who it is, and only in some states', () => {
    const modest: Model<number> = {
      ...counter,
      step: (count, operation) => {
        const { f } = operation;
        if (f === 'increment' && count > 1 && operation.process % 2 === 0) return count;
        return counter.step(count, operation);
      },
    };
    expectAgreementOn(counts, modest, 1000);
  });

  test('a step that asks for a field and hides that it could not have it', () => {
    const shy: Model<number> = {
      ...counter,
      step: (count, operation) => {
        let by = 1;
        try {
          if (count > 0) by = 1 + (operation.id % 2);
        } catch {
          by = 1;
        }
        return operation.f === 'increment' ? count + by : counter.step(count, operation);
      },
    };
    expectAgreementOn(counts, shy, 1000);
  });
});

describe('a model that says little is searched at full speed', () => {
  test('twenty clients that increment a counter are one action', () => {
    const operations = clientHistory({
      ...{ seed: 3, clients: 20, operations: 1000, subject: counterSubject() },
      request: (random) => ({ f: random() < 0.7 ? 'increment' : 'read', input: null }),
    });
    const late = operations.filter(({ f }) => f === 'read').at(-20);
    const bad = operations.map((one) => (one === late ? { ...one, output: 5 } : one));
    const { verdict, nodes } = checkLinearizable(bad, counter);
    expect(verdict).toBe('fail');
    // By labels that held the process it took more than ten million.
    expect(nodes).toBeLessThan(10_000);
  });

  test('a register needs the configurations of the built-in one', () => {
    for (const seed of [7, 9, 11]) {
      const { operations } = hardHistory({
        ...{ seed, clients: 50, operations: 1000 },
        ...{ mix: [1, 1, 1] as const, domain: 5 },
      });
      const builtIn = checkLinearizable(operations, register(), { deciders: false });
      const plain = checkLinearizable(operations, plainRegister);
      expect(plain.verdict).toBe('ok');
      expect(plain.nodes).toBeLessThan(1.02 * builtIn.nodes + 50);
    }
  });
});

describe('the text of a state', () => {
  const values = fc.anything({ withBigInt: true, withMap: true, withSet: true, maxDepth: 3 });

  test('is the same for equal states', () => {
    fc.assert(
      fc.property(fc.clone(values, 2), ([a, b]) => {
        expect(stateText(a)).toBe(stateText(b));
      }),
    );
  });

  test('agrees with the hash and the equality that take its place', () => {
    const small = fc.anything({
      ...{ withBigInt: true, withMap: true, withSet: true, maxDepth: 2, maxKeys: 2 },
      values: [fc.nat(1), fc.constantFrom('', '1', null, undefined, NaN, true)],
    });
    const hash = (state: unknown): number => new StateHasher().hash(state);
    fc.assert(
      fc.property(fc.oneof(fc.clone(values, 2), fc.tuple(small, small)), ([a, b]) => {
        const isSame = isSameState(a, b);
        expect(isSameState(b, a)).toBe(isSame);
        if (isSame) expect([stateText(a), hash(a)]).toEqual([stateText(b), hash(b)]);
        // A text hides the order in which an object was filled only beside what JSON lacks.
        else if (stateText(a) === stateText(b)) expect(stateText(a)).toMatch(/^\*/);
      }),
      { numRuns: 5000 },
    );
    const filled = [
      new Map([[{ k: 1 }, new Set([[1], [2]])]]),
      new Map([[{ k: 1 }, new Set([[2], [1]])]]),
    ];
    expect(isSameState(...(filled as [unknown, unknown]))).toBe(true);
    expect(hash(filled[0])).toBe(hash(filled[1]));
  });

  test('tells apart what JSON does not', () => {
    const states = [
      ...[{}, [], new Map(), new Set(), new Map([['a', 1]]), new Set(['a'])],
      ...[null, undefined, [null], [undefined], NaN, 'null', '', 1, '1', 1n, [1], ['1']],
      ...[{ a: undefined }, { a: null }, { a: new Set([1]) }, { a: new Set(['1']) }],
    ];
    expect(new Set(states.map(stateText)).size).toBe(states.length);
  });

  test('does not depend on the order in which a set or a map was filled', () => {
    expect(stateText(new Set([1, 2]))).toBe(stateText(new Set([2, 1])));
    const ab = new Map([
      ['a', 1],
      ['b', 2],
    ]);
    expect(stateText(ab)).toBe(stateText(new Map([...ab].reverse())));
  });

  test('an object that may hide what it holds is refused, by its class', () => {
    const operation: Operation = {
      ...{ id: 0, process: 0, f: 'tick', key: undefined, input: null, output: null },
      ...{ call: 0, return: 1, outcome: 'ok' },
    };
    const dated: Model<Date> = { name: 'dated', init: () => new Date(0), step: (date) => date };
    expect(() => checkLinearizable([operation], dated)).toThrow(
      /an object of the class Date cannot be told from others like it: give the model a hash/,
    );
  });
});

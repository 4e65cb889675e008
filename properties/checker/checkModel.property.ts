/** Trying a model finds each kind of mistake, and none in the models that are right. */

import fc from 'fast-check';
import { checkModel, etcd, kv, lock, queue, register, set } from '../../models';
import type { Model } from '../../models';
import type { Operation } from '../../src/history';
import { casRequests, etcdRequests, histories, kvRequests, seen, small } from './requests';
import { etcdSubject, kvSubject, queueSubject, registerSubject, setSubject } from './subjects';
import { lockSubject } from './subjects';
import { plainQueue, plainRegister, plainSet } from './tenLineModels';

function expectFaultless<State>(
  runs: fc.Arbitrary<readonly Operation[]>,
  ...models: readonly Model<State>[]
): void {
  fc.assert(
    fc.property(runs, (operations) => {
      for (const model of models) expect(checkModel(model, operations)).toEqual([]);
    }),
    { numRuns: 40 },
  );
}

describe('the models are faultless', () => {
  test('registers', () => {
    const options = { lengthMax: 9, request: casRequests, garbage: small, spoils: ['read'] };
    const runs = histories(options, registerSubject);
    expectFaultless(runs, register());
    expectFaultless(runs, plainRegister);
  });

  test('texts', () => {
    const garbage = fc.constantFrom('', 'a', 'ab');
    const options = { lengthMax: 8, request: kvRequests, garbage, spoils: ['get'] };
    expectFaultless(histories(options, kvSubject), kv());
  });

  test('sets, queues and locks', () => {
    const sets = fc.record({ f: fc.constantFrom('add', 'remove', 'contains'), input: small });
    const none = { garbage: small, spoils: [], lengthMax: 6 };
    const ofSets = histories({ ...none, request: sets }, setSubject);
    expectFaultless(ofSets, set());
    expectFaultless(ofSets, plainSet);
    const queues = fc.record({ f: fc.constantFrom('enqueue', 'dequeue'), input: small });
    const ofQueues = histories({ ...none, request: queues }, queueSubject);
    expectFaultless(ofQueues, queue());
    expectFaultless(ofQueues, plainQueue);
    const locks = fc.record({ f: fc.constantFrom('acquire', 'release'), input: small });
    expectFaultless(histories({ ...none, request: locks }, lockSubject), lock());
  });

  test('the store of etcd', () => {
    const garbage = fc.constantFrom({ kvs: [], count: 0, more: false }, seen('a', 2));
    const options = { lengthMax: 6, request: etcdRequests, garbage, spoils: ['range'] };
    expectFaultless(histories(options, etcdSubject), etcd());
  });
});

const operation: Operation = {
  ...{ id: 0, process: 0, f: 'add', key: undefined, input: 1, output: null },
  ...{ call: 0, return: 1, outcome: 'ok' },
};
const operations: readonly Operation[] = [
  operation,
  { ...operation, id: 1, input: 2 },
  { ...operation, id: 2, f: 'count', input: null, output: 3 },
];

const sum: Model<number> = {
  name: 'sum',
  init: () => 0,
  step: (state, { f, input, output }) => {
    if (f === 'add') return Math.min(9, state + Number(input));
    return output === state ? state : undefined;
  },
};

interface List {
  readonly items: unknown[];
}

describe('a mistake is found and named', () => {
  const mistakes: readonly (readonly [string, Model<number>, RegExp])[] = [
    ['no first state', { ...sum, init: () => undefined as never }, /^init gives undefined/],
    [
      'an observer that changes the state',
      { ...sum, effect: () => 'observe' },
      /^add\(1\) -> null has the effect "observe" but changes 0$/,
    ],
    [
      'an update that is not always allowed',
      { ...sum, effect: () => 'update' },
      /^count\(\) -> 3 has the effect "update" but is not allowed in 0$/,
    ],
    [
      'an overwrite that depends on what was there',
      { ...sum, effect: ({ f }) => (f === 'add' ? 'overwrite' : 'any') },
      /^add\(1\) -> null has the effect "overwrite" but leads to \d+ states$/,
    ],
    [
      'one label for operations that differ',
      { ...sum, label: ({ f }) => f },
      /^add\(1\) -> null and add\(2\) -> null have the label add but differ from 0$/,
    ],
    [
      'a hash that makes different states one',
      { ...sum, hash: (state) => state % 2 },
      /^1 and 3 count as one state, but count\(\) -> 3 tells them apart$/,
    ],
    [
      'a quotient that forgets what is read',
      { ...sum, quotient: () => () => 0 },
      /count as one state, but/,
    ],
  ];

  test.each(mistakes)('%s', (_, model, message) => {
    expect(checkModel(sum, operations)).toEqual([]);
    expect(checkModel(model, operations)).toContainEqual(expect.stringMatching(message));
  });

  test('a step that changes the state it is given', () => {
    const list: Model<List> = {
      name: 'list',
      init: () => ({ items: [] }),
      step: (state, { input }) => {
        state.items.push(input);
        return state;
      },
    };
    expect(checkModel(list, operations)[0]).toBe(
      'add(1) -> null changes the state it is given: {"items":[]}',
    );
  });

  test('a step that draws by chance', () => {
    let drawn = 0;
    const dice: Model<number> = { ...sum, step: (state) => state + (drawn++ % 2) };
    expect(checkModel(dice, operations)[0]).toBe('add(1) -> null leads to two states from 0');
  });
});

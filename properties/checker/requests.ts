/** Requests for each model, and histories made from them by the subjects that answer them. */

import fc from 'fast-check';
import type { Operation, RangeOutput } from '../../src/history';
import { execute, plans } from './randomHistories';
import type { PlanOptions, Subject } from './randomHistories';

type Request = { readonly f: string; readonly input: unknown };

export const small: fc.Arbitrary<number> = fc.nat(2);

const read = fc.constant<Request>({ f: 'read', input: null });

export function writes(value: fc.Arbitrary<unknown>): fc.Arbitrary<Request> {
  return fc.oneof(
    read,
    value.map((input) => ({ f: 'write', input })),
  );
}

export const casRequests: fc.Arbitrary<Request> = fc.oneof(
  read,
  small.map((input) => ({ f: 'write', input })),
  fc.tuple(small, small).map((input) => ({ f: 'cas', input })),
);

export const element: fc.Arbitrary<number> = fc.nat(2);

export const setRequests: fc.Arbitrary<Request> = fc.oneof(
  fc.record({ f: fc.constantFrom('add', 'remove', 'contains'), input: element }),
  fc.constant({ f: 'read', input: null }),
);

export const queueRequests: fc.Arbitrary<Request> = fc.oneof(
  element.map((input) => ({ f: 'enqueue', input })),
  fc.constant({ f: 'dequeue', input: null }),
);

export const lockRequests: fc.Arbitrary<Request> = fc.record({
  f: fc.constantFrom('acquire', 'release'),
  input: fc.constantFrom('a', 'b'),
});

const text = fc.constantFrom('a', 'b');

export const kvRequests: fc.Arbitrary<Request> = fc.oneof(
  fc.constant({ f: 'get', input: null }),
  text.map((input) => ({ f: 'append', input })),
  text.map((input) => ({ f: 'put', input })),
  fc.constant({ f: 'delete', input: null }),
);

const key = fc.constantFrom('x', 'y');

const etcdSingle = fc.oneof(
  fc.record({ f: fc.constant('range'), key, value: fc.constant({}) }),
  fc.record({ f: fc.constant('range'), key: fc.constant('x'), value: fc.constant({ end: 'z' }) }),
  fc.record({ f: fc.constant('put'), key, value: fc.record({ value: text }) }),
  fc.record({ f: fc.constant('delete'), key, value: fc.constant({}) }),
);

const etcdCompare = fc.record({
  key,
  target: fc.constant('mod'),
  result: fc.constant('equal'),
  value: fc.nat(4),
});

/** A request and its key; the plan's own key is not used. */
export const etcdRequests: fc.Arbitrary<Request & { readonly key?: string }> = fc.oneof(
  { weight: 3, arbitrary: etcdSingle.map(({ f, key, value }) => ({ f, key, input: value })) },
  {
    weight: 1,
    arbitrary: fc
      .record({
        compare: fc.array(etcdCompare, { maxLength: 1 }),
        success: fc.array(etcdSingle, { minLength: 1, maxLength: 2 }),
        failure: fc.array(etcdSingle, { maxLength: 1 }),
      })
      // A transaction must not write a key twice.
      .filter(({ success }) => new Set(success.map(({ key }) => key)).size === success.length)
      .map((input) => ({ f: 'txn', input })),
  },
);

/** The answer of a range that found x alone, fresh at a revision. */
export function seen(value: string, mod: number): RangeOutput {
  const kv = { key: 'x', value, mod, create: mod, version: 1 };
  return { kvs: [kv], count: 1, more: false };
}

/** Histories that a subject answers, with up to five clients. */
export function histories(
  options: PlanOptions,
  subject: () => Subject,
): fc.Arbitrary<readonly Operation[]> {
  return fc
    .tuple(plans(options), fc.integer({ min: 1, max: 5 }))
    .map(([plan, clients]) => execute(plan, subject(), clients));
}

/** Some refusals are told as successes. */
export function withLies(
  arbitrary: fc.Arbitrary<readonly Operation[]>,
): fc.Arbitrary<readonly Operation[]> {
  return fc
    .tuple(arbitrary, fc.nat(20))
    .map(([operations, at]) =>
      operations.map((o, i) =>
        i === at && o.outcome === 'fail' ? { ...o, outcome: 'ok' as const } : o,
      ),
    );
}

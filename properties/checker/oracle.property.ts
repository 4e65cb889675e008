/**
 * Random small histories against a brute-force oracle, for every kind of object there is.
 *
 * The oracle (`plainSearch`) tries all orders and shares nothing with the checker but the model.
 * Histories have crashed operations, failed compares, requests that took effect twice, answers
 * that nobody gave. `ORACLE_HISTORIES=N` asks for that many in all; the default is for every day.
 */

import fc from 'fast-check';
import { checkLinearizable, kv, lock, queue, register, set } from '../../models';
import type { Model } from '../../models';
import type { Operation } from '../../src/history';
import { expectAgreement } from './agreement';
import { execute, plans } from './randomHistories';
import type { PlanOptions, Subject } from './randomHistories';
import { casRequests, element, kvRequests, lockRequests } from './requests';
import { queueRequests, setRequests, small, withLies, writes } from './requests';
import { kvSubject, lockSubject, queueSubject, registerSubject, setSubject } from './subjects';

const historiesDefault = 3000;

function historiesWanted(text = process.env['ORACLE_HISTORIES']): number {
  const count = text === undefined || text === '' ? historiesDefault : Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new Error(`ORACLE_HISTORIES is '${text}'; expected a positive integer`);
}

interface Kind {
  readonly name: string;
  readonly histories: fc.Arbitrary<readonly Operation[]>;
  readonly check: (operations: readonly Operation[]) => string;
}

/** Some requests take effect a second time, as when a client library asks again. */
function doubling(subject: Subject, twice: readonly number[]): Subject {
  let requests = 0;
  return {
    apply(operation) {
      const answer = subject.apply(operation);
      if (twice.includes(requests++)) subject.apply(operation);
      return answer;
    },
  };
}

function kind<State>(
  name: string,
  model: Model<State>,
  subject: () => Subject,
  options: Omit<PlanOptions, 'lengthMax'>,
): Kind {
  const honest = fc
    .tuple(
      plans({ lengthMax: 9, ...options }),
      fc.integer({ min: 1, max: 5 }),
      fc.oneof(
        { weight: 3, arbitrary: fc.constant([]) },
        { weight: 1, arbitrary: fc.array(fc.nat(8), { minLength: 1, maxLength: 2 }) },
      ),
    )
    .map(([plan, clients, twice]) => execute(plan, doubling(subject(), twice), clients));
  return {
    name,
    histories: withLies(honest),
    check(operations) {
      const { verdict } = expectAgreement(operations, model);
      const alone = checkLinearizable(operations, model, { deciders: false });
      expect(alone.verdict).toBe(verdict);
      return verdict;
    },
  };
}

const garbageText = fc.constantFrom('', 'a', 'b', 'ab', 'ba', 'c');
const elements = fc.oneof(element, fc.constant(null));
const answers = fc.oneof(fc.boolean(), fc.uniqueArray(element, { minLength: 1 }));
const keys = ['x', 'y'];

const kinds: readonly Kind[] = [
  kind('register', register(), registerSubject, {
    ...{ request: writes(fc.nat(4)), garbage: fc.nat(5), spoils: ['read'] },
  }),
  kind('cas register', register(), registerSubject, {
    ...{ request: casRequests, garbage: small, spoils: ['read'] },
  }),
  kind('kv', kv(), kvSubject, {
    ...{ request: kvRequests, garbage: garbageText, spoils: ['get'], keys },
  }),
  kind('set', set(), setSubject, {
    ...{ request: setRequests, garbage: answers, spoils: ['add', 'remove', 'contains'] },
  }),
  kind('queue', queue(), queueSubject, {
    ...{ request: queueRequests, garbage: elements, spoils: ['dequeue'] },
  }),
  kind('lock', lock(), lockSubject, {
    ...{ request: lockRequests, garbage: fc.constant(null), spoils: [] },
  }),
];

test('random small histories get the verdict of a brute-force oracle, whatever the object', () => {
  const numRuns = Math.ceil(historiesWanted() / kinds.length);
  for (const { name, histories, check } of kinds) {
    const counts: Record<string, number> = { ok: 0, fail: 0, unknown: 0 };
    const property = fc.property(histories, (operations) => {
      counts[check(operations)]!++;
    });
    fc.assert(property, { numRuns });
    // Both verdicts occur, or the comparison would mean nothing.
    const few = numRuns / 50;
    expect({ name, unknown: counts['unknown'] }).toEqual({ name, unknown: 0 });
    expect({ name, isMixed: Math.min(counts['ok']!, counts['fail']!) > few }).toEqual({
      ...{ name, isMixed: true },
    });
  }
});

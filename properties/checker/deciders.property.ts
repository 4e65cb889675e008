/**
 * The special procedures agree with the definition: zones and pre-checks for registers, the sweep
 * over revisions for etcd. Stale answers are made by moving an answer to another operation.
 */

import fc from 'fast-check';
import { checkLinearizable, etcd, etcdRegister, register } from '../../models';
import type { Operation } from '../../src/history';
import { expectAgreement, expectAgreementOn } from './agreement';
import { execute, plans } from './randomHistories';
import { casRequests, etcdRequests, histories, seen, small, writes } from './requests';
import { etcdRegisterSubject, etcdSubject, registerSubject } from './subjects';

/** Histories in which two reads may have swapped what they saw, revision and all. */
function withSwappedReads(
  arbitrary: fc.Arbitrary<readonly Operation[]>,
  f: string,
): fc.Arbitrary<readonly Operation[]> {
  return fc
    .record({ operations: arbitrary, swap: fc.boolean(), from: fc.nat(20), to: fc.nat(20) })
    .map(({ operations, swap, from, to }) => {
      const reads = operations.filter((o) => o.f === f && o.outcome === 'ok');
      if (!swap || reads.length < 2) return operations;
      const a = reads[from % reads.length]!;
      const b = reads[to % reads.length]!;
      const seenBy = ({ output, rev, mod }: Operation) => ({ output, rev, mod });
      return operations.map((o) => {
        if (o === a) return { ...o, ...seenBy(b) };
        return o === b ? { ...o, ...seenBy(a) } : o;
      });
    });
}

/** Every value is written once. */
const unique = fc
  .tuple(
    plans({ lengthMax: 10, request: writes(fc.nat(8)), garbage: fc.nat(10), spoils: ['read'] }),
    fc.integer({ min: 1, max: 5 }),
  )
  .map(([plan, clients]) => {
    const renamed = plan.map((one, i) => (one.f === 'write' ? { ...one, input: i } : one));
    return execute(renamed, registerSubject(), clients);
  });

/** The same with cas, most of which compare with a value that was written. */
const uniqueCas = fc
  .tuple(
    plans({ lengthMax: 9, request: casRequests, garbage: fc.nat(9), spoils: ['read'] }),
    fc.array(fc.nat(3), { minLength: 9, maxLength: 9 }),
    fc.integer({ min: 1, max: 5 }),
  )
  .map(([plan, backs, clients]) => {
    const renamed = plan.map((one, i) => {
      if (one.f === 'write') return { ...one, input: i };
      const from = i - 1 - backs[i]!;
      return one.f === 'cas' ? { ...one, input: [from < 0 ? null : from, i] } : one;
    });
    return execute(renamed, registerSubject(), clients);
  });

describe('the procedures give the verdict of the plain search', () => {
  test('zones, when every value is written once', () => {
    const methods = new Set<string>();
    fc.assert(
      fc.property(withSwappedReads(unique, 'read'), (operations) => {
        const { partitions } = expectAgreement(operations, register());
        for (const { method } of partitions) methods.add(method);
      }),
      { numRuns: 4000 },
    );
    expect([...methods].sort()).toEqual(['precheck', 'zones']);
  });

  test('zones of chains, when cas leave unique values too', () => {
    const methods = new Map<string, number>();
    fc.assert(
      fc.property(withSwappedReads(uniqueCas, 'read'), (operations) => {
        const { partitions } = expectAgreement(operations, register());
        for (const { method } of partitions) methods.set(method, (methods.get(method) ?? 0) + 1);
      }),
      { numRuns: 8000 },
    );
    // The search is needed only where a failed cas does not fit into the order found.
    expect(methods.get('zones')!).toBeGreaterThan(20 * (methods.get('search') ?? 0));
  });

  test('pre-checks before the search', () => {
    const options = { lengthMax: 9, request: casRequests, garbage: small, spoils: ['read'] };
    expectAgreementOn(histories(options, registerSubject), register(), 4000);
  });

  test('the sweep over registers with revisions', () => {
    const options = { lengthMax: 9, request: casRequests, garbage: small, spoils: ['read'] };
    const base = histories({ ...options, keys: ['x', 'y'] }, etcdRegisterSubject);
    expectAgreementOn(withSwappedReads(base, 'read'), etcdRegister(), 6000);
  });

  test('the sweep over an etcd store', () => {
    const garbage = fc.constantFrom({ kvs: [], count: 0, more: false }, seen('a', 2), seen('b', 3));
    const options = { lengthMax: 7, request: etcdRequests, garbage, spoils: ['range'] };
    const base = histories(options, etcdSubject);
    expectAgreementOn(withSwappedReads(base, 'range'), etcd(), 4000);
  });

  test('the sweep never contradicts the search on the same history', () => {
    const options = { lengthMax: 25, request: casRequests, garbage: small, spoils: ['read'] };
    const base = histories({ ...options, keys: ['x', 'y', 'z'] }, etcdRegisterSubject);
    fc.assert(
      fc.property(withSwappedReads(base, 'read'), (operations) => {
        const { verdict } = checkLinearizable(operations, etcdRegister());
        const alone = checkLinearizable(operations, etcdRegister(), { deciders: false });
        expect(verdict).toBe(alone.verdict);
      }),
      { numRuns: 2000 },
    );
  });
});

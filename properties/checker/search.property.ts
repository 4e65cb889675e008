/**
 * The fast search agrees with the definition, and what it calls a linearization is one.
 */

import fc from 'fast-check';
import { etcd, etcdRegister, kv, register } from '../../models';
import { expectAgreementOn } from './agreement';
import { casRequests, etcdRequests, histories, kvRequests, seen, small, writes } from './requests';
import { etcdRegisterSubject, etcdSubject, kvSubject, registerSubject } from './subjects';

/** The general search alone. */
const alone = { deciders: false };

const cas = histories(
  { lengthMax: 9, request: casRequests, garbage: small, spoils: ['read'] },
  registerSubject,
);

describe('the search gives the verdict of the plain search', () => {
  test('for a register with a small domain, a failed cas being an observation', () => {
    expectAgreementOn(cas, register(), 4000, alone);
  });

  test('for a register with a small domain, a failed cas telling nothing', () => {
    expectAgreementOn(cas, register({ failedCas: 'nothing' }), 2000, alone);
  });

  test('for a register that is only read and written', () => {
    const request = writes(fc.nat(4));
    const options = { lengthMax: 10, request, garbage: fc.nat(4), spoils: ['read'] };
    expectAgreementOn(histories(options, registerSubject), register(), 4000, alone);
  });

  test('for a kv store with appends', () => {
    const garbage = fc.constantFrom('', 'a', 'b', 'ab', 'ba', 'c');
    const options = { lengthMax: 10, request: kvRequests, garbage, spoils: ['get'] };
    expectAgreementOn(histories({ ...options, keys: ['x', 'y'] }, kvSubject), kv(), 3000, alone);
  });

  test('for registers with revisions', () => {
    const options = { lengthMax: 8, request: casRequests, garbage: small, spoils: ['read'] };
    const spread = histories({ ...options, keys: ['x', 'y'] }, etcdRegisterSubject);
    expectAgreementOn(spread, etcdRegister(), 2000, alone);
  });

  test('for an etcd store', () => {
    const garbage = fc.constantFrom({ kvs: [], count: 0, more: false }, seen('a', 2), seen('b', 3));
    const spoils = ['range'];
    const options = { lengthMax: 7, request: etcdRequests, garbage, spoils };
    expectAgreementOn(histories(options, etcdSubject), etcd(), 2000, alone);
  });
});

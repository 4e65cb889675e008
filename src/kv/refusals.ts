/**
 * Every answer of the state machine that refuses a request, with etcd's own status code and
 * text (the `rpctypes` of its v3 API): clients and test suites match on the exact words.
 * A refusal never has an effect, so each of these means "certainly not applied".
 */

import { Refused } from './types';

const text = (words: string): string => `etcdserver: ${words}`;

export const refusals = {
  emptyKey: (): Refused => new Refused('invalidArgument', text('key is not provided')),
  keyNotFound: (): Refused => new Refused('invalidArgument', text('key not found')),
  valueProvided: (): Refused => new Refused('invalidArgument', text('value is provided')),
  leaseProvided: (): Refused => new Refused('invalidArgument', text('lease is provided')),
  tooManyOps: (): Refused =>
    new Refused('invalidArgument', text('too many operations in txn request')),
  duplicateKey: (): Refused =>
    new Refused('invalidArgument', text('duplicate key given in txn request')),
  compacted: (): Refused =>
    new Refused('outOfRange', text('mvcc: required revision has been compacted')),
  futureRevision: (): Refused =>
    new Refused('outOfRange', text('mvcc: required revision is a future revision')),
  leaseNotFound: (): Refused => new Refused('notFound', text('requested lease not found')),
  leaseExists: (): Refused => new Refused('failedPrecondition', text('lease already exists')),
  noSpace: (): Refused => new Refused('resourceExhausted', text('mvcc: database space exceeded')),
  corrupt: (): Refused => new Refused('dataLoss', text('corrupt cluster')),
  memberExists: (): Refused => new Refused('failedPrecondition', text('member ID already exist')),
  peerUrlExists: (): Refused => new Refused('failedPrecondition', text('Peer URLs already exists')),
  memberNotFound: (): Refused => new Refused('notFound', text('member not found')),
  memberNotLearner: (): Refused =>
    new Refused('failedPrecondition', text('can only promote a learner member')),
  tooManyLearners: (): Refused =>
    new Refused('failedPrecondition', text('too many learner members in cluster')),
  notEnoughStarted: (): Refused =>
    new Refused('unknown', text('re-configuration failed due to not enough started members')),
  leaseTtlTooLarge: (): Refused => new Refused('outOfRange', text('too large lease TTL')),
} as const;

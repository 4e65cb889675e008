/**
 * Every error of a member as the gRPC status that etcd answers with, code and text.
 *
 * Clients decide by these texts whether a request may be tried again and whether it can have had
 * an effect, so they are etcd's own (the `rpctypes` of its v3 API), word by word.
 */
import { status as Status } from '@grpc/grpc-js';
import { Refused, type StatusCode } from '../kv/types';
import { NotServed, type NotServedReason } from './notServed';

/** What goes into the trailers of a call. */
export interface GrpcStatus {
  readonly code: Status;
  readonly details: string;
}

const refusedCodes: Readonly<Record<StatusCode, Status>> = {
  invalidArgument: Status.INVALID_ARGUMENT,
  notFound: Status.NOT_FOUND,
  outOfRange: Status.OUT_OF_RANGE,
  failedPrecondition: Status.FAILED_PRECONDITION,
  resourceExhausted: Status.RESOURCE_EXHAUSTED,
  unavailable: Status.UNAVAILABLE,
  dataLoss: Status.DATA_LOSS,
  unknown: Status.UNKNOWN,
};

const notServed: Readonly<Record<NotServedReason, GrpcStatus>> = {
  noLeader: { code: Status.UNAVAILABLE, details: 'etcdserver: no leader' },
  notCapable: { code: Status.UNAVAILABLE, details: 'etcdserver: not capable' },
  tooManyRequests: {
    code: Status.RESOURCE_EXHAUSTED,
    details: 'etcdserver: too many requests',
  },
  tooLarge: { code: Status.INVALID_ARGUMENT, details: 'etcdserver: request is too large' },
  timeout: { code: Status.UNAVAILABLE, details: 'etcdserver: request timed out' },
  transferTimeout: {
    code: Status.UNAVAILABLE,
    details: 'etcdserver: request timed out, leader transfer took too long',
  },
  stopped: { code: Status.UNAVAILABLE, details: 'etcdserver: server stopped' },
};

/** Refusals of the services themselves; those of the state machine are in src/kv. */
export const serviceRefusals = {
  requestTooLarge: (): NotServed => new NotServed('tooLarge', true, 'request is too large'),
  noLeader: (): NotServed => new NotServed('noLeader', true, 'a leader is required'),
  notJoined: (): NotServed =>
    new NotServed('notCapable', true, 'this member does not know its place in the cluster yet'),
  learner: (): Refused => new Refused('unavailable', 'etcdserver: rpc not supported for learner'),
  badMemberUrls: (): Refused =>
    new Refused('invalidArgument', 'etcdserver: given member URLs are invalid'),
  unhealthy: (): Refused => new Refused('unavailable', 'etcdserver: unhealthy cluster'),
  learnerNotReady: (): Refused =>
    new Refused(
      'failedPrecondition',
      'etcdserver: can only promote a learner member which is in sync with leader',
    ),
  notLeader: (): Refused => new Refused('failedPrecondition', 'etcdserver: not leader'),
  badTransferee: (): Refused =>
    new Refused('failedPrecondition', 'etcdserver: bad leader transferee'),
  invalidSort: (): Refused => new Refused('invalidArgument', 'etcdserver: invalid sort option'),
  invalidCompare: (what: string): Refused =>
    new Refused('invalidArgument', `etcdserver: invalid compare in txn request: ${what}`),
} as const;

/** The call is not part of what this member can do: nothing was tried. */
export class Unimplemented extends Error {
  constructor(what: string) {
    super(`etcdserver: ${what} is not implemented`);
    this.name = 'Unimplemented';
  }
}

/** The status for an error. What is none of ours is a defect and comes out as `unknown`. */
export function toGrpcStatus(error: unknown): GrpcStatus {
  if (error instanceof Refused) return { code: refusedCodes[error.code], details: error.message };
  if (error instanceof NotServed) return notServed[error.reason];
  if (error instanceof Unimplemented) {
    return { code: Status.UNIMPLEMENTED, details: error.message };
  }
  const text = error instanceof Error ? error.message : String(error);
  return { code: Status.UNKNOWN, details: `etcdserver: ${text}` };
}

/** Whether an error is an answer that was meant to be given, and not a defect. */
export function isExpected(error: unknown): boolean {
  return error instanceof Refused || error instanceof NotServed || error instanceof Unimplemented;
}

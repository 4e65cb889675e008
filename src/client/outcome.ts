/**
 * What became of one request: done, certainly without effect, or unknown.
 *
 * The whole worth of a history rests on `fail`: a checker takes it as "never happened". So a
 * failure is `fail` only when the request provably never left this process, or when the answer
 * can only come from a server that refused before doing anything. All else is `info`, in
 * particular codes that the gRPC library also makes up by itself after a request was sent, and
 * `database space exceeded`, which etcd can answer after it has applied the write.
 */
import { status as Status } from '@grpc/grpc-js';

/** Names of the gRPC codes, as in src/kv and in reports. */
export type FailureCode =
  | 'cancelled'
  | 'unknown'
  | 'invalidArgument'
  | 'deadlineExceeded'
  | 'notFound'
  | 'alreadyExists'
  | 'permissionDenied'
  | 'resourceExhausted'
  | 'failedPrecondition'
  | 'aborted'
  | 'outOfRange'
  | 'unimplemented'
  | 'internal'
  | 'unavailable'
  | 'dataLoss'
  | 'unauthenticated';

export interface Ok<T> {
  readonly type: 'ok';
  readonly value: T;
  /** Revision of the store in the header; 0 when the answer has no header. */
  readonly revision: number;
  /** The member that answered; 0 when it does not say. */
  readonly memberId: bigint;
  readonly clusterId: bigint;
  readonly raftTerm: number;
}

export interface Failure {
  /** `fail`: certainly without effect. `info`: nobody knows, now or ever. */
  readonly type: 'fail' | 'info';
  readonly code: FailureCode;
  /** The text of the status. */
  readonly error: string;
}

export type Outcome<T> = Ok<T> | Failure;

/** Default of the largest response that a client takes: 64 MiB. */
export const RESPONSE_BYTES_MAX = 64 * 1024 * 1024;

const codeNames: readonly FailureCode[] = [
  'unknown', // 0 is OK, which is no failure: a library that reports it as one is not understood.
  'cancelled',
  'unknown',
  'invalidArgument',
  'deadlineExceeded',
  'notFound',
  'alreadyExists',
  'permissionDenied',
  'resourceExhausted',
  'failedPrecondition',
  'aborted',
  'outOfRange',
  'unimplemented',
  'internal',
  'unavailable',
  'dataLoss',
  'unauthenticated',
];

/** The name of a gRPC code; numbers outside 1..16 are `unknown`, as gRPC has it. */
export function failureCode(code: number): FailureCode {
  return codeNames[code] ?? 'unknown';
}

/** Codes that only a server sends, and only about a request that it did not carry out. */
const refusals: ReadonlySet<Status> = new Set([
  Status.INVALID_ARGUMENT,
  Status.NOT_FOUND,
  Status.ALREADY_EXISTS,
  Status.FAILED_PRECONDITION,
  Status.OUT_OF_RANGE,
]);

/** Texts of `resourceExhausted` that a server gives before it does anything. */
const exhaustedBeforehand = [
  'etcdserver: too many requests',
  // The Go server about the request.
  'grpc: received message larger than max',
];

/** grpc-js in a server about the request, and here about the response: only the limit differs. */
const largerThanMax = /^Received message larger than max \(\d+ vs (\d+)\)/;

/** Texts under which grpc-js reports a broken answer (not a refusal) as `unimplemented`. */
const brokenAnswers = ['No message received', 'Too many responses received'];

function refusedByServer(code: Status, error: string, responseBytesMax: number): boolean {
  if (refusals.has(code)) return true;
  switch (code) {
    case Status.UNIMPLEMENTED:
    case Status.PERMISSION_DENIED:
    case Status.UNAUTHENTICATED:
      // A plain HTTP status may come from something in between that lost the real answer.
      return !error.startsWith('Received HTTP status code') && !brokenAnswers.includes(error);
    case Status.RESOURCE_EXHAUSTED: {
      const limit = largerThanMax.exec(error)?.[1];
      if (limit !== undefined) return Number(limit) !== responseBytesMax;
      return exhaustedBeforehand.some((text) => error.startsWith(text));
    }
    default:
      return false;
  }
}

/**
 * Classifies a failed request. `sent` is false only when it provably never left;
 * `responseBytesMax` is the largest response that this side takes.
 */
export function failure(
  code: Status,
  error: string,
  sent: boolean,
  responseBytesMax = RESPONSE_BYTES_MAX,
): Failure {
  const certain = !sent || refusedByServer(code, error, responseBytesMax);
  return { type: certain ? 'fail' : 'info', code: failureCode(code), error };
}

/**
 * What every unary call has in common: metadata, errors, response headers, the size of a request.
 *
 * Invariant: nothing that a client sends can make an exception leave a handler. What is not an
 * answer of ours is reported to `onDefect` and answered with `unknown`.
 */
import type { handleBidiStreamingCall, handleUnaryCall, Metadata } from '@grpc/grpc-js';
import type { ResponseHeader } from '../../api';
import type { Revision } from '../../kv/types';
import { isExpected, serviceRefusals, toGrpcStatus } from '../errors';
import type { Backend } from './backend';
import type { HeaderWriter } from './wireWriter';

export interface ServiceLimits {
  /** Largest request that may go into the log. */
  readonly requestBytesMax: number;
  /** Operations, or comparisons, in one transaction. */
  readonly txnOpsMax: number;
}

export interface ServiceContext {
  readonly backend: Backend;
  readonly limits: ServiceLimits;
  readonly headers: HeaderWriter;
  /** Told of errors that are defects of this program, not answers. */
  readonly onDefect: (error: unknown) => void;
}

/** A decoded request with its size on the wire. */
export interface Sized<Request> {
  readonly message: Request;
  readonly bytes: number;
}

/** How a call is treated by a member that is a learner, or does not know yet whether it is. */
export interface CallTraits {
  /** Answered by a learner as well. Default false. */
  readonly onLearner?: boolean;
  /** Answered before this member knows whether it is a learner, too. Default false. */
  readonly beforeJoining?: boolean;
}

/** The header of a response that was made at `revision`. */
export function headerAt({ backend }: ServiceContext, revision: Revision): ResponseHeader {
  return {
    clusterId: backend.clusterId,
    memberId: backend.memberId,
    revision: BigInt(revision),
    raftTerm: BigInt(backend.raftTerm),
  };
}

/** The same, encoded. */
export function encodedHeaderAt({ backend, headers }: ServiceContext, revision: Revision): Buffer {
  return headers.at(revision, backend.raftTerm);
}

/** Turns a function into a handler of gRPC. */
export function unary<Request, Response>(
  context: ServiceContext,
  answer: (request: Request, isWanted: () => boolean) => Promise<Response> | Response,
  traits: CallTraits = {},
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    const fail = (error: unknown): void => {
      if (!isExpected(error)) context.onDefect(error);
      callback(toGrpcStatus(error));
    };
    try {
      checkMember(context, call.metadata, traits);
      const response = answer(call.request, () => !call.cancelled);
      if (response instanceof Promise) response.then((value) => callback(null, value), fail);
      else callback(null, response);
    } catch (error) {
      fail(error);
    }
  };
}

/**
 * Reads the requests of a stream one by one: the next one is taken when the one before is
 * answered. An error ends the stream with its status, as does the end of the requests.
 */
export function eachRequest<Request, Response>(
  context: ServiceContext,
  answer: (request: Request) => Promise<Response>,
): handleBidiStreamingCall<Request, Response> {
  return (call) => {
    const fail = (error: unknown): void => {
      if (!isExpected(error)) context.onDefect(error);
      call.emit('error', toGrpcStatus(error));
    };
    const serve = async (): Promise<void> => {
      // Leaving the loop must not destroy the stream: its status has yet to go out.
      const requests = call.iterator({ destroyOnReturn: false }) as AsyncIterable<Request>;
      for await (const request of requests) {
        try {
          checkMember(context, call.metadata, {});
          call.write(await answer(request));
        } catch (error) {
          fail(error);
          return;
        }
      }
      call.end();
    };
    // The iteration itself fails only when the client broke the stream off: nobody is there.
    serve().catch(() => call.end());
  };
}

/**
 * Throws when the member is in no state to answer: a learner, one that has only begun to join and
 * may be a learner, or one without the leader asked for.
 */
export function checkMember(
  { backend }: ServiceContext,
  metadata: Metadata,
  traits: CallTraits,
): void {
  if (!backend.isMember && traits.beforeJoining !== true) throw serviceRefusals.notJoined();
  if (backend.isLearner && traits.onLearner !== true) throw serviceRefusals.learner();
  if (!backend.hasLeader && metadata.get('hasleader')[0] === 'true') {
    throw serviceRefusals.noLeader();
  }
}

/** A method whose handler gives its responses encoded already. */
export function encoded<Method extends object>(
  method: Method,
): Omit<Method, 'responseSerialize'> & { readonly responseSerialize: (bytes: Buffer) => Buffer } {
  return { ...method, responseSerialize: (bytes) => bytes };
}

/** A method whose handler learns the size of the request on the wire. */
export function sized<Method extends { readonly requestDeserialize: (bytes: Buffer) => unknown }>(
  method: Method,
): Omit<Method, 'requestDeserialize'> & {
  readonly requestDeserialize: (bytes: Buffer) => Sized<ReturnType<Method['requestDeserialize']>>;
} {
  return {
    ...method,
    requestDeserialize: (bytes) => ({
      message: method.requestDeserialize(bytes) as ReturnType<Method['requestDeserialize']>,
      bytes: bytes.length,
    }),
  };
}

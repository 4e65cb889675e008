/**
 * What all vocabularies of operations share: what is asked, what is needed to perform it, and how
 * a failure is recorded.
 */
import type { RecordedCompletion } from '../history';
import type { EtcdClient, RequestOptions } from './etcdClient';
import type { Failure, Ok } from './outcome';

export type Vocabulary = 'register' | 'kv' | 'etcd' | 'coordination';

/** What a workload asks for, as in the invocation of a history. */
export interface OperationRequest {
  readonly f: string;
  readonly key?: string;
  readonly value?: unknown;
}

export interface OperationClientOptions extends RequestOptions {
  readonly vocabulary: Vocabulary;
  /** Put before every key in the store, so that several runs can share one. Default none. */
  readonly keyPrefix?: string;
  /**
   * What the store's revisions are ahead of those in the history, so that a store that was used
   * before reads like an empty one. Default 0.
   */
  readonly revisionOffset?: number;
  /** Reads answered from the member's own state, possibly stale. Default false. */
  readonly serializableReads?: boolean;
  /** The name of the member that answered, for the history. Default: none is recorded. */
  readonly memberName?: (memberId: bigint) => string | undefined;
}

/** An operation whose key or value is not of the vocabulary: a mistake of the workload. */
export class OperationError extends Error {
  constructor(operation: OperationRequest, expected: string) {
    super(`${JSON.stringify(operation)}: ${expected}`);
    this.name = 'OperationError';
  }
}

/** What the vocabularies need to perform an operation. */
export interface Performer {
  readonly client: EtcdClient;
  readonly options: OperationClientOptions;
  /** The key in the store. */
  readonly storeKey: (operation: OperationRequest) => string;
  /** A revision of the store as the history counts it; 0, which is none, stays. */
  readonly revision: (revision: number | bigint) => number;
  /** The completion of a request that the store carried out. */
  readonly done: (ok: Ok<unknown>, completion: Partial<RecordedCompletion>) => RecordedCompletion;
}

/** The completion of a failed write. */
export function failedWrite(failure: Failure): RecordedCompletion {
  return { type: failure.type, error: `${failure.code}: ${failure.error}` };
}

/** The completion of a failed read: it observed nothing and changed nothing, so `fail`. */
export function failedRead(failure: Failure): RecordedCompletion {
  return { type: 'fail', error: `${failure.code}: ${failure.error}` };
}

/** The client that tests any etcd-compatible store, and what it yields. */

export { EtcdClient } from './etcdClient';
export type { EtcdClientOptions, RequestOptions } from './etcdClient';
export { OperationClient } from './operationClient';
export type { AcquireOutput, GuardedInput, ReleaseInput } from './coordinationOperations';
export { OperationError } from './operation';
export type { OperationClientOptions, OperationRequest, Vocabulary } from './operation';
export { failure, failureCode } from './outcome';
export type { Failure, FailureCode, Ok, Outcome } from './outcome';
export { FROM_KEY, prefixEnd, toBuffer } from './requests';
export type {
  Bytes,
  CompareInit,
  DeleteRangeInit,
  OpInit,
  PutInit,
  RangeInit,
  TxnInit,
} from './requests';
export { WatchStream } from './watchStream';
export type { WatchEnd, WatchHandlers, WatchInit } from './watchStream';
export type { TlsOptions } from './connection';

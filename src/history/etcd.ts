/**
 * The shapes of etcd operations in a history: what workloads record and the model `etcd` judges.
 *
 * Keys and values are strings. A refused request is a `fail` with `error` and had no effect; a
 * timeout or an unavailable member is `info`. Every `ok` carries the header's revision in `rev`.
 *
 * | f       | invoke value  | ok value       |
 * |---------|---------------|----------------|
 * | range   | RangeInput    | RangeOutput    |
 * | put     | PutInput      | PutOutput      |
 * | delete  | DeleteInput   | DeleteOutput   |
 * | txn     | TxnInput      | TxnOutput      |
 * | compact | CompactInput  | {}             |
 * | leaseGrant      | LeaseGrantInput | LeaseGrantOutput      |
 * | leaseRevoke     | LeaseInput      | {}                    |
 * | leaseKeepAlive  | LeaseInput      | LeaseKeepAliveOutput  |
 * | leaseTimeToLive | LeaseInput      | LeaseTimeToLiveOutput |
 * | memberAdd, memberRemove, memberPromote | MemberInput | {} |
 * | memberList      | null            | MemberListOutput      |
 */

export interface EtcdKeyValue {
  readonly key: string;
  /** Empty when only keys were asked for. */
  readonly value: string;
  /** Revision of the last modification. */
  readonly mod: number;
  /** Revision of the creation; absent where it was not recorded, nor was then the lease. */
  readonly create?: number;
  /** Number of modifications since the creation, from 1. */
  readonly version: number;
  /** Lease id in decimal; absent when none. */
  readonly lease?: string;
}

/** `end`: absent is the single key, "\0" everything from the key on, else the range [key, end). */
export interface RangeInput {
  readonly end?: string;
  /** 0 or absent: no limit. */
  readonly limit?: number;
  /** 0 or absent: the newest. */
  readonly revision?: number;
  /** May be stale: the checker compares it with an old revision, not with real time. */
  readonly serializable?: boolean;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
}

export interface RangeOutput {
  readonly kvs: readonly EtcdKeyValue[];
  /** Keys in the range, whatever the limit. */
  readonly count: number;
  readonly more: boolean;
}

export interface PutInput {
  readonly value: string;
  readonly lease?: string;
}

export type PutOutput = Record<string, never>;

export interface DeleteInput {
  readonly end?: string;
}

export interface DeleteOutput {
  readonly deleted: number;
}

export type CompareTarget = 'version' | 'create' | 'mod' | 'value' | 'lease';
export type CompareResult = 'equal' | 'greater' | 'less' | 'notEqual';

/** `value` is a number for version, create and mod, a string for value and lease. */
export interface Compare {
  readonly key: string;
  readonly end?: string;
  readonly target: CompareTarget;
  readonly result: CompareResult;
  readonly value: number | string;
}

/** One request inside a transaction. */
export type TxnOperation =
  | { readonly f: 'range'; readonly key: string; readonly value: RangeInput }
  | { readonly f: 'put'; readonly key: string; readonly value: PutInput }
  | { readonly f: 'delete'; readonly key: string; readonly value: DeleteInput }
  | { readonly f: 'txn'; readonly key?: string; readonly value: TxnInput };

export interface TxnInput {
  readonly compare: readonly Compare[];
  readonly success: readonly TxnOperation[];
  readonly failure: readonly TxnOperation[];
}

export interface TxnOutput {
  readonly succeeded: boolean;
  /** One for each operation of the branch that was taken. */
  readonly results: readonly EtcdOutput[];
}

export interface CompactInput {
  readonly revision: number;
}

export type EtcdOutput = RangeOutput | PutOutput | DeleteOutput | TxnOutput;

/** Lease ids are decimal texts: they need all 64 bits. */
export interface LeaseInput {
  readonly lease: string;
}

export interface LeaseGrantInput {
  /** Absent or "0": the store chooses. */
  readonly lease?: string;
  readonly ttlSeconds: number;
}

export interface LeaseGrantOutput {
  readonly lease: string;
  /** What was granted, which may be more than was asked for. */
  readonly ttlSeconds: number;
}

/** 0: there is no such lease. */
export interface LeaseKeepAliveOutput {
  readonly ttlSeconds: number;
}

/** -1: there is no such lease. */
export interface LeaseTimeToLiveOutput {
  readonly ttlSeconds: number;
  readonly grantedTtlSeconds?: number;
  readonly keys?: readonly string[];
}

export interface MemberInput {
  /** Member id as a text; of `memberAdd` the one that was assigned is in the output. */
  readonly id?: string;
  readonly peerUrls?: readonly string[];
  readonly isLearner?: boolean;
}

export interface ListedMember {
  readonly id: string;
  readonly name?: string;
  readonly peerUrls?: readonly string[];
  readonly isLearner?: boolean;
}

export interface MemberListOutput {
  readonly members: readonly ListedMember[];
}

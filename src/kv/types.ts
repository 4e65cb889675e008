/**
 * Requests and results of the etcd v3 state machine, free of any wire format.
 *
 * A key is a *binary string*: one character per byte (0..255), so that JavaScript's string
 * order is the byte order etcd sorts by, and a key can be looked up in a Map. Values are bytes.
 * Revisions, versions, limits and counts are numbers; lease ids are 64-bit, hence bigint.
 */

import type { NodeId } from '../raft/types';

export type Key = string;
export type Revision = number;
export type LeaseId = bigint;

export const NO_LEASE: LeaseId = 0n;

export interface KeyValue {
  readonly key: Key;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  readonly version: number;
  readonly value: Uint8Array;
  readonly lease: LeaseId;
}

export type SortOrder = 'none' | 'ascend' | 'descend';
export type SortTarget = 'key' | 'version' | 'create' | 'mod' | 'value';

/** `rangeEnd`: '' is the single key, '\0' everything from `key` on, else the range [key, end). */
export interface RangeRequest {
  readonly key: Key;
  readonly rangeEnd: Key;
  /** 0 or less: no limit. */
  readonly limit: number;
  /** 0 or less: the newest. */
  readonly revision: Revision;
  readonly sortOrder: SortOrder;
  readonly sortTarget: SortTarget;
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
  /** 0: no bound. */
  readonly minModRevision: Revision;
  readonly maxModRevision: Revision;
  readonly minCreateRevision: Revision;
  readonly maxCreateRevision: Revision;
}

export interface RangeResult {
  readonly kind: 'range';
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
  readonly count: number;
}

export interface PutRequest {
  readonly key: Key;
  readonly value: Uint8Array;
  readonly lease: LeaseId;
  readonly prevKv: boolean;
  readonly ignoreValue: boolean;
  readonly ignoreLease: boolean;
}

export interface PutResult {
  readonly kind: 'put';
  readonly prevKv: KeyValue | undefined;
}

export interface DeleteRangeRequest {
  readonly key: Key;
  readonly rangeEnd: Key;
  readonly prevKv: boolean;
}

export interface DeleteRangeResult {
  readonly kind: 'deleteRange';
  readonly deleted: number;
  readonly prevKvs: readonly KeyValue[];
}

export type CompareResult = 'equal' | 'greater' | 'less' | 'notEqual';

export type Compare = {
  readonly result: CompareResult;
  readonly key: Key;
  readonly rangeEnd: Key;
} & (
  | { readonly target: 'version' | 'create' | 'mod'; readonly operand: number }
  | { readonly target: 'value'; readonly operand: Uint8Array }
  | { readonly target: 'lease'; readonly operand: LeaseId }
);

/** `none` is an empty RequestOp: etcd refuses it. */
export type RequestOp =
  | { readonly kind: 'range'; readonly request: RangeRequest }
  | { readonly kind: 'put'; readonly request: PutRequest }
  | { readonly kind: 'deleteRange'; readonly request: DeleteRangeRequest }
  | { readonly kind: 'txn'; readonly request: TxnRequest }
  | { readonly kind: 'none' };

export interface TxnRequest {
  readonly compare: readonly Compare[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
}

export interface TxnResult {
  readonly kind: 'txn';
  readonly succeeded: boolean;
  readonly responses: readonly OpResult[];
}

export type OpResult = RangeResult | PutResult | DeleteRangeResult | TxnResult;

export interface CompactRequest {
  readonly revision: Revision;
  readonly physical: boolean;
}

export interface CompactResult {
  readonly kind: 'compact';
}

/** What goes into the log. Every member applies it to the same effect. */
export type Command = KeyCommand | ClusterCommand;

/** What concerns keys and leases. */
export type KeyCommand =
  | { readonly kind: 'put'; readonly request: PutRequest }
  | { readonly kind: 'deleteRange'; readonly request: DeleteRangeRequest }
  | { readonly kind: 'txn'; readonly request: TxnRequest }
  | { readonly kind: 'compact'; readonly request: CompactRequest }
  | { readonly kind: 'leaseGrant'; readonly id: LeaseId; readonly ttlSeconds: number }
  | { readonly kind: 'leaseRevoke'; readonly id: LeaseId }
  | { readonly kind: 'leaseCheckpoint'; readonly checkpoints: readonly LeaseCheckpoint[] };

/** What concerns the cluster and not the keys; changes of the membership are entries apart. */
export type ClusterCommand =
  | {
      readonly kind: 'memberAttributes';
      readonly id: NodeId;
      readonly name: string;
      readonly clientUrls: readonly string[];
    }
  | { readonly kind: 'alarm'; readonly raised: boolean; readonly alarm: AlarmMember };

export interface MemberRecord {
  readonly id: NodeId;
  /** Empty until the member has started. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  /** Empty until the member has started. */
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

export type MembershipChange =
  | { readonly kind: 'add'; readonly member: MemberRecord }
  | { readonly kind: 'promote'; readonly id: NodeId }
  | { readonly kind: 'remove'; readonly id: NodeId }
  | { readonly kind: 'update'; readonly id: NodeId; readonly peerUrls: readonly string[] };

export type AlarmType = 'nospace' | 'corrupt';

export interface AlarmMember {
  /** Any 64-bit number: etcd lets clients raise alarms for members that do not exist. */
  readonly memberId: bigint;
  readonly alarm: AlarmType;
}

/** How long a lease still has, as its leader last saw it: a new leader does not start afresh. */
export interface LeaseCheckpoint {
  readonly id: LeaseId;
  /** 0 takes the checkpoint back: the lease was renewed and has its whole TTL again. */
  readonly remainingSeconds: number;
}

/** A lease as the log knows it. Deadlines belong to the leader alone. */
export interface LeaseState {
  readonly id: LeaseId;
  readonly ttlSeconds: number;
  /** What the last checkpoint said; 0 when there is none. */
  readonly remainingSeconds: number;
}

export interface LeaseResult {
  readonly kind: 'lease';
  readonly id: LeaseId;
  readonly ttlSeconds: number;
}

export interface MemberAttributesResult {
  readonly kind: 'memberAttributes';
}

export interface AlarmResult {
  readonly kind: 'alarm';
  readonly alarms: readonly AlarmMember[];
}

export type CommandResult =
  OpResult | CompactResult | LeaseResult | MemberAttributesResult | AlarmResult;

/** Whether a result is one of an operation on keys. */
export function isOpResult(result: CommandResult): result is OpResult {
  const { kind } = result;
  return kind === 'range' || kind === 'put' || kind === 'deleteRange' || kind === 'txn';
}

/** Status codes of gRPC that the state machine answers with. */
export type StatusCode =
  | 'invalidArgument'
  | 'notFound'
  | 'outOfRange'
  | 'failedPrecondition'
  | 'resourceExhausted'
  | 'unavailable'
  | 'dataLoss'
  /** etcd sends a few of its refusals under the code for errors that it does not know. */
  | 'unknown';

/** etcd's answer to a request that it does not carry out: certainly without any effect. */
export class Refused extends Error {
  constructor(
    readonly code: StatusCode,
    message: string,
  ) {
    // An answer, not a failure: nobody reads where it was made, and a stack takes longer to
    // gather than most commands take.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'Refused';
  }
}

/** One change of a key, as watchers see it. */
export interface KvEvent {
  readonly type: 'put' | 'delete';
  /** For a delete: key and modRevision only, the rest is zero. */
  readonly kv: KeyValue;
  readonly prevKv: KeyValue | undefined;
}

/** The outcome of one applied command: a result or a refusal, and what changed. */
export interface Applied {
  readonly result: CommandResult | Refused;
  /** Revision of the store after the command. */
  readonly revision: Revision;
  /**
   * Changes in order, all at `revision`; empty when nothing changed. Previous values may be
   * missing while nobody asks for them: see `StateMachine.askForPrevious`.
   */
  readonly events: readonly KvEvent[];
}

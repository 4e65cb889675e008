/**
 * What the gRPC services need of the member behind them.
 *
 * The services translate, check and answer; everything that has to do with agreement is behind
 * this interface. `propose` and `linearizableRead` reject with `NotServed` when the member could
 * not serve the request; a request that the state machine refuses is a *result* of `propose`
 * (`Applied.result` is `Refused`), and an exception of the reading methods.
 */
import type {
  AlarmMember,
  Applied,
  Command,
  Key,
  LeaseId,
  RangeRequest,
  Revision,
  TxnRequest,
  TxnResult,
} from '../../kv/types';
import type { WatchHub } from '../../kv/watchHub';
import type { RangeOutcome, RangeReader } from '../rangeReads';

/** The state of this member as far as it has applied the log. */
export interface ReadView {
  /** Newest revision; 1 in an empty store. */
  readonly revision: Revision;
  /**
   * The state at one moment not before the call; no more of it is read once the answer is not
   * wanted. Rejects: Refused or NotServed.
   */
  range(request: RangeRequest, reader?: RangeReader): Promise<RangeOutcome>;
  /** Evaluates a transaction in which nothing can write. Throws Refused. */
  readTxn(request: TxnRequest): TxnResult;
  /** Hash of the revisions up to `revision` (0: the newest). Throws Refused. */
  hashKv(revision: Revision): HashKv;
}

export interface HashKv {
  /** Equal on members that agree. Not negative; its low 32 bits go over the wire. */
  readonly hash: number;
  readonly compactRevision: Revision;
  /** The revision that was hashed. */
  readonly revision: Revision;
}

export interface MemberStatus {
  /** The etcd version whose API this is, such as `3.4.0`. */
  readonly version: string;
  /** 0: none known. */
  readonly leader: bigint;
  readonly raftTerm: number;
  readonly raftIndex: number;
  readonly raftAppliedIndex: number;
  /** Bytes on disk, and the part of them in use. */
  readonly dbSize: number;
  readonly dbSizeInUse: number;
  /** 0: no limit. */
  readonly dbSizeQuota: number;
  readonly isLearner: boolean;
  /** What is wrong, such as `etcdserver: no leader`; empty when all is well. */
  readonly errors: readonly string[];
}

export type AlarmName = 'NOSPACE' | 'CORRUPT';

/** The state as a file, in the pieces that it is sent in. */
export interface SnapshotFile {
  /** The next piece, and how many bytes follow it; undefined at the end. */
  next(): { readonly blob: Buffer; readonly remaining: number } | undefined;
  close(): void;
}

/** Changes of the membership. All reject with Refused or NotServed. */
export interface MembershipBackend {
  add(peerUrls: readonly string[], isLearner: boolean): Promise<MemberAdded>;
  promote(id: bigint): Promise<readonly MemberInfo[]>;
  remove(id: bigint): Promise<readonly MemberInfo[]>;
  update(id: bigint, peerUrls: readonly string[]): Promise<readonly MemberInfo[]>;
}

export interface MemberAdded {
  readonly member: MemberInfo;
  readonly members: readonly MemberInfo[];
}

export interface MemberInfo {
  readonly id: bigint;
  /** Empty until the member has started. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

/**
 * The clock side of leases. That a lease exists, and on which keys, is in the replicated state;
 * how long it has left only its leader knows, so the asynchronous methods may have to ask it.
 */
export interface LeaseBackend {
  /** Shorter leases are granted this long: they must outlive an election. */
  readonly ttlSecondsMin: number;
  /** An id that no lease of the cluster has had, positive. */
  newId(): LeaseId;
  /** Ids of the leases that this member knows of. */
  all(): readonly LeaseId[];
  /** Keys attached to a lease, in order. */
  keys(id: LeaseId): readonly Key[];
  /** Starts the TTL anew: the TTL, or undefined when there is no such lease. Rejects: NotServed. */
  renew(id: LeaseId): Promise<number | undefined>;
  /** Undefined when there is no such lease, or it has run out. Rejects: NotServed. */
  timeToLive(id: LeaseId): Promise<LeaseTime | undefined>;
}

export interface LeaseTime {
  readonly grantedSeconds: number;
  /** Rounded up. */
  readonly remainingSeconds: number;
}

/**
 * The watches of this member: a `WatchHub` to which the member publishes what it applies, before
 * the proposer hears of it. The services open streams on it, and pump it where they made room.
 */
export type WatchBackend = Pick<WatchHub, 'open' | 'pump' | 'pumpDue' | 'notifyProgress'>;

export interface Backend {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  /** Asked with every call, so apart from `status`. */
  readonly raftTerm: number;
  readonly hasLeader: boolean;
  /** False as long as this member does not know what it is in the cluster that it joins. */
  readonly isMember: boolean;
  readonly isLearner: boolean;
  /** The newest state. It may be another object after a snapshot: do not keep it. */
  readonly view: ReadView;
  /** Puts a command into the log and answers when it is applied here. Rejects: NotServed. */
  propose(command: Command): Promise<Applied>;
  /** Resolves when `view` holds everything that was committed at the call. Rejects: NotServed. */
  linearizableRead(): Promise<void>;
  status(): MemberStatus;
  members(): readonly MemberInfo[];
  /** Absent: the membership is fixed. */
  readonly membership?: MembershipBackend;
  /** Kinds of the alarms that are raised, as etcd names them. Absent: it raises none. */
  alarmNames?(): readonly AlarmName[];
  /** Raised alarms. Absent: it raises none. */
  raisedAlarms?(): readonly AlarmMember[];
  /** Hands leadership over. Absent: not supported. Rejects: NotServed or Refused. */
  moveLeader?(target: bigint): Promise<void>;
  /** Everything that is applied, as a file. Absent: not supported. Rejects: NotServed. */
  snapshotFile?(): Promise<SnapshotFile>;
  /** Gives unused disk space back. Absent: not supported. */
  defragment?(): Promise<void>;
  /** Absent: there is no Watch service. */
  readonly watches?: WatchBackend;
  /** Absent: there is no Lease service. */
  readonly leases?: LeaseBackend;
}

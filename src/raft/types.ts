/**
 * The vocabulary of the consensus core: plain immutable records, shared by reference.
 *
 * Indices and terms are plain numbers (exact up to 2^53). Index 0 and term 0 mean "before the
 * first entry"; node id 0 means "nobody". Entries are never copied: the same object travels
 * from the log to messages and back, under the simulator and for real.
 */
import type { TraceEvent } from './trace';

/** Identifies a member in its cluster; a positive integer, exact as a double. 0 is nobody. */
export type NodeId = number;
export type Term = number;
export type Index = number;

export const NOBODY: NodeId = 0;

/** `change` is a membership change (V1), `changeV2` a joint one; `normal` is the application's. */
export type EntryType = 'normal' | 'change' | 'changeV2';

export interface Entry {
  readonly term: Term;
  readonly index: Index;
  readonly type: EntryType;
  readonly data: Uint8Array;
}

/** What must be on stable storage before a message that promises it may leave. */
export interface HardState {
  readonly term: Term;
  /** The candidate this node voted for in `term`, or NOBODY. */
  readonly vote: NodeId;
  readonly commit: Index;
}

/** A membership configuration; `votersOutgoing` is empty unless the configuration is joint. */
export interface ConfState {
  readonly voters: readonly NodeId[];
  readonly learners: readonly NodeId[];
  readonly votersOutgoing: readonly NodeId[];
  readonly learnersNext: readonly NodeId[];
  readonly autoLeave: boolean;
}

/** The core names a snapshot by its metadata; the bytes travel beside it. */
export interface SnapshotMetadata {
  readonly index: Index;
  readonly term: Term;
  readonly conf: ConfState;
}

export type Role = 'follower' | 'preCandidate' | 'candidate' | 'leader';

export interface SoftState {
  readonly leader: NodeId;
  readonly role: Role;
}

export type MessageType =
  | 'propose'
  | 'append'
  | 'appendResponse'
  | 'vote'
  | 'voteResponse'
  | 'preVote'
  | 'preVoteResponse'
  | 'heartbeat'
  | 'heartbeatResponse'
  | 'snapshot'
  | 'readIndex'
  | 'readIndexResponse'
  | 'transferLeader'
  | 'timeoutNow'
  | 'forgetLeader'
  /** From this node's own persist lane: everything up to (index, logTerm) is stable. */
  | 'persisted'
  /** From this node's own apply lane: everything up to index is applied. */
  | 'applied';

/**
 * One message, always with all fields, so that every message has the same hidden class.
 * Which fields mean something depends on `type`; the others hold their zero value.
 */
export interface Message {
  readonly type: MessageType;
  readonly from: NodeId;
  readonly to: NodeId;
  /** 0 for local messages and for forwarded proposals and reads. */
  readonly term: Term;
  /** Term of the entry at `index`: of the entry before `entries`, or of a candidate's last. */
  readonly logTerm: Term;
  readonly index: Index;
  readonly entries: readonly Entry[];
  readonly commit: Index;
  readonly reject: boolean;
  /** On a rejected append: the largest index that may still match (its term is `logTerm`). */
  readonly rejectHint: Index;
  /** A read token, or the number of a heartbeat round that confirms reads. */
  readonly context: number;
  /** On a vote request: the leader itself asked for this election (leader transfer). */
  readonly transfer: boolean;
  readonly snapshot: SnapshotMetadata | undefined;
}

/** A confirmed read: serve it once everything up to `index` is applied. */
export interface ReadState {
  readonly token: number;
  readonly index: Index;
}

/** Work for the disk, in order. When all of it is stable, deliver `acks` (some are to self). */
export interface PersistWork {
  readonly hard: HardState | undefined;
  readonly entries: readonly Entry[];
  /** Installed before `entries`: replaces the whole log. */
  readonly snapshot: SnapshotMetadata | undefined;
  /** False when nothing here must survive a crash (only a commit index moved). */
  readonly sync: boolean;
  readonly acks: readonly Message[];
}

/** Work for the state machine, in order. When all of it is applied, deliver `ack` to self. */
export interface ApplyWork {
  readonly entries: readonly Entry[];
  readonly ack: Message;
}

/** What to do next: three lanes (network, disk, state machine) that are acknowledged apart. */
export interface Ready {
  readonly soft: SoftState | undefined;
  readonly reads: readonly ReadState[];
  /** May leave at once. */
  readonly send: readonly Message[];
  readonly persist: PersistWork | undefined;
  readonly apply: ApplyWork | undefined;
}

/** Where a restarted node begins. */
export interface InitialState {
  readonly hard: HardState;
  readonly conf: ConfState;
  /**
   * Index that `conf` reflects; the changes in later entries up to the applied index are made
   * at the start. Default: the applied index itself.
   */
  readonly confIndex?: Index;
}

/** The stable log as the core reads it. Every method is synchronous. */
export interface LogReader {
  initialState(): InitialState;
  /** Index of the first entry still in the log; `snapshot().index + 1` at the latest. */
  firstIndex(): Index;
  /** Index of the last entry, or `firstIndex() - 1` when there is none. */
  lastIndex(): Index;
  /** Term of the entry, also at `firstIndex() - 1`; undefined outside. */
  term(index: Index): Term | undefined;
  /**
   * Entries in [low, high), at most `bytesMax` bytes of data but at least one.
   * Undefined when `low` is compacted away or `high - 1` is past the end.
   */
  entries(low: Index, high: Index, bytesMax: number): readonly Entry[] | undefined;
  /** The newest snapshot that can be sent, or undefined while none is ready. */
  snapshot(): SnapshotMetadata | undefined;
}

export interface RaftOptions {
  readonly id: NodeId;
  readonly log: LogReader;
  /** Index up to which the state machine already is, after a restart. Default 0. */
  readonly applied?: Index;
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  /** The only entropy: an integer in [0, n). */
  readonly random: (n: number) => number;
  /** Default true. */
  readonly preVote?: boolean;
  /** Default true. */
  readonly checkQuorum?: boolean;
  /** Default 'safe'. */
  readonly readOnly?: 'safe' | 'lease';
  /** Monotonic milliseconds, read when a lease read is answered; needed by 'lease' only. */
  readonly nowMs?: () => number;
  /** Length of an election timeout in milliseconds; needed by 'lease' only. */
  readonly electionTimeoutMs?: number;
  /** Share of the lease given up for clocks that run apart, in [0, 1). Default 0.1. */
  readonly leaseDrift?: number;
  /** Default true. */
  readonly stepDownOnRemoval?: boolean;
  /**
   * Accept a change that removes or demotes the leader itself. Default false: the caller
   * transfers leadership first, or a shrinking group can deadlock (see README.md).
   */
  readonly allowSelfRemoval?: boolean;
  /**
   * Refuse changes that do not fit the configuration (one pending, joint, not joint).
   * Default true; false is for callers that check on their own.
   */
  readonly validateChanges?: boolean;
  /** Send proposals on to the leader when this node is not. Default true. */
  readonly forwardProposals?: boolean;
  /**
   * Hand out committed entries that are not yet stable here. Default false. Only for a caller
   * that finishes `persist` before it begins `apply` of the same Ready.
   */
  readonly applyUnstable?: boolean;
  /** Bytes of entries in one append message (always at least one entry). Default 1 MiB. */
  readonly maxMessageBytes?: number;
  /** Unacknowledged append messages to one follower. Default 256. */
  readonly maxInflightMessages?: number;
  /** Unacknowledged append bytes to one follower. Default 8 MiB. */
  readonly maxInflightBytes?: number;
  /**
   * Data bytes proposed to this leader and not yet applied; more is refused, but a single
   * batch is always let in when nothing waits. Default 64 MiB.
   */
  readonly maxUncommittedBytes?: number;
  /** Bytes handed to the apply lane and not yet acknowledged. Default 16 MiB. */
  readonly maxApplyingBytes?: number;
  /** Reads waiting for a confirmation; more are refused. Default 65,536. */
  readonly maxPendingReads?: number;
  /** Called with what the core did and why; absent, tracing costs one comparison an event. */
  readonly trace?: (event: TraceEvent) => void;
}

/**
 * What became of a proposal. `accepted`: in this leader's log. `forwarded`: sent to the leader,
 * which may still drop it. All others: certainly not proposed, and why.
 */
export type ProposalOutcome =
  | 'accepted'
  | 'forwarded'
  /** No leader is known, or forwarding is switched off. */
  | 'noLeader'
  /** Leadership is being transferred away. */
  | 'transferring'
  /** Over maxUncommittedBytes. */
  | 'tooManyBytes'
  /** This leader is no longer a member. */
  | 'removed'
  /** An earlier membership change may not be applied yet. */
  | 'changePending'
  /** The configuration is joint: it must be left first. */
  | 'mustLeaveJoint'
  /** A change without changes leaves a joint configuration, and there is none. */
  | 'notJoint'
  /** The change removes or demotes this leader, see `allowSelfRemoval`. */
  | 'selfRemoval'
  /** The data of a forwarded change cannot be read. */
  | 'malformedChange';

/** What became of a message. Only `stepped` had an effect. */
export type StepOutcome = 'stepped' | 'misaddressed' | 'unknownPeer' | ProposalOutcome;

/** `accepted`: a ReadState will follow unless leadership is lost; the caller keeps a timeout. */
export type ReadOutcome = 'accepted' | 'noLeader' | 'tooManyReads';

export type ProgressState = 'probe' | 'replicate' | 'snapshot';

/** One member as the leader sees it; a copy. */
export interface ProgressStatus {
  readonly id: NodeId;
  readonly state: ProgressState;
  readonly matchIndex: Index;
  readonly nextIndex: Index;
  readonly learner: boolean;
  /** No append leaves until an answer or a heartbeat answer comes. */
  readonly paused: boolean;
  /** Index of the snapshot on its way, 0 when there is none. */
  readonly pendingSnapshot: Index;
  /** Heard from since the last check of the quorum. */
  readonly recentActive: boolean;
  readonly inflightMessages: number;
  readonly inflightBytes: number;
  readonly inflightsFull: boolean;
}

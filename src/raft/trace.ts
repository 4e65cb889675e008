/**
 * What the core tells about itself: typed events, one for each decision worth explaining.
 *
 * The core never renders text. A formatter (a log, the conformance harness, the explanation of
 * a failed simulation) turns an event into words when somebody wants to read it, so tracing
 * costs nothing but a comparison when the `trace` option is absent.
 */
import type {
  ConfState,
  Index,
  MessageType,
  NodeId,
  ProgressStatus,
  Role,
  SnapshotMetadata,
  Term,
} from './types';
import type { ConfChange } from './membership';

/** The candidate's last entry and the voter's, and what the voter knows. */
export interface VoteContext {
  readonly request: 'vote' | 'preVote';
  readonly from: NodeId;
  readonly term: Term;
  readonly vote: NodeId;
  readonly lastIndex: Index;
  readonly lastTerm: Term;
  readonly candidateIndex: Index;
  readonly candidateTerm: Term;
}

/** Something changed in what the leader knows of a member. */
export interface ProgressEvent {
  readonly kind:
    | 'progressDecreased'
    | 'replicationPaused'
    | 'snapshotAcknowledged'
    | 'snapshotSucceeded'
    | 'snapshotFailed'
    | 'peerUnreachable';
  readonly progress: ProgressStatus;
}

/** A step of a leader transfer; `peer` is who is to lead, or who handed over. */
export interface TransferEvent {
  readonly kind:
    | 'transferStarted'
    | 'transferInProgress'
    | 'transferReplaced'
    | 'transferImmediate'
    | 'transferCaughtUp'
    | 'timeoutNowReceived'
    | 'timeoutNowIgnored';
  readonly term: Term;
  readonly peer: NodeId;
  readonly role: Role;
}

export type TraceEvent =
  // Life and roles.
  | {
      readonly kind: 'started';
      readonly voters: readonly NodeId[];
      readonly term: Term;
      readonly commitIndex: Index;
      readonly appliedIndex: Index;
      readonly lastIndex: Index;
      readonly lastTerm: Term;
    }
  | { readonly kind: 'switchedConfiguration'; readonly conf: ConfState }
  | { readonly kind: 'changeFailed'; readonly change: ConfChange; readonly reason: string }
  | { readonly kind: 'becameRole'; readonly role: Role; readonly term: Term }
  // Elections.
  | { readonly kind: 'electionStarted'; readonly term: Term }
  | {
      readonly kind: 'campaignIgnored';
      readonly reason: 'alreadyLeader' | 'unpromotable' | 'lease';
    }
  | { readonly kind: 'campaignBlocked'; readonly term: Term }
  | {
      readonly kind: 'voteRequested';
      readonly request: 'vote' | 'preVote';
      readonly to: NodeId;
      readonly term: Term;
      readonly lastIndex: Index;
      readonly lastTerm: Term;
    }
  | {
      readonly kind: 'voteReceived';
      readonly request: 'vote' | 'preVote';
      readonly from: NodeId;
      readonly granted: boolean;
      readonly term: Term;
    }
  | {
      readonly kind: 'votesCounted';
      readonly request: 'vote' | 'preVote';
      readonly granted: number;
      readonly rejected: number;
    }
  | ({ readonly kind: 'voteCast' } & VoteContext)
  | ({ readonly kind: 'voteRefused' } & VoteContext)
  | ({ readonly kind: 'voteIgnoredInLease'; readonly remainingTicks: number } & VoteContext)
  | {
      readonly kind: 'higherTerm' | 'lowerTermIgnored';
      readonly message: MessageType;
      readonly from: NodeId;
      readonly term: Term;
      readonly messageTerm: Term;
    }
  | { readonly kind: 'quorumLost' }
  | { readonly kind: 'leaderForgotten'; readonly leader: NodeId; readonly term: Term }
  | { readonly kind: 'forgetLeaderRefused' }
  // Proposals.
  | {
      readonly kind: 'proposalDropped';
      readonly reason: 'noLeader' | 'notForwarding' | 'transferring' | 'tooManyBytes';
      readonly term: Term;
      readonly leader: NodeId;
      readonly transferee: NodeId;
    }
  | {
      readonly kind: 'changeIgnored';
      readonly change: ConfChange;
      readonly version: 1 | 2;
      readonly conf: ConfState;
      readonly reason: 'changePending' | 'mustLeaveJoint' | 'notJoint' | 'selfRemoval';
      readonly pendingIndex: Index;
      readonly appliedIndex: Index;
    }
  | { readonly kind: 'malformedChangeIgnored'; readonly index: Index }
  | { readonly kind: 'autoLeave'; readonly conf: ConfState; readonly proposed: boolean }
  // Replication, on the leader.
  | {
      readonly kind: 'rejectionReceived';
      readonly from: NodeId;
      readonly index: Index;
      readonly hintIndex: Index;
      readonly hintTerm: Term;
    }
  | ProgressEvent
  | {
      readonly kind: 'snapshotSent';
      readonly firstIndex: Index;
      readonly commitIndex: Index;
      readonly snapshot: SnapshotMetadata;
      readonly progress: ProgressStatus;
    }
  | { readonly kind: 'snapshotWithheld'; readonly to: NodeId; readonly reason: 'inactive' | 'none' }
  | { readonly kind: 'noProgress'; readonly from: NodeId }
  // Replication, on the follower.
  | {
      readonly kind: 'appendRefused';
      readonly from: NodeId;
      readonly index: Index;
      readonly messageTerm: Term;
      /** Term of our entry at `index`, 0 when there is none. */
      readonly ownTerm: Term;
    }
  | {
      readonly kind: 'conflictFound';
      readonly index: Index;
      readonly existingTerm: Term;
      readonly conflictingTerm: Term;
    }
  | { readonly kind: 'unstableReplaced' | 'unstableTruncated'; readonly index: Index }
  // The lanes' acknowledgements.
  | {
      readonly kind: 'persistedIgnored';
      readonly index: Index;
      readonly reason: 'gone' | 'snapshot';
    }
  | {
      readonly kind: 'persistedMismatch';
      readonly index: Index;
      readonly term: Term;
      readonly ownTerm: Term;
    }
  | { readonly kind: 'persistedOfOldTerm'; readonly term: Term; readonly messageTerm: Term }
  // Snapshots, on the follower.
  | {
      readonly kind: 'restoreStarted';
      readonly commitIndex: Index;
      readonly appliedIndex: Index;
      readonly applyingIndex: Index;
      readonly unstableFirst: Index;
      readonly unstableNext: Index;
      readonly unstableLength: number;
      readonly snapshot: SnapshotMetadata;
    }
  | {
      readonly kind: 'restored' | 'fastForwarded';
      readonly commitIndex: Index;
      readonly lastIndex: Index;
      readonly lastTerm: Term;
      readonly snapshot: SnapshotMetadata;
    }
  | {
      readonly kind: 'snapshotAccepted' | 'snapshotIgnored';
      readonly commitIndex: Index;
      readonly snapshot: SnapshotMetadata;
    }
  | { readonly kind: 'snapshotNotForUs'; readonly conf: ConfState }
  // Leader transfer.
  | TransferEvent
  | { readonly kind: 'transferIgnored'; readonly reason: 'learner' | 'self' }
  | { readonly kind: 'transferDropped' | 'readDropped'; readonly term: Term };

/** Receives events; must not call back into the core. */
export type Trace = (event: TraceEvent) => void;

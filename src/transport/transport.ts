/**
 * Messages between members. Delivery is best effort: a message may be lost, late or overtaken,
 * and nobody is told; whoever needs an answer asks again. A message may also arrive twice, but
 * for one: a forwarded proposal arrives at most once, since each arrival becomes an entry of the
 * log. Queues are bounded in bytes.
 */
import type { Message, NodeId, SnapshotMetadata } from '../raft/types';

/** A piece of a snapshot on its way to a follower. */
export interface SnapshotChunk {
  readonly kind: 'snapshotChunk';
  readonly from: NodeId;
  readonly to: NodeId;
  /** The leader's term; a receiver ignores older ones. */
  readonly term: number;
  readonly snapshot: SnapshotMetadata;
  readonly offset: number;
  /** Bytes of the whole snapshot. */
  readonly totalBytes: number;
  readonly data: Uint8Array;
  /** CRC-32 of `data`. */
  readonly crc: number;
}

/** The receiver's answer: everything before `offset` is here; it resumes a stream after a break. */
export interface SnapshotAck {
  readonly kind: 'snapshotAck';
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: number;
  readonly index: number;
  readonly offset: number;
  readonly done: boolean;
}

/** A question from one member to another; who asks gives it a number. */
export interface PeerCall {
  readonly kind: 'call';
  readonly from: NodeId;
  readonly to: NodeId;
  readonly id: number;
  readonly body: Uint8Array;
}

/** The answer to the call with the same number. */
export interface PeerAnswer {
  readonly kind: 'answer';
  readonly from: NodeId;
  readonly to: NodeId;
  readonly id: number;
  readonly body: Uint8Array;
}

export interface RaftEnvelope {
  readonly kind: 'raft';
  readonly message: Message;
}

/**
 * A question about a lease that only the leader can answer. It may arrive twice: to renew twice is
 * to renew.
 */
export interface LeaseQuestion {
  readonly kind: 'leaseQuestion';
  readonly from: NodeId;
  readonly to: NodeId;
  /** The term in which the receiver leads; in any other it does not answer for the lease. */
  readonly term: number;
  /** The asker's number for it, which the answer repeats. */
  readonly sequence: number;
  readonly ask: 'renew' | 'timeToLive';
  /** A 64-bit integer with a sign. */
  readonly id: bigint;
}

/** `missing`: there is no such lease, or it has run out. `retry`: this member can not tell. */
export interface LeaseAnswer {
  readonly kind: 'leaseAnswer';
  readonly from: NodeId;
  readonly to: NodeId;
  readonly sequence: number;
  readonly outcome: 'known' | 'missing' | 'retry';
  /** Of a lease that is known, else 0. */
  readonly grantedSeconds: number;
  readonly remainingSeconds: number;
}

export type PeerMessage =
  RaftEnvelope | SnapshotChunk | SnapshotAck | PeerCall | PeerAnswer | LeaseQuestion | LeaseAnswer;

export interface Transport {
  /** Queues a message for a peer; when its queue is full or it is not connected, drops it. */
  send(to: NodeId, message: PeerMessage): void;
  /** The one receiver of what arrives. Set before the first message can arrive. */
  onMessage(receive: (message: PeerMessage) => void): void;
  /** Told when messages to a peer were dropped: the core then probes it. */
  onUnreachable(report: (peer: NodeId) => void): void;
  close(): void;
}

/** What a member can be tuned by; every limit has a default and says why. */
import type { NodeId } from '../raft/types';

export interface DriverOptions {
  readonly id: NodeId;
  /** Length of one tick of the core. Default 100 ms, etcd's heartbeat interval. */
  readonly tickMs?: number;
  /** Ticks between heartbeats. Default 1. */
  readonly heartbeatTicks?: number;
  /** Ticks without a leader before an election. Default 10. */
  readonly electionTicks?: number;
  /** How long a request waits for the log. Default 5 s + two election timeouts, as etcd. */
  readonly requestTimeoutMs?: number;
  /** Requests that may wait for the log. Default 10 000: beyond, latency only grows. */
  readonly waitingRequestsMax?: number;
  /** Bytes of requests that may wait for the log. Default 64 MiB. */
  readonly waitingBytesMax?: number;
  /** A confirmed read that heard nothing asks again after this time. Default 500 ms, as etcd. */
  readonly readRetryMs?: number;
  /** Entries applied in one turn before other work gets its chance. Default 256. */
  readonly applyBatchEntries?: number;
  /**
   * Changes that a compaction under way looks at with each tick while no entry waits, so that it
   * ends although nobody writes. Default 250: some milliseconds.
   */
  readonly compactedPerTick?: number;

  /** Applied entries since the last snapshot that call for a new one. Default 10 000. */
  readonly snapshotEntries?: number;
  /** Log bytes since the last snapshot that call for a new one. Default 64 MiB. */
  readonly snapshotBytes?: number;
  /** Entries kept behind a snapshot so that a lagging follower can catch up. Default 5 000. */
  readonly catchUpEntries?: number;
  /** Bytes of log kept on disk behind a snapshot, whatever their number. Default 256 MiB. */
  readonly catchUpBytes?: number;
  /** Bytes of one snapshot chunk, on the wire and in memory. Default 1 MiB. */
  readonly snapshotChunkBytes?: number;
  /** A chunk without an answer is sent again after this time. Default 1 s. */
  readonly snapshotRetryMs?: number;
  /** A receiver without progress for this long is given up, and holds nothing. Default 10 s. */
  readonly snapshotStallMs?: number;
  /** Log bytes that a snapshot under way may hold back from compaction. Default 512 MiB. */
  readonly snapshotHoldBytes?: number;

  /**
   * How often the log is told what a long lease has left, for the next leader. Default 300 000, as
   * etcd; Infinity for never: then a new leader gives every lease its whole TTL.
   */
  readonly leaseCheckpointMs?: number;

  /** Passed to the core; see RaftOptions for their defaults. */
  readonly preVote?: boolean;
  readonly checkQuorum?: boolean;
  /**
   * Linearizable reads trust a lease of the leader for less than an election timeout in place of
   * asking a quorum each time. Needs checkQuorum, and clocks that drift by less than 10 %.
   * Default false.
   */
  readonly leaseReads?: boolean;
  readonly maxMessageBytes?: number;
  readonly maxInflightMessages?: number;
  readonly maxInflightBytes?: number;
  readonly maxUncommittedBytes?: number;
  readonly maxApplyingBytes?: number;
}

export type ResolvedDriverOptions = Required<DriverOptions>;

export function resolveDriverOptions(options: DriverOptions): ResolvedDriverOptions {
  const tickMs = options.tickMs ?? 100;
  const electionTicks = options.electionTicks ?? 10;
  return {
    tickMs,
    electionTicks,
    heartbeatTicks: 1,
    requestTimeoutMs: 5_000 + 2 * tickMs * electionTicks,
    waitingRequestsMax: 10_000,
    waitingBytesMax: 64 * 1024 * 1024,
    readRetryMs: 500,
    applyBatchEntries: 256,
    compactedPerTick: 250,
    snapshotEntries: 10_000,
    snapshotBytes: 64 * 1024 * 1024,
    catchUpEntries: 5_000,
    catchUpBytes: 256 * 1024 * 1024,
    snapshotChunkBytes: 1024 * 1024,
    snapshotRetryMs: 1_000,
    snapshotStallMs: 10_000,
    snapshotHoldBytes: 512 * 1024 * 1024,
    leaseCheckpointMs: 300_000,
    preVote: true,
    checkQuorum: true,
    leaseReads: false,
    maxMessageBytes: 1024 * 1024,
    maxInflightMessages: 256,
    maxInflightBytes: 8 * 1024 * 1024,
    maxUncommittedBytes: 64 * 1024 * 1024,
    maxApplyingBytes: 16 * 1024 * 1024,
    ...options,
  };
}

/** What a member can be read off at any moment: plain numbers, without names and labels. */
import type { CallCount } from '../services/callCounts';

export interface MemoryReading {
  readonly bytes: number;
  /** Absent where what is held is the data itself, which nothing bounds but the quota. */
  readonly limit?: number;
}

export interface PeerReading {
  readonly id: number;
  readonly isConnected: boolean;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly snapshotsSent: number;
  readonly snapshotsFailed: number;
  readonly snapshotsSending: number;
}

export interface MemberReadings {
  readonly id: bigint;
  readonly version: string;
  readonly hasLeader: boolean;
  readonly isLeader: boolean;
  readonly isLearner: boolean;
  readonly leaderChanges: number;
  readonly committedIndex: number;
  readonly appliedIndex: number;
  readonly proposalsPending: number;
  readonly proposalsFailed: number;
  readonly revision: number;
  readonly compactedRevision: number;
  readonly stateBytes: number;
  readonly stateBytesInUse: number;
  readonly keys: number;
  readonly puts: number;
  readonly deletes: number;
  readonly walBytesWritten: number;
  readonly logBytesOnDisk: number;
  readonly logFirstIndex: number;
  readonly watchers: number;
  readonly slowWatchers: number;
  readonly watchStreams: number;
  /** A snapshot of the leader is complete and being installed. */
  readonly isInstalling: boolean;
  readonly memory: {
    readonly state: MemoryReading;
    readonly log: MemoryReading;
    readonly inflight: MemoryReading;
    readonly watch: MemoryReading;
  };
  readonly peers: readonly PeerReading[];
  readonly calls: readonly CallCount[];
}

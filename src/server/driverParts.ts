/** What a driver is made of, what it tells to others, and how it stands. */
import type { Applied, ClusterState, StateMachine } from '../kv';
import type { Entry, NodeId, SoftState } from '../raft/types';
import type { Runtime } from '../runtime/runtime';
import type { LogStore } from '../storage/logStore';
import type { SnapshotStore } from '../storage/snapshotStore';
import type { Transport } from '../transport/transport';
import type { DriverOptions } from './driverOptions';

export interface DriverParts {
  readonly options: DriverOptions;
  readonly log: LogStore;
  readonly snapshots: SnapshotStore;
  /** Empty, or as its own store kept it; brought up to the newest snapshot by the driver. */
  readonly machine: StateMachine;
  readonly transport: Transport;
  readonly runtime: Runtime;
  readonly hooks?: DriverHooks;
}

/** What a simulator or a metrics page wants to see. */
export interface DriverHooks {
  /**
   * After an entry was applied, before whoever proposed it hears of it; `outcome` is undefined
   * for entries without a command.
   */
  readonly applied?: (entry: Entry, outcome: Applied | undefined) => void;
  /** After a snapshot of the leader replaced the state. */
  readonly installed?: (index: number) => void;
  /** Another leader, none, or another role of this member. */
  readonly leaderChanged?: (soft: SoftState, term: number) => void;
  /** A sync of the log took so long. */
  readonly synced?: (durationMs: number) => void;
  /** After members came, went, changed, or were brought by a snapshot. */
  readonly membershipChanged?: (cluster: ClusterState) => void;
  /** This member was removed from its cluster, for good; it has stopped itself. */
  readonly removed?: () => void;
  /** The member can't go on (its disk failed, or a bug); it has stopped itself. */
  readonly failed?: (error: unknown) => void;
}

export interface DriverStatus {
  readonly id: NodeId;
  readonly leader: NodeId;
  readonly role: string;
  readonly term: number;
  readonly lastIndex: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly revision: number;
  readonly logBytes: number;
  readonly stateBytes: number;
  readonly failed: boolean;
}

/** What is under way in a member, and the limits of it. */
export interface DriverLoad {
  readonly proposalsPending: number;
  readonly proposalsFailed: number;
  /** Bytes of requests waiting for the log and of entries being applied. */
  readonly inflightBytes: number;
  readonly inflightBytesMax: number;
  readonly isInstalling: boolean;
}

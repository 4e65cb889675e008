/**
 * A plan is all there is to a run: the cluster, its devices, the faults and the operations, as
 * plain data. The same plan always gives the same run, and what shrinks is the plan.
 *
 * Times are virtual milliseconds since the start of the run. The faults are in `faults.ts`.
 */
import type { DriverOptions } from '../server/driverOptions';
import type { Fault } from './faults';

/**
 * What a client does. `cas` is a transaction that writes if the key is as the client saw it;
 * `pastRead` and `pastTxn` (a write, then a read, in one transaction) ask for a revision the
 * client saw a while ago, which `compact` may have taken away meanwhile.
 */
export type PlannedKind =
  'read' | 'write' | 'delete' | 'cas' | 'serializableRead' | 'pastRead' | 'pastTxn' | 'compact';

export interface PlannedOperation {
  /** Not before this time; later when the client is still waiting for its last answer. */
  readonly atMs: number;
  /** From 0. A client does one operation at a time. */
  readonly client: number;
  readonly kind: PlannedKind;
  /** Number of the key, from 0. */
  readonly key: number;
  /** The member it is sent to, from 1. */
  readonly member: number;
}

/** A client that watches: all keys, or one. */
export interface PlannedWatcher {
  readonly atMs: number;
  /** The member it connects to, from 1; when that is down it goes on to the next. */
  readonly member: number;
  /** Undefined: all keys. */
  readonly key?: number;
  /** Where it begins: with what comes from now on, with the first revision, or ahead of now. */
  readonly from: 'now' | 'first' | 'future';
  /** It takes one response each so many milliseconds; 0: all there is, at once. */
  readonly takeMs: number;
  /** It breaks off and resumes elsewhere after this time; 0: only when its member dies. */
  readonly reconnectMs: number;
}

/**
 * A member that stays faulty in the first part of the closing phase: how the others (the core)
 * hear it. `down`: not at all, it is not running. `inbound`: it hears them. `outbound`: they hear
 * it. `bridge`: it and one of them hear each other.
 */
export interface Outsider {
  /** `leader`: whoever leads when the closing phase begins. */
  readonly member: number | 'leader';
  readonly link: 'down' | 'cut' | 'inbound' | 'outbound' | 'bridge';
}

/** One whose number is known. */
export interface SeatedOutsider extends Outsider {
  readonly member: number;
}

export interface NetworkPlan {
  readonly delayUsMin: number;
  readonly delayUsMax: number;
  readonly lossPercent: number;
  readonly duplicatePercent: number;
  /** Share of messages that take up to `slowMsMax` longer. */
  readonly slowPercent: number;
  readonly slowMsMax: number;
  /** True: links keep the order of sending. */
  readonly ordered: boolean;
}

export interface DiskPlan {
  readonly syncUsMin: number;
  readonly syncUsMax: number;
  /** A transaction of a durable state takes so long. Default: three of the longest syncs. */
  readonly transactionMs?: number;
}

export interface ClockPlan {
  /** Each member's clock runs up to this much fast or slow. */
  readonly driftPercent: number;
}

/** How the members are tuned; what is not named has the driver's default. */
export type MemberPlan = Omit<DriverOptions, 'id'>;

export interface SimulationOptions {
  /** Length of the safety phase: operations and faults happen in it. */
  readonly safetyMs: number;
  /** After everything was healed, the cluster must converge within this time. */
  readonly livenessMs: number;
  /** How long a client waits before it counts an operation as unknown. */
  readonly clientTimeoutMs: number;
  /** Bytes of each written value; more than its unique number needs is padding. */
  readonly valueBytes: number;
  readonly network: NetworkPlan;
  readonly disk: DiskPlan;
  readonly clock: ClockPlan;
  readonly member: MemberPlan;
}

export interface Plan {
  /** Of the random streams: network, disk, clock and members. */
  readonly seed: string;
  readonly members: number;
  readonly options: SimulationOptions;
  readonly faults: readonly Fault[];
  readonly operations: readonly PlannedOperation[];
  /** Members that may be added later; they have the numbers after the first ones. Default 0. */
  readonly spares?: number;
  /** Default: nobody watches. */
  readonly watchers?: readonly PlannedWatcher[];
  /** Default: none, everything is healed at once. Always a minority. */
  readonly outsiders?: readonly Outsider[];
  /**
   * When all is over the leader and one follower stop hearing each other, while the others hear
   * both: nobody may be deposed by that. Default false.
   */
  readonly estranged?: boolean;
}

/** A quiet cluster on good devices: what a swarm starts from and a shrinker aims at. */
export const CALM_OPTIONS: SimulationOptions = {
  safetyMs: 10_000,
  livenessMs: 30_000,
  clientTimeoutMs: 2_000,
  valueBytes: 16,
  network: {
    delayUsMin: 200,
    delayUsMax: 1_000,
    lossPercent: 0,
    duplicatePercent: 0,
    slowPercent: 0,
    slowMsMax: 0,
    ordered: true,
  },
  disk: { syncUsMin: 100, syncUsMax: 500 },
  clock: { driftPercent: 0 },
  member: { tickMs: 50, heartbeatTicks: 1, electionTicks: 10 },
};

export function describeOperation(operation: PlannedOperation): string {
  const { atMs, client, kind, key, member } = operation;
  return `${atMs} ms: client ${client} ${kind} k${key} at n${member}`;
}

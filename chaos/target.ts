/**
 * What chaos is done to: a store of several members, seen only from outside.
 *
 * The state of a thing is its type: a `Cluster` is a description that can be started, a
 * `RunningCluster` is what faults and clients act on, and disposing of it leaves nothing behind.
 * A target says what it can do (`capabilities`); a scenario that needs more is skipped with the
 * missing capability as the reason, it never passes silently.
 */

import type { EtcdClientOptions } from '../src/client';

/** What can be done to the members of a target, with what it means. */
export const capabilities = {
  kill: 'the process dies at once and can be started again with its data',
  stop: 'the process is asked to end and can be started again with its data',
  pause: 'the process stands still and goes on later',
  partition: 'the links between members can be cut, each direction of each pair alone',
  reset: 'the connections between members can be broken, with all that is on its way',
  delay: 'what a link carries can be held back',
  bandwidth: 'what a link carries can be slowed down',
  loss: 'packets of a link can be dropped at random',
  duplicate: 'packets of a link can arrive twice',
  reorder: 'packets of a link can overtake each other',
  disk: 'each member has a disk of its own: it can be full, stand still, break, lose power',
  slowDisk: 'writing to that disk can be slowed down',
  memory: 'the memory of a member can be limited while it runs',
  cpu: 'the share of a processor that a member gets can be limited',
  clock: 'the wall clock of a member can be moved',
  rejoin: 'a member can be removed, lose its data, and join the cluster anew',
  maintenance: 'the store may be compacted, defragmented and told who shall lead',
} as const;

export type Capability = keyof typeof capabilities;

/** How a link treats what it carries; what is not given is as it always was. */
export interface LinkShape {
  readonly delayMs?: number;
  /** The delay varies by up to this much, up and down. */
  readonly jitterMs?: number;
  readonly bytesPerSecond?: number;
  /** Shares of packets, 0 to 1. */
  readonly loss?: number;
  readonly duplicate?: number;
  readonly reorder?: number;
}

/** What a member may use at most; what is not given is unlimited. */
export interface MemberLimits {
  readonly memoryBytes?: number;
  /** Processors, e.g. 0.1. */
  readonly cpus?: number;
  readonly diskBytesPerSecond?: number;
}

/** The disk that a member has for itself. */
export interface MemberDisk {
  /** Leaves no free space on it. */
  fill(): Promise<void>;
  /** Gives the space back. */
  release(): Promise<void>;
  /** Writing to it hangs, and hangs until `thaw`. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** From now on every access is an error, until `replug`. */
  fail(): Promise<void>;
  /**
   * The power goes: the member dies, and what it had not synced is lost. It is down afterwards
   * and its disk has recovered as after a real power failure.
   */
  cutPower(): Promise<void>;
  /** Ends the member, if it still runs, and makes a failed disk work again. */
  replug(): Promise<void>;
}

/** What a member is doing, as far as the target itself caused it. */
export type MemberState = 'running' | 'paused' | 'down';

/** One member as the target sees it now. */
export interface Member {
  readonly name: string;
  /** `http://host:port` of the client API. */
  readonly clientUrl: string;
  /** The process id, where there is one and it is alive. */
  readonly pid: number | undefined;
  readonly state: MemberState;
}

/** A member that ended although nobody asked it to. */
export interface UnexpectedExit {
  readonly member: string;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** The last lines of the member's log. */
  readonly logTail: string;
}

/** What a member says of itself (the Maintenance.Status call). */
export interface MemberStatus {
  readonly memberId: bigint;
  /** Zero while the member knows no leader. */
  readonly leaderId: bigint;
  readonly raftTerm: bigint;
  readonly raftIndex: bigint;
  readonly revision: bigint;
  readonly version: string;
}

export interface ClusterDescription {
  /** A short name for reports: `etcd`, `reference`. */
  readonly target: string;
  /** How the members are run, in words, e.g. the path of the binary. */
  readonly how: string;
  readonly memberCount: number;
}

export interface Cluster {
  readonly description: ClusterDescription;
  readonly capabilities: ReadonlySet<Capability>;
  /** Why a capability is missing, e.g. `needs root`; empty where nobody could have it. */
  readonly missing?: ReadonlyMap<Capability, string>;
  /**
   * Starts the members and waits until every one answers and a leader exists.
   * @throws TargetError when the binary is missing or readiness is not reached within the limit.
   */
  start(signal?: AbortSignal): Promise<RunningCluster>;
}

/** What a client needs to be let in. */
export type StoreAccess = Pick<EtcdClientOptions, 'tls' | 'token'>;

export interface RunningCluster extends AsyncDisposable {
  /** Absent where the members let everybody in. */
  readonly access?: StoreAccess;
  readonly description: ClusterDescription;
  readonly capabilities: ReadonlySet<Capability>;
  /** The members in a fixed order, as they are now. */
  members(): readonly Member[];
  /** Members that ended by themselves since the start. */
  unexpectedExits(): readonly UnexpectedExit[];
  /** Asks one member for its status; rejects when it does not answer within the limit. */
  status(name: string, timeoutMs?: number): Promise<MemberStatus>;
  /** The member that claims to lead in the highest term, or undefined when none claims. */
  leader(timeoutMs?: number): Promise<string | undefined>;
  /** The file with what the member printed, where there is one. */
  log(name: string): string | undefined;
  /** Ends the process at once, without a chance to finish anything (SIGKILL). */
  kill(name: string): Promise<void>;
  /** Asks the process to end and waits until it has. */
  stop(name: string): Promise<void>;
  /** Starts a member that is down, with the data it left; returns once the process runs. */
  start(name: string): Promise<void>;
  /** Makes the process stand still (SIGSTOP); returns once it does. */
  pause(name: string): Promise<void>;
  /** Lets a paused process go on. */
  resume(name: string): Promise<void>;
  /**
   * Cuts what `from` sends to `to`: connections carry nothing any more and new ones hang, as
   * with packets that are dropped. One direction; needs the capability `partition`.
   */
  cut(from: string, to: string): Promise<void>;
  /** Makes what `from` sends to `to` slow or unreliable, until `mendAll`. */
  shape(from: string, to: string, shape: LinkShape): Promise<void>;
  /** Breaks the connections that a member has with others now; new ones work. */
  breakConnections(name: string): Promise<void>;
  /** Mends all links at once. */
  mendAll(): Promise<void>;
  /** The disk of a member; needs the capability `disk`. */
  disk(name: string): MemberDisk;
  /** Limits a running member; no limits at all take all back. */
  limit(name: string, limits: MemberLimits): Promise<void>;
  /** Moves the wall clock of a member away from the true time. */
  setClock(name: string, offsetMs: number): Promise<void>;
  /** Says that the member may end by itself from now on, until it is started again. */
  allowExit(name: string): void;
  /** Removes all data of a member that is down. */
  wipe(name: string): Promise<void>;
  /** Starts a member without data as a new member of the running cluster. */
  startAnew(name: string, initialCluster: string): Promise<void>;
  /** What other members reach it by. */
  peerUrl(name: string): string;
}

export type TargetErrorCode =
  | 'notFound' // the binary is not there
  | 'notReady' // the cluster did not become ready within the limit
  | 'noSuchMember'
  | 'wrongState' // e.g. pausing a member that is down
  | 'notCapable' // the target cannot do this at all
  | 'aborted';

/** Why a target could not do what it was asked to. */
export class TargetError extends Error {
  constructor(
    readonly code: TargetErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'TargetError';
  }
}

/**
 * What chaos is done to: a store of several members, seen only from outside.
 *
 * The state of a thing is its type: a `Cluster` is a description that can be started, a
 * `RunningCluster` is what faults and clients act on, and disposing of it leaves nothing behind.
 * A target says what it can do (`capabilities`); a scenario that needs more is skipped with the
 * missing capability as the reason, it never passes silently.
 */

/** Something that can be done to the members of a target. */
export type Capability =
  | 'kill' // the process dies at once and can be started again with its data
  | 'stop' // the process is asked to end and can be started again with its data
  | 'pause' // the process stands still and goes on later
  | 'partition'; // the links between members can be cut, each direction of each pair alone

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
  /**
   * Starts the members and waits until every one answers and a leader exists.
   * @throws TargetError when the binary is missing or readiness is not reached within the limit.
   */
  start(signal?: AbortSignal): Promise<RunningCluster>;
}

export interface RunningCluster extends AsyncDisposable {
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
  /** Mends all links at once. */
  mendAll(): Promise<void>;
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

/**
 * A plan is all there is to a run: the cluster, its devices, the faults and the operations, as
 * plain data. The same plan always gives the same run, and what shrinks is the plan.
 *
 * Times are virtual milliseconds since the start of the run. Every fault carries its own end, so
 * that leaving one out never leaves another half done. Targets may be symbolic ('leader'),
 * resolved at the moment of the strike, so that a fault keeps its meaning when others vanish.
 */
import type { DriverOptions } from '../server/driverOptions';

/** A member by number (1 is the first), or by what it is when the fault strikes. */
export type FaultTarget = number | 'leader' | 'follower';

/** The machine loses power. */
export interface CrashFault {
  readonly kind: 'crash';
  readonly atMs: number;
  readonly target: FaultTarget;
  /** What was not synced is lost or torn; the member starts again after this time. */
  readonly downMs: number;
}

/** The process dies (SIGKILL): what it wrote stays with the operating system. */
export interface KillFault {
  readonly kind: 'kill';
  readonly atMs: number;
  readonly target: FaultTarget;
  readonly downMs: number;
}

/** All members lose power at once: only what was synced remains. */
export interface PowerLossFault {
  readonly kind: 'powerLoss';
  readonly atMs: number;
  readonly downMs: number;
}

/** The process stands still, its clock goes on (SIGSTOP). */
export interface PauseFault {
  readonly kind: 'pause';
  readonly atMs: number;
  readonly target: FaultTarget;
  readonly forMs: number;
}

/**
 * `split`: the group and the rest do not hear each other. `outbound`: the rest does not hear the
 * group. `inbound`: the group does not hear the rest. `bridge`: two halves that only the first
 * of the group connects. `ring`: everybody hears a majority only, each another one.
 */
export type PartitionShape = 'split' | 'outbound' | 'inbound' | 'bridge' | 'ring';

export interface PartitionFault {
  readonly kind: 'partition';
  readonly atMs: number;
  readonly shape: PartitionShape;
  readonly group: readonly FaultTarget[];
  readonly forMs: number;
}

/** Messages from the target, to it, or both, wait and arrive all at once at the end. */
export interface HoldFault {
  readonly kind: 'hold';
  readonly atMs: number;
  readonly target: FaultTarget;
  readonly direction: 'from' | 'to' | 'both';
  readonly forMs: number;
}

/** Every link loses and doubles this share of its messages more than it does anyway. */
export interface DisturbFault {
  readonly kind: 'disturb';
  readonly atMs: number;
  readonly lossPercent: number;
  readonly duplicatePercent: number;
  readonly forMs: number;
}

/** Syncs of the target's disk take longer. */
export interface SlowDiskFault {
  readonly kind: 'slowDisk';
  readonly atMs: number;
  readonly target: FaultTarget;
  readonly syncMs: number;
  readonly forMs: number;
}

/**
 * Strikes at a rare moment in place of a fixed time: from `atMs` on, for `forMs`, the next leader
 * for which the moment comes is taken, once, for `downMs`.
 */
export interface HuntFault {
  readonly kind: 'hunt';
  readonly atMs: number;
  readonly moment: HuntMoment;
  /** `crash`: it loses power. `isolate`: it goes on, cut off. */
  readonly action: 'crash' | 'isolate';
  /** So many others still hear it; to the rest even what is on its way gets lost. */
  readonly reach: number;
  readonly downMs: number;
  readonly forMs: number;
}

/**
 * `elected`: it has just won. `appended`: it holds a synced entry of its own term that at most
 * one other has. `oldTail`: a majority holds an entry of an earlier term that is not committed,
 * and not yet one of its own term (the situation of figure 8 of the Raft paper).
 */
export type HuntMoment = 'elected' | 'appended' | 'oldTail';

export type Fault =
  | CrashFault
  | KillFault
  | PowerLossFault
  | PauseFault
  | PartitionFault
  | HoldFault
  | DisturbFault
  | SlowDiskFault
  | HuntFault;

export type FaultKind = Fault['kind'];

export const FAULT_KINDS: readonly FaultKind[] = [
  'crash',
  'kill',
  'powerLoss',
  'pause',
  'partition',
  'hold',
  'disturb',
  'slowDisk',
  'hunt',
];

/** What a client does; `cas` is a transaction that writes if the key is as the client saw it. */
export type PlannedKind = 'read' | 'write' | 'delete' | 'cas' | 'serializableRead';

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

/** One line a fault, as reports and failures show it. */
export function describeFault(fault: Fault): string {
  const at = `${fault.atMs} ms`;
  switch (fault.kind) {
    case 'crash':
      return `${at}: crash ${name(fault.target)} for ${fault.downMs} ms`;
    case 'kill':
      return `${at}: kill ${name(fault.target)} for ${fault.downMs} ms`;
    case 'powerLoss':
      return `${at}: power loss of all members for ${fault.downMs} ms`;
    case 'pause':
      return `${at}: pause ${name(fault.target)} for ${fault.forMs} ms`;
    case 'partition':
      return (
        `${at}: partition ${fault.shape} of {${fault.group.map(name).join(', ')}} ` +
        `for ${fault.forMs} ms`
      );
    case 'hold':
      return `${at}: hold messages ${fault.direction} ${name(fault.target)} for ${fault.forMs} ms`;
    case 'disturb':
      return (
        `${at}: lose ${fault.lossPercent} % and double ${fault.duplicatePercent} % ` +
        `for ${fault.forMs} ms`
      );
    case 'slowDisk':
      return `${at}: syncs of ${name(fault.target)} take ${fault.syncMs} ms for ${fault.forMs} ms`;
    case 'hunt':
      return (
        `from ${at}: ${fault.action} a leader at '${fault.moment}', ` +
        `${fault.reach} others still hear it, for ${fault.downMs} ms`
      );
  }
}

export function describeOperation(operation: PlannedOperation): string {
  const { atMs, client, kind, key, member } = operation;
  return `${atMs} ms: client ${client} ${kind} k${key} at n${member}`;
}

function name(target: FaultTarget): string {
  return typeof target === 'number' ? `n${target}` : `the ${target}`;
}

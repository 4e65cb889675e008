/**
 * Faults as data. Every fault carries its own end, so that leaving one out never leaves another
 * half done. Targets may be symbolic ('leader'), resolved at the moment of the strike, so that a
 * fault keeps its meaning when others vanish.
 */

/**
 * A member by number (1 is the first), or by what it is when the fault strikes. `next`: the one
 * after the leader, which is the one that still hears a leader that was isolated with reach 1.
 */
export type FaultTarget = number | 'leader' | 'follower' | 'next';

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
 * Strikes at a rare moment in place of a fixed time: from `atMs` on, for `forMs`, the next member
 * for which the moment comes is taken, once, for `downMs`.
 */
export interface HuntFault {
  readonly kind: 'hunt';
  readonly atMs: number;
  readonly moment: HuntMoment;
  /**
   * `crash`: it loses power. `isolate`: it goes on, cut off. `secede`: it and those that were
   * added to the cluster are cut off from the founders. `handOver`: it is asked to make another
   * member the leader. `change`: it is asked for a change of the membership.
   */
  readonly action: 'crash' | 'isolate' | 'secede' | 'handOver' | 'change';
  /**
   * So many others still hear it; to the rest even what is on its way gets lost. Of those that
   * secede: so many moments pass before the strike. Of a `handOver`: how far from it, round the
   * members, the heir is.
   */
  readonly reach: number;
  readonly downMs: number;
  readonly forMs: number;
}

/**
 * `elected`: it has just won. `appended`: it holds a synced entry of its own term that at most
 * one other has. `oldTail`: a majority holds an entry of an earlier term that is not committed,
 * and not yet one of its own term (the situation of figure 8 of the Raft paper). `unsynced`: any
 * member, leader or not, that has written something its disk has not got yet. `changing`: a
 * leader has just put a change of the membership into force, joint or not.
 *
 * `committed`: a leader has just learnt that an entry is on a majority, and nobody else knows.
 * `torn`: any member that has written a new term and entries, neither of which its disk has got.
 * `proposed`: a leader holds a change of the membership, synced and not committed. `leaving`: a
 * leader has told another member to take over, which has just heard it. `installing`: any member
 * that has just received all of a snapshot. `delivered`: the leader that sent it. `installed`: any
 * member that has just put a snapshot in the place of its log, which its disk has not got yet.
 */
export type HuntMoment =
  | 'elected'
  | 'appended'
  | 'oldTail'
  | 'unsynced'
  | 'changing'
  | 'committed'
  | 'torn'
  | 'proposed'
  | 'leaving'
  | 'installing'
  | 'delivered'
  | 'installed';

/**
 * Clients ask when the moment comes, from `atMs` on, for `forMs`, once: a write to the member for
 * which it came and a read from every member, old leaders included, at once; then more rounds of
 * reads, of what was written meanwhile.
 */
export interface AskFault {
  readonly kind: 'ask';
  readonly atMs: number;
  readonly moment: HuntMoment;
  readonly key: number;
  /** Rounds of reads after the first. */
  readonly rounds: number;
  readonly everyMs: number;
  readonly forMs: number;
}

/**
 * The next such call on the target's disk fails once with EIO. The member ends itself, because
 * what its disk holds is not known any more, and starts again after this time.
 */
export interface DiskErrorFault {
  readonly kind: 'diskError';
  readonly atMs: number;
  readonly target: FaultTarget;
  readonly operation: 'append' | 'sync' | 'create' | 'rename' | 'remove';
  readonly downMs: number;
}

/** The target's disk has no more room than this (ENOSPC beyond), until the end of the fault. */
export interface DiskFullFault {
  readonly kind: 'diskFull';
  readonly atMs: number;
  readonly target: FaultTarget;
  readonly freeBytes: number;
  readonly forMs: number;
}

/**
 * The target loses power, and its log is damaged where a later record vouches for it: `flip` one
 * bit, `misdirect` a block written elsewhere. It must refuse such a log and then stays down. At
 * most a minority is ever damaged, so that the others can always go on: a failure is a bug.
 */
export interface DamageFault {
  readonly kind: 'damage';
  readonly atMs: number;
  readonly target: FaultTarget;
  readonly how: 'flip' | 'misdirect';
  /** Where, as a share of what is vouched for. */
  readonly place: number;
  readonly downMs: number;
}

/**
 * The target's monotonic clock runs by this much fast or slow, and its wall clock is put forward
 * (and, `strobeMs`, back and forth): no decision may depend on the wall clock.
 */
export interface ClockFault {
  readonly kind: 'clock';
  readonly atMs: number;
  readonly target: FaultTarget;
  readonly ratePercent: number;
  readonly jumpMs: number;
  /** 0: it jumps once. */
  readonly strobeMs: number;
  readonly forMs: number;
}

/**
 * The next messages of one type to the target wait until the end; all others go their way. A
 * `copy` goes its way too, and comes again at the end: a late duplicate.
 */
export interface CatchFault {
  readonly kind: 'catch';
  readonly atMs: number;
  readonly target: FaultTarget;
  readonly message:
    'append' | 'appendResponse' | 'vote' | 'voteResponse' | 'heartbeat' | 'snapshot';
  readonly count: number;
  /** Default false. */
  readonly copy?: boolean;
  readonly forMs: number;
}

/** The leader is asked to hand over to the target. */
export interface TransferFault {
  readonly kind: 'transfer';
  readonly atMs: number;
  readonly target: FaultTarget;
  /** How long nobody asks for another one. */
  readonly forMs: number;
}

/**
 * Somebody asks for a change of the membership. `add` and `addLearner` bring in the next member
 * of the plan's spares, `promote` makes the learner a voter, `remove` takes the target out,
 * `replace` removes the target and then adds a spare: how a member that lost its disk comes back.
 */
export interface MembershipFault {
  readonly kind: 'membership';
  readonly atMs: number;
  readonly change: 'add' | 'addLearner' | 'promote' | 'remove' | 'replace';
  readonly target: FaultTarget;
  /** The member that is asked. */
  readonly asked: FaultTarget;
  /** How long nobody else asks. */
  readonly forMs: number;
}

/** A member that is receiving a snapshot loses power at a chunk of it. */
export interface InterruptFault {
  readonly kind: 'interrupt';
  readonly atMs: number;
  /** Chunks that it still gets. */
  readonly chunks: number;
  readonly downMs: number;
  readonly forMs: number;
}

export type Fault =
  | CrashFault
  | KillFault
  | PowerLossFault
  | PauseFault
  | PartitionFault
  | HoldFault
  | DisturbFault
  | SlowDiskFault
  | HuntFault
  | AskFault
  | DiskErrorFault
  | DiskFullFault
  | DamageFault
  | ClockFault
  | CatchFault
  | TransferFault
  | MembershipFault
  | InterruptFault;

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
  'diskError',
  'diskFull',
  'damage',
  'clock',
  'catch',
  'transfer',
  'interrupt',
  'membership',
  'ask',
];

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
    case 'diskError':
      return `${at}: ${fault.operation} of ${name(fault.target)} fails, ${fault.downMs} ms down`;
    case 'diskFull':
      return (
        `${at}: the disk of ${name(fault.target)} takes ${fault.freeBytes} bytes more ` +
        `for ${fault.forMs} ms`
      );
    case 'damage':
      return `${at}: ${fault.how} in the log of ${name(fault.target)}, ${fault.downMs} ms down`;
    case 'clock':
      return (
        `${at}: clock of ${name(fault.target)} ${fault.ratePercent} % off, wall clock ` +
        `${fault.jumpMs} ms${fault.strobeMs > 0 ? ` each ${fault.strobeMs} ms` : ''} ` +
        `for ${fault.forMs} ms`
      );
    case 'catch':
      return (
        `${at}: ${fault.copy === true ? 'repeat' : 'hold'} ${fault.count} ${fault.message} ` +
        `to ${name(fault.target)} ${fault.copy === true ? 'after' : 'for'} ${fault.forMs} ms`
      );
    case 'transfer':
      return `${at}: hand leadership to ${name(fault.target)}`;
    case 'membership':
      return `${at}: ${fault.change} (${name(fault.target)}), asked of ${name(fault.asked)}`;
    case 'interrupt':
      return `from ${at}: crash whoever receives a snapshot, after ${fault.chunks} chunks`;
    case 'hunt':
      return `from ${at}: ${describeHunt(fault)}`;
    case 'ask':
      return (
        `from ${at}: at '${fault.moment}' write k${fault.key} there, read it everywhere, ` +
        `and again ${fault.rounds} times, each ${fault.everyMs} ms`
      );
  }
}

function describeHunt({ action, moment, reach, downMs }: HuntFault): string {
  const what = `${action} a member at '${moment}'`;
  if (action === 'change') return what;
  if (action === 'handOver') return `${what}, to the one ${reach + 1} further`;
  const how = action === 'secede' ? `after ${reach} such` : `${reach} others still hear it`;
  return `${what}, ${how}, for ${downMs} ms`;
}

function name(target: FaultTarget): string {
  if (target === 'next') return 'the member after the leader';
  return typeof target === 'number' ? `n${target}` : `the ${target}`;
}

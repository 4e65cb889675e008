/**
 * Does what the plan's faults say, and undoes it: every fault ends by itself after its time, and
 * `heal` ends whatever is left, because a fault that outlives its run makes a liar of the check.
 *
 * Symbolic targets are resolved at the strike. A fault that finds nobody to hit (no leader, the
 * member is down already) does nothing. Overlapping faults are counted, so they heal in any order.
 */
import type { NodeId } from '../raft/types';
import type {
  AskFault,
  Fault,
  FaultTarget,
  HoldFault,
  HuntFault,
  HuntMoment,
  InterruptFault,
  PartitionFault,
} from './faults';
import { FAULT_KINDS } from './faults';
import { leaderOf } from './leaderOf';
import { DeviceFaults } from './deviceFaults';
import { MembershipFaults } from './membershipFaults';
import { takesOut } from './hunter';
import type { Mark } from './marks';
import { cutLinks, pairs } from './partitions';
import type { DirectedLink } from './partitions';
import type { Outsider, SeatedOutsider } from './plan';
import { Provocations } from './provocations';
import type { EventHandler } from './scheduler';
import type { SimMember } from './simMember';
import type { NemesisParts, Strike, StrikeBook } from './strikes';
import { TraceKind } from './trace';

/** States that only a strike at such a moment reaches. */
const MOMENT_MARKS: Partial<Record<HuntMoment, Mark>> = {
  torn: 'power lost between two writes',
  committed: 'leader struck as it committed',
  proposed: 'leader struck with a change proposed',
  leaving: 'leader struck as it handed over',
  delivered: 'leader struck at a delivered snapshot',
  installed: 'struck as a snapshot was installed',
};

const NemesisEvent = { strike: 1, undo: 2, revive: 9 } as const;

export class Nemesis implements EventHandler {
  private readonly strikes: Strike[] = [];
  private readonly devices: DeviceFaults;
  private readonly changes: MembershipFaults;
  private readonly provocations: Provocations;
  private healed = false;

  constructor(private readonly parts: NemesisParts) {
    const book: StrikeBook = {
      find: (target) => this.find(target),
      begin: (fault, targets) => this.begin(fault, targets),
      lasts: (strike, forMs) => this.lasts(strike, forMs),
      takeDown: (fault, members) => this.downStrike(fault, members, 'crash'),
      restart: (targets) => this.restart(targets),
    };
    this.devices = new DeviceFaults(parts, book);
    this.changes = new MembershipFaults(parts, book);
    this.provocations = new Provocations(parts, book);
  }

  /** A spare has become a member. */
  join(member: SimMember): void {
    this.changes.join(member);
  }

  plan(faults: readonly Fault[]): void {
    const { scheduler } = this.parts;
    for (const fault of faults) {
      scheduler.schedule(fault.atMs * 1000, this, NemesisEvent.strike, 0, fault);
    }
  }

  /** The moment has come for this member. */
  capture(prey: SimMember, fault: HuntFault | AskFault): void {
    const mark = MOMENT_MARKS[fault.moment];
    if (mark !== undefined && fault.kind === 'hunt') this.parts.marks.hit(mark);
    if (fault.kind === 'ask') this.provocations.ask(prey, fault);
    else if (takesOut(fault)) this.takeOut(prey, fault);
    else if (fault.action === 'handOver') this.provocations.handOver(prey, fault);
    else this.provocations.change(prey, fault);
  }

  /** Takes the prey of a hunt: cuts it off from all but a few, and crashes it if so ordered. */
  private takeOut(prey: SimMember, fault: HuntFault): void {
    const strike = this.begin(fault, [prey.id]);
    const size = this.parts.members.length;
    const { founders } = this.parts;
    const secedes = (id: NodeId): boolean => id === prey.id || id > founders;
    strike.links = this.pairs((from, to) => {
      if (fault.action === 'secede') return secedes(from) !== secedes(to);
      if (from !== prey.id && to !== prey.id) return false;
      const other = from === prey.id ? to : from;
      return (other - prey.id + size) % size > fault.reach;
    });
    for (const [from, to] of strike.links) this.parts.network.cut(from, to);
    if (fault.action === 'secede') this.parts.marks.hit('seceded at a change');
    if (fault.action === 'crash') this.parts.stop(prey, 'crash');
    this.lasts(strike, fault.downMs);
  }

  /** Takes a member that is receiving a snapshot. */
  interrupt(prey: SimMember, fault: InterruptFault): void {
    const strike = this.begin(fault, [prey.id]);
    this.parts.marks.hit('snapshot interrupted');
    this.parts.stop(prey, 'crash');
    this.lasts(strike, fault.downMs);
  }

  /**
   * Ends every fault but those of the outsiders, which get the links the plan wants for them;
   * nothing strikes from now on. Members whose logs were damaged stay down for good.
   */
  heal(outsiders: readonly SeatedOutsider[] = []): void {
    this.healed = true;
    this.provocations.end();
    for (const strike of this.strikes) this.undo(strike);
    this.parts.network.heal();
    const outside = new Map(outsiders.map((outsider) => [outsider.member, outsider.link]));
    for (const member of this.parts.members) {
      member.disk.clearFailures();
      member.disk.capacityBytes = Infinity;
      member.extraSyncMs = 0;
      member.runtime?.resume();
      if (outside.get(member.id) === 'down') {
        if (member.isUp) this.parts.stop(member, 'kill');
      } else if (!member.isUp && member.canStart) this.parts.start(member);
    }
    const bridge = this.parts.members.find(({ id, isLost }) => !outside.has(id) && !isLost)?.id;
    for (const [from, to] of this.pairs((a, b) => outside.has(a) || outside.has(b))) {
      if (isCutOff(outside, from, to, bridge)) this.parts.network.cut(from, to);
    }
  }

  /**
   * A member has ended itself for a disk that failed as it was told to. It may find out long after
   * the call that failed, and so after the healing: then nobody else starts it again.
   */
  failed(member: SimMember): void {
    if (!this.healed) return;
    const { scheduler } = this.parts;
    scheduler.schedule(scheduler.nowUs, this, NemesisEvent.revive, member.id, undefined);
  }

  handle(kind: number, value: number, payload: unknown): void {
    if (kind === NemesisEvent.revive) this.restart([value]);
    else if (this.healed) return;
    else if (kind === NemesisEvent.undo) this.undo(payload as Strike);
    else this.strike(payload as Fault);
  }

  private strike(fault: Fault): void {
    switch (fault.kind) {
      case 'crash':
      case 'kill': {
        const member = this.find(fault.target);
        if (member?.isUp) this.lasts(this.downStrike(fault, [member], fault.kind), fault.downMs);
        return;
      }
      case 'powerLoss': {
        this.parts.marks.hit('all members lost power');
        const up = this.parts.members.filter((member) => member.isUp);
        this.lasts(this.downStrike(fault, up, 'crash'), fault.downMs);
        return;
      }
      case 'pause':
        this.pause(fault.target, fault, fault.forMs);
        return;
      case 'partition':
        this.cut(fault);
        return;
      case 'hold':
        this.hold(fault);
        return;
      case 'disturb':
        this.parts.network.disturb(fault.lossPercent, fault.duplicatePercent);
        this.lasts(this.begin(fault, []), fault.forMs);
        return;
      case 'slowDisk':
      case 'diskError':
      case 'diskFull':
      case 'damage':
      case 'clock':
      case 'catch':
        this.devices.strike(fault);
        return;
      case 'transfer':
      case 'membership':
        this.changes.strike(fault);
        return;
      case 'interrupt':
      case 'hunt':
      case 'ask':
        this.parts.hunt(fault, true);
        this.lasts(this.begin(fault, []), fault.forMs);
        return;
    }
  }

  private undo(strike: Strike): void {
    if (strike.undone) return;
    strike.undone = true;
    const { fault, targets } = strike;
    const { network } = this.parts;
    this.trace(TraceKind.heal, fault, targets);
    switch (fault.kind) {
      case 'crash':
      case 'kill':
      case 'powerLoss':
        this.restart(targets);
        break;
      case 'slowDisk':
      case 'diskError':
      case 'diskFull':
      case 'damage':
      case 'clock':
      case 'catch':
        this.devices.undo(strike);
        break;
      case 'transfer':
      case 'membership':
        break;
      case 'interrupt':
      case 'hunt':
      case 'ask':
        // A hunt that found its prey has a target to start again; the watch itself has none.
        for (const [from, to] of strike.links) network.mend(from, to);
        if (targets.length === 0) this.parts.hunt(fault, false);
        else if (takesOut(fault)) this.restart(targets);
        break;
      case 'pause':
        for (const id of targets) this.member(id).runtime?.resume();
        break;
      case 'partition':
        for (const [from, to] of strike.links) network.mend(from, to);
        break;
      case 'hold':
        for (const [from, to] of strike.links) network.release(from, to);
        break;
      case 'disturb':
        network.disturb(-fault.lossPercent, -fault.duplicatePercent);
        break;
    }
    this.parts.recordFault(fault, 'healed', targets);
  }

  private restart(targets: readonly NodeId[]): void {
    for (const id of targets) {
      const member = this.member(id);
      if (!member.isUp && member.canStart) this.parts.start(member);
    }
  }

  private downStrike(fault: Fault, members: SimMember[], how: 'crash' | 'kill'): Strike {
    const strike = this.begin(
      fault,
      members.map((member) => member.id),
    );
    for (const member of members) this.parts.stop(member, how);
    return strike;
  }

  private pause(target: FaultTarget, fault: Fault, forMs: number): void {
    const member = this.find(target);
    if (member?.runtime === undefined || member.isPaused) return;
    if (member.now.role === 'leader') this.parts.marks.hit('leader paused');
    member.runtime.pause();
    this.lasts(this.begin(fault, [member.id]), forMs);
  }

  private cut(fault: PartitionFault): void {
    const group = this.group(fault.group);
    const links = cutLinks(fault.shape, this.parts.members.length, group);
    if (links.length === 0) return;
    this.parts.marks.hit('link cut');
    const strike = this.begin(fault, group);
    strike.links = links;
    for (const [from, to] of links) this.parts.network.cut(from, to);
    this.lasts(strike, fault.forMs);
  }

  private hold(fault: HoldFault): void {
    const member = this.find(fault.target);
    if (member === undefined) return;
    const from = fault.direction !== 'to';
    const to = fault.direction !== 'from';
    const strike = this.begin(fault, [member.id]);
    strike.links = this.pairs((a, b) => (from && a === member.id) || (to && b === member.id));
    for (const [a, b] of strike.links) this.parts.network.hold(a, b);
    this.lasts(strike, fault.forMs);
  }

  private pairs(wanted: (from: NodeId, to: NodeId) => boolean): DirectedLink[] {
    return pairs(this.parts.members.length, wanted);
  }

  private group(targets: readonly FaultTarget[]): NodeId[] {
    const ids = new Set<NodeId>();
    for (const target of targets) {
      const member = this.find(target);
      if (member !== undefined) ids.add(member.id);
    }
    return [...ids].sort((a, b) => a - b);
  }

  /** A number counts round the members, so that a plan may shrink its cluster. */
  private find(target: FaultTarget): SimMember | undefined {
    const { members } = this.parts;
    if (typeof target === 'number') return members[(target - 1) % members.length];
    const leader = leaderOf(members);
    if (target === 'leader') return leader;
    if (target === 'next') return leader && members[leader.id % members.length];
    return members.find((member) => member.isUp && member !== leader);
  }

  private member(id: NodeId): SimMember {
    return this.parts.members[id - 1]!;
  }

  private begin(fault: Fault, targets: NodeId[]): Strike {
    const strike: Strike = {
      fault,
      targets,
      links: [],
      catcher: undefined,
      undone: false,
    };
    this.strikes.push(strike);
    this.trace(TraceKind.fault, fault, targets);
    this.parts.recordFault(fault, 'injected', targets);
    return strike;
  }

  private lasts(strike: Strike, forMs: number): void {
    const { scheduler } = this.parts;
    scheduler.schedule(scheduler.nowUs + forMs * 1000, this, NemesisEvent.undo, 0, strike);
  }

  private trace(
    kind: typeof TraceKind.fault | typeof TraceKind.heal,
    fault: Fault,
    targets: readonly NodeId[],
  ): void {
    const { scheduler, trace } = this.parts;
    let mask = 0;
    for (const id of targets) mask |= 1 << id;
    const code = FAULT_KINDS.indexOf(fault.kind);
    trace.record(scheduler.nowUs, scheduler.events, kind, targets[0] ?? 0, code, mask);
  }
}

/** Whether messages from one member to another get lost for good in the closing phase. */
function isCutOff(
  outside: ReadonlyMap<NodeId, Outsider['link']>,
  from: NodeId,
  to: NodeId,
  bridge: NodeId | undefined,
): boolean {
  const sender = outside.get(from);
  const receiver = outside.get(to);
  // Outsiders do not hear each other: together they might be more than the plan says.
  if (sender !== undefined && receiver !== undefined) return true;
  if (sender !== undefined) return sender !== 'outbound' && !(sender === 'bridge' && to === bridge);
  return receiver !== 'inbound' && !(receiver === 'bridge' && from === bridge);
}

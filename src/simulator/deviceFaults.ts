/**
 * Faults of one member's devices: its disk, its clocks, single messages on their way to it. Damage
 * is budgeted: at most a minority of the disks is ever hurt, so that what is lost can always be
 * had from the others, and a failure is a bug.
 */
import type { NodeId } from '../raft/types';
import type {
  CatchFault,
  ClockFault,
  DamageFault,
  DiskErrorFault,
  DiskFullFault,
  SlowDiskFault,
} from './faults';
import type { EventHandler } from './scheduler';
import type { SimMember } from './simMember';
import type { NemesisParts, Strike, StrikeBook } from './strikes';

export type DeviceFault =
  CatchFault | ClockFault | DamageFault | DiskErrorFault | DiskFullFault | SlowDiskFault;

export class DeviceFaults implements EventHandler {
  /** Members whose disks were damaged. */
  private readonly damaged = new Set<NodeId>();

  constructor(
    private readonly parts: NemesisParts,
    private readonly book: StrikeBook,
  ) {}

  strike(fault: DeviceFault): void {
    switch (fault.kind) {
      case 'slowDisk':
        return this.slowDown(fault);
      case 'diskError':
        return this.failDisk(fault);
      case 'diskFull':
        return this.fill(fault);
      case 'damage':
        return this.damage(fault);
      case 'clock':
        return this.skew(fault);
      case 'catch':
        return this.catchMessages(fault);
    }
  }

  undo({ fault, targets, catcher }: Strike): void {
    for (const id of targets) {
      const member = this.member(id);
      if (fault.kind === 'slowDisk') member.extraSyncMs -= fault.syncMs;
      else if (fault.kind === 'clock') {
        member.clock.rate /= 1 + fault.ratePercent / 100;
        member.clock.wallOffsetMs = 0;
      } else if (fault.kind === 'diskError' || fault.kind === 'diskFull') {
        member.disk.clearFailures();
        member.disk.capacityBytes = Infinity;
      }
    }
    if (catcher !== undefined) this.parts.network.letGoCaught(catcher);
    const mayBeDown = ['diskError', 'diskFull', 'damage'].includes(fault.kind);
    if (mayBeDown) this.book.restart(targets);
  }

  /** Puts a wall clock back and forth. */
  handle(_kind: number, _value: number, payload: unknown): void {
    this.strobe(payload as Strike);
  }

  private slowDown(fault: SlowDiskFault): void {
    const member = this.book.find(fault.target);
    if (member === undefined) return;
    member.extraSyncMs += fault.syncMs;
    this.book.lasts(this.book.begin(fault, [member.id]), fault.forMs);
  }

  private fill(fault: DiskFullFault): void {
    const member = this.book.find(fault.target);
    if (member === undefined || !member.canStart) return;
    member.disk.capacityBytes = member.disk.usedBytes + fault.freeBytes;
    this.book.lasts(this.book.begin(fault, [member.id]), fault.forMs);
  }

  /** The next such call fails; a member that finds out ends itself (see World.failed). */
  private failDisk(fault: DiskErrorFault): void {
    const member = this.book.find(fault.target);
    if (member === undefined || !member.isUp) return;
    member.disk.failNext(fault.operation, 'EIO');
    this.book.lasts(this.book.begin(fault, [member.id]), fault.downMs);
  }

  private damage(fault: DamageFault): void {
    const member = this.book.find(fault.target);
    const { members } = this.parts;
    if (member === undefined || !member.isUp) return;
    if (!this.damaged.has(member.id) && 2 * (this.damaged.size + 1) >= members.length) return;
    const spot = member.damageableSpot(fault.place);
    if (spot === undefined) return;
    this.parts.marks.hit('log damaged');
    this.damaged.add(member.id);
    const strike = this.book.takeDown(fault, [member]);
    member.damage(spot, fault.how);
    this.book.lasts(strike, fault.downMs);
  }

  private skew(fault: ClockFault): void {
    const member = this.book.find(fault.target);
    if (member === undefined) return;
    member.clock.rate *= 1 + fault.ratePercent / 100;
    member.clock.wallOffsetMs = fault.jumpMs;
    this.parts.marks.hit('clock skewed');
    const strike = this.book.begin(fault, [member.id]);
    this.book.lasts(strike, fault.forMs);
    this.strobe(strike);
  }

  private strobe(strike: Strike): void {
    const { fault, targets } = strike;
    if (strike.undone || fault.kind !== 'clock' || fault.strobeMs === 0) return;
    const { scheduler } = this.parts;
    const { clock } = this.member(targets[0]!);
    clock.wallOffsetMs = clock.wallOffsetMs === 0 ? fault.jumpMs : 0;
    const atUs = scheduler.nowUs + fault.strobeMs * 1000;
    scheduler.schedule(atUs, this, 0, 0, strike);
  }

  private catchMessages(fault: CatchFault): void {
    const member = this.book.find(fault.target);
    if (member === undefined) return;
    const strike = this.book.begin(fault, [member.id]);
    const { message: type, count: left, copy: copies = false } = fault;
    strike.catcher = { to: member.id, type, copies, left };
    this.parts.network.catchNext(strike.catcher);
    this.book.lasts(strike, fault.forMs);
  }

  private member(id: NodeId): SimMember {
    return this.parts.members[id - 1]!;
  }
}

/**
 * Strikes at rare moments. Some bugs need a crash within the few hundred microseconds in which a
 * leader holds what nobody else does, and a schedule drawn beforehand finds them once in thousands
 * of seeds; the hunter waits for such a moment and takes the leader down right then.
 *
 * The moments are states of a correct cluster, not symptoms of a bug: hunting needs no knowledge
 * of what is broken.
 */
import type { ConfState, NodeId } from '../raft/types';
import type { Marks } from './marks';
import type { AskFault, HuntFault, HuntMoment, InterruptFault } from './faults';
import type { EventHandler, Scheduler } from './scheduler';
import type { SimMember } from './simMember';

export interface HunterParts {
  readonly scheduler: Scheduler;
  readonly marks: Marks;
  readonly members: readonly SimMember[];
  /** How long the answers of a majority may take to reach a leader. */
  readonly answerUs: number;
  readonly strike: (prey: SimMember, fault: HuntFault | AskFault) => void;
  readonly interrupt: (prey: SimMember, fault: InterruptFault) => void;
}

/** Waits for a moment of the cluster as a whole. */
type Watch = HuntFault | AskFault;

/** So much of an uncommitted tail is looked through. */
const TAIL_BYTES = 64 * 1024;

const HunterEvent = { ambush: 1, interrupt: 2, strike: 3 } as const;

export class Hunter implements EventHandler {
  private readonly active: Watch[] = [];
  /** Who waits for chunks of a snapshot, and how many of them still pass. */
  private readonly interrupts = new Map<InterruptFault, number>();
  /** The configuration each member was last seen to go by, and how many changes still pass. */
  private readonly confs: (ConfState | undefined)[] = [];
  private readonly passing = new Map<Watch, number>();
  /** Entry (index and term) for which an `oldTail` strike is already on its way. */
  private pending = '';

  constructor(private readonly parts: HunterParts) {}

  watch(fault: Watch | InterruptFault, on: boolean): void {
    if (fault.kind === 'interrupt') {
      if (on) this.interrupts.set(fault, fault.chunks);
      else this.interrupts.delete(fault);
    } else if (on) this.active.push(fault);
    else {
      const at = this.active.indexOf(fault);
      if (at >= 0) this.active.splice(at, 1);
    }
  }

  /** A member has received a chunk of a snapshot, the last of it or not. */
  chunk(member: SimMember, from: NodeId, isLast: boolean): void {
    if (isLast) {
      this.comes('installing', member);
      this.comes('delivered', this.parts.members[from - 1]!);
    }
    for (const [fault, left] of this.interrupts) {
      if (left > 0) {
        this.interrupts.set(fault, left - 1);
        continue;
      }
      this.interrupts.delete(fault);
      // Not in the middle of its own event: a process dies between two of them.
      const { scheduler } = this.parts;
      scheduler.schedule(scheduler.nowUs, this, HunterEvent.interrupt, 0, { member, fault });
    }
  }

  /** A member was told to take over by that leader. */
  toldToLead(from: NodeId): void {
    this.comes('leaving', this.parts.members[from - 1]!);
  }

  installed(member: SimMember): void {
    this.comes('installed', member);
  }

  /** A moment that shows in a message and not in a state: whoever waits for it strikes next. */
  private comes(moment: HuntMoment, prey: SimMember): void {
    for (const asks of [true, false]) {
      const isNext = (fault: Watch): boolean =>
        fault.moment === moment && (fault.kind === 'ask') === asks;
      const next = this.active.find(isNext);
      if (next !== undefined) this.strikeNext(prey, next);
    }
  }

  /** Not in the middle of somebody's event; by then it must still be there. */
  private strikeNext(prey: SimMember, fault: Watch): void {
    const { scheduler } = this.parts;
    scheduler.schedule(scheduler.nowUs, this, HunterEvent.strike, 0, { prey, fault });
  }

  /** Called after each change of any member. */
  look(changed: SimMember): void {
    if (this.active.length === 0) return;
    const isChanging = this.changesMembership(changed);
    let asked = false;
    for (let i = 0; i < this.active.length; i++) {
      const fault = this.active[i]!;
      if (fault.moment === 'changing') {
        if (!isChanging || this.passes(fault)) continue;
        this.take(changed, fault);
        return;
      }
      if (fault.kind === 'ask' && asked) continue;
      const prey = this.preyOf(fault.moment, changed);
      if (prey === undefined) continue;
      if (fault.kind === 'ask') {
        // Whoever asks does not keep a hunter from the same moment.
        asked = true;
        this.strikeNext(prey, fault);
        continue;
      }
      if (fault.moment === 'oldTail') {
        this.ambush(prey, fault);
        continue;
      }
      this.take(prey, fault);
      return;
    }
  }

  /** What takes the prey out of the game does so at once; who asks it something waits his turn. */
  private take(prey: SimMember, fault: Watch): void {
    if (!takesOut(fault)) {
      this.strikeNext(prey, fault);
      return;
    }
    this.active.splice(this.active.indexOf(fault), 1);
    this.parts.strike(prey, fault);
  }

  handle(kind: number, _value: number, payload: unknown): void {
    if (kind === HunterEvent.interrupt) {
      const { member, fault } = payload as { member: SimMember; fault: InterruptFault };
      if (member.isUp) this.parts.interrupt(member, fault);
      return;
    }
    if (kind === HunterEvent.strike) {
      const { prey, fault } = payload as { prey: SimMember; fault: Watch };
      const at = this.active.indexOf(fault);
      if (at < 0 || !prey.isUp) return;
      this.active.splice(at, 1);
      this.parts.strike(prey, fault);
      return;
    }
    const { prey, fault, term } = payload as Ambush;
    const at = this.active.indexOf(fault);
    if (at < 0 || !prey.isUp || prey.now.role !== 'leader' || prey.now.term !== term) return;
    this.active.splice(at, 1);
    this.parts.strike(prey, fault);
  }

  /** Lets the answers of the majority come in first, then strikes. */
  private ambush(prey: SimMember, fault: Watch): void {
    const { scheduler, marks, answerUs } = this.parts;
    const { term } = prey.now;
    const key = `${prey.id}/${term}`;
    if (this.pending === key) return;
    this.pending = key;
    marks.hit('old term tail on a majority');
    const ambush: Ambush = { prey, fault, term };
    scheduler.schedule(scheduler.nowUs + answerUs, this, HunterEvent.ambush, 0, ambush);
  }

  /** Whether it leads and has just put another configuration into force. */
  private changesMembership(member: SimMember): boolean {
    if (!member.isUp) return false;
    const before = this.confs[member.id];
    const { conf } = member;
    this.confs[member.id] = conf;
    return before !== undefined && before !== conf && member.now.role === 'leader';
  }

  private passes(fault: Watch): boolean {
    if (fault.kind === 'ask' || fault.action !== 'secede') return false;
    const left = this.passing.get(fault) ?? fault.reach;
    this.passing.set(fault, left - 1);
    return left > 0;
  }

  private preyOf(moment: HuntMoment, changed: SimMember): SimMember | undefined {
    switch (moment) {
      case 'elected':
        return changed.now.role === 'leader' && changed.before?.role !== 'leader'
          ? changed
          : undefined;
      case 'appended':
        return this.parts.members.find((member) => this.isAlmostAlone(member));
      case 'unsynced':
        return changed.isUp && changed.log!.lastIndex() > changed.stableIndex ? changed : undefined;
      case 'oldTail':
        return this.parts.members.find((member) => this.hasOldTail(member));
      case 'committed':
        return hasCommitted(changed) ? changed : undefined;
      case 'torn':
        return changed.isUp && isTorn(changed) ? changed : undefined;
      case 'proposed':
        return hasProposedChange(changed) ? changed : undefined;
      case 'changing':
      case 'leaving':
      case 'installing':
      case 'delivered':
      case 'installed':
        return undefined;
    }
  }

  /** A leader whose newest entry is synced here, of its own term, and at one other at most. */
  private isAlmostAlone(member: SimMember): boolean {
    if (!member.isUp || member.now.role !== 'leader') return false;
    const { lastIndex, commitIndex, term } = member.now;
    if (lastIndex <= commitIndex || member.stableIndex < lastIndex) return false;
    return member.termAt(lastIndex) === term && this.holders(lastIndex, term) <= 2;
  }

  /** A majority holds an uncommitted entry of an earlier term, and not yet one of the leader's. */
  private hasOldTail(member: SimMember): boolean {
    if (!member.isUp || member.now.role !== 'leader') return false;
    const { lastIndex, commitIndex, term } = member.now;
    const majority = (this.parts.members.length >> 1) + 1;
    for (let index = commitIndex + 1; index <= lastIndex; index++) {
      const entryTerm = member.termAt(index);
      if (entryTerm === undefined || entryTerm === term) return false;
      if (
        this.holders(index, entryTerm) >= majority &&
        member.termAt(index + 1) === term &&
        this.holders(index + 1, term) < majority
      ) {
        return true;
      }
    }
    return false;
  }

  private holders(index: number, term: number): number {
    let count = 0;
    for (const member of this.parts.members) if (member.termAt(index) === term) count++;
    return count;
  }
}

interface Ambush {
  readonly prey: SimMember;
  readonly fault: Watch;
  readonly term: number;
}

/** Whether it takes its prey out of the game; else somebody asks it for something. */
export function takesOut(fault: Watch | InterruptFault): boolean {
  if (fault.kind === 'interrupt') return true;
  return fault.kind === 'hunt' && fault.action !== 'handOver' && fault.action !== 'change';
}

/** The message that tells the others has not left yet. */
function hasCommitted({ now, before }: SimMember): boolean {
  return now.role === 'leader' && before?.role === 'leader' && now.commitIndex > before.commitIndex;
}

/** Written in one turn and not synced: a new term, and entries. */
function isTorn(member: SimMember): boolean {
  const log = member.log!;
  return log.lastIndex() > member.stableIndex && log.hardState.term > member.stableTerm;
}

function hasProposedChange(member: SimMember): boolean {
  if (!member.isUp || member.now.role !== 'leader') return false;
  const { commitIndex } = member.now;
  const last = member.stableIndex;
  if (last <= commitIndex) return false;
  const tail = member.log!.entries(commitIndex + 1, last + 1, TAIL_BYTES) ?? [];
  return tail.some(({ type }) => type !== 'normal');
}

/**
 * Changes of who is a member and who leads, as an operator asks for them while other things go
 * wrong: through the driver of some member, or, for several at once, through the core's joint
 * configurations. Whoever is new is started a little later, on an empty disk.
 */
import type { MembershipChange } from '../kv';
import type { NodeId } from '../raft/types';
import type { MembershipFault, TransferFault } from './faults';
import { leaderOf } from './leaderOf';
import { isMember, memberRecord } from './membership';
import type { EventHandler } from './scheduler';
import type { SimMember } from './simMember';
import type { NemesisParts, StrikeBook } from './strikes';

/** A member that was added is started after this. */
const JOIN_MS = 30;

export class MembershipFaults implements EventHandler {
  /** Members that a change was asked for. */
  private readonly asked = new Set<NodeId>();

  constructor(
    private readonly parts: NemesisParts,
    private readonly book: StrikeBook,
  ) {}

  strike(fault: MembershipFault | TransferFault): void {
    if (fault.kind === 'transfer') this.transfer(fault);
    else this.change(fault);
  }

  /** A spare has become a member. */
  join(member: SimMember): void {
    const { scheduler } = this.parts;
    member.isAway = false;
    scheduler.schedule(scheduler.nowUs + JOIN_MS * 1000, this, 0, 0, member);
  }

  handle(_kind: number, _value: number, payload: unknown): void {
    const member = payload as SimMember;
    if (member.isUp || !member.canStart) return;
    this.parts.marks.hit('member added');
    this.parts.start(member);
  }

  private change(fault: MembershipFault): void {
    const asked = this.book.find(fault.asked);
    const target = this.book.find(fault.target);
    if (asked === undefined || target === undefined) return;
    const spare = this.parts.members.find(({ isAway, incarnations, id }) => {
      return isAway && incarnations === 0 && !this.asked.has(id);
    });
    const id = requestChange(fault, asked, target, spare);
    if (id === undefined) return;
    this.asked.add(id);
    this.book.lasts(this.book.begin(fault, [id]), fault.forMs);
  }

  private transfer(fault: TransferFault): void {
    const leader = leaderOf(this.parts.members);
    const heir = this.book.find(fault.target);
    if (leader === undefined || heir === undefined || heir === leader) return;
    const strike = this.book.begin(fault, [leader.id, heir.id]);
    this.parts.marks.hit('leadership handed over');
    leader.runtime?.enter(() => leader.driver?.node.transferLeader(heir.id));
    this.book.lasts(strike, fault.forMs);
  }
}

/**
 * Asks `asked` for the change; who it concerned, or undefined when there is nothing to ask for.
 * `spare` has not been a member yet.
 */
function requestChange(
  { change }: MembershipFault,
  asked: SimMember,
  target: SimMember,
  spare: SimMember | undefined,
): NodeId | undefined {
  const { driver, runtime } = asked;
  if (driver === undefined || runtime === undefined) return undefined;
  const ask = (wanted: MembershipChange): void => {
    runtime.enter(() => driver.changeMembership(wanted, () => undefined));
  };
  switch (change) {
    case 'add':
    case 'addLearner': {
      if (spare === undefined) return undefined;
      ask({ kind: 'add', member: memberRecord(spare.id, change === 'addLearner') });
      return spare.id;
    }
    case 'promote': {
      const [learner] = driver.node.conf.learners;
      if (learner === undefined || !isCaughtUp(asked, learner)) return undefined;
      ask({ kind: 'promote', id: learner });
      return learner;
    }
    case 'remove':
      ask({ kind: 'remove', id: target.id });
      return target.id;
    case 'replace': {
      if (spare === undefined || !isMember(driver.node.conf, target.id)) return undefined;
      const changes = [
        { type: 'addVoter', id: spare.id },
        { type: 'remove', id: target.id },
      ] as const;
      const context = new Uint8Array(0);
      runtime.enter(() => driver.node.proposeChange({ transition: 'auto', changes, context }));
      // The spare is taken: a learner of the same number would take its vote away again.
      return spare.id;
    }
  }
}

/** As servers of etcd do: a learner is promoted when it has nearly everything. */
function isCaughtUp({ driver }: SimMember, learner: NodeId): boolean {
  const node = driver!.node;
  if (node.role !== 'leader') return false;
  return (node.progressOf(learner)?.matchIndex ?? 0) >= 0.9 * node.lastIndex;
}

/**
 * What clients and operators do right when a rare moment comes: read and write everywhere, ask
 * the leader to hand over, ask it for a change of the membership. Nobody is hurt by it; the
 * questions alone are at the worst possible time.
 *
 * Nothing is asked any more once the faults are over.
 */
import type { AskFault, HuntFault } from './faults';
import { isMember, memberRecord } from './membership';
import type { PlannedOperation } from './plan';
import type { EventHandler } from './scheduler';
import type { SimMember } from './simMember';
import type { NemesisParts, StrikeBook } from './strikes';

/** Clients that ask have numbers from here on, and a new one for each question. */
const ASK_CLIENT = 500;

export class Provocations implements EventHandler {
  private nextClient = ASK_CLIENT;
  private isOver = false;

  constructor(
    private readonly parts: NemesisParts,
    private readonly book: StrikeBook,
  ) {}

  end(): void {
    this.isOver = true;
  }

  ask(prey: SimMember, fault: AskFault): void {
    const { scheduler } = this.parts;
    this.book.lasts(this.book.begin(fault, [prey.id]), fault.rounds * fault.everyMs);
    this.parts.marks.hit('asked at a rare moment');
    this.send('write', prey.id, fault.key);
    this.readEverywhere(fault.key);
    for (let round = 1; round <= fault.rounds; round++) {
      const atUs = scheduler.nowUs + round * fault.everyMs * 1000;
      scheduler.schedule(atUs, this, 0, fault.key, undefined);
    }
  }

  handOver(leader: SimMember, fault: HuntFault): void {
    const { members, marks } = this.parts;
    const heir = members[(leader.id + fault.reach) % members.length]!;
    if (heir === leader || leader.now.role !== 'leader') return;
    this.book.lasts(this.book.begin(fault, [leader.id]), 0);
    marks.hit('leadership handed over');
    leader.runtime!.enter(() => leader.driver?.node.transferLeader(heir.id));
  }

  /** A spare is added, or, when there is none left, the member after the leader removed. */
  change(leader: SimMember, fault: HuntFault): void {
    const { driver, runtime } = leader;
    if (driver === undefined || runtime === undefined) return;
    const { members } = this.parts;
    const spare = members.find(({ isAway, incarnations }) => isAway && incarnations === 0);
    const other = members[leader.id % members.length]!;
    const wanted =
      spare !== undefined && !isMember(driver.node.conf, spare.id)
        ? ({ kind: 'add', member: memberRecord(spare.id, false) } as const)
        : ({ kind: 'remove', id: other.id } as const);
    this.book.lasts(this.book.begin(fault, [leader.id]), 0);
    runtime.enter(() => driver.changeMembership(wanted, () => undefined));
  }

  /** The next round of reads. */
  handle(_kind: number, key: number): void {
    this.readEverywhere(key);
  }

  private readEverywhere(key: number): void {
    for (const { id, isUp } of this.parts.members) if (isUp) this.send('read', id, key);
  }

  private send(kind: PlannedOperation['kind'], member: number, key: number): void {
    if (this.isOver) return;
    this.parts.ask({ atMs: 0, client: this.nextClient++, kind, key, member });
  }
}

/**
 * The end of a run: liveness can only be asked for once the faults are over, and then it must be.
 *
 * First a core, a majority of the members, is healed, while the faults of the outsiders go on for
 * good: the core must elect, answer reads before anybody writes, take writes at each of its
 * members, and then keep its leader whatever the outsiders send. Then all is healed and everybody
 * must come to the same state, watchers included. Members whose logs were damaged stay away.
 */
import { PROBE_CLIENT } from './clients';
import type { Clients } from './clients';
import { isMember } from './membership';
import type { Plan, PlannedKind, SeatedOutsider } from './plan';
import type { SimMember } from './simMember';
import type { Watchers } from './watchers';
import type { World } from './world';

const LIVENESS = {
  name: 'liveness',
  sentence: 'A healed cluster elects a leader, serves every member and converges, in time.',
};
const STABLE_LEADER = {
  name: 'stableLeader',
  sentence: 'Members outside of a healthy majority do not depose its leader.',
};

/** How often the closing phase looks at where the cluster is. */
const LOOK_MS = 20;
/** The core keeps its leader for so many of the longest election timeouts. */
const STABLE_TIMEOUTS = 4;
/** Longer than it takes to leave a joint configuration. */
const SETTLE_MS = 2_000;
/** A change that got lost with its leader is asked for again, as an operator would. */
const ASK_AGAIN_MS = 4_000;
const PROBE_KEY = 1_000_000;

interface Probe {
  readonly member: number;
  readonly kind: PlannedKind;
  readonly key: number;
  readonly client: number;
  state: 'waiting' | 'sent' | 'served';
}

export interface ClosingParts {
  readonly plan: Plan;
  readonly world: World;
  readonly clients: Clients;
  readonly watchers: Watchers;
  /** Runs events until that time; false when the run is over. */
  readonly advance: (untilMs: number) => boolean;
}

export class Closing {
  /** Those that must get somewhere. */
  private members: readonly SimMember[] = [];
  /** Reads, then writes: a new leader must be able to serve reads that no write helps along. */
  private stages: readonly (readonly Probe[])[] = [];
  private nextClient = PROBE_CLIENT;
  private nowMs: number;

  constructor(private readonly parts: ClosingParts) {
    this.nowMs = parts.plan.options.safetyMs;
  }

  /** The time that all took to converge once all was healed; undefined when they did not. */
  run(): number | undefined {
    const { clients, world, plan } = this.parts;
    clients.stopPlanned();
    const outsiders = this.outsiders();
    if (outsiders.length > 0) {
      world.marks.hit('outsider at the end');
      world.nemesis.heal(outsiders);
      const outside = new Set(outsiders.map(({ member }) => member));
      this.expect(world.members.filter(({ id }) => !outside.has(id)));
      if (!this.converge(() => this.coreHasConverged())) return undefined;
      if (!this.keepsLeader()) return undefined;
    }
    world.nemesis.heal([]);
    if (plan.spares !== undefined && !this.settleMembership()) return undefined;
    this.expect(this.currentMembers());
    this.parts.watchers.close(this.members);
    const startMs = this.nowMs;
    if (!this.converge(() => this.allHaveConverged(plan))) return undefined;
    const convergedMs = this.nowMs - startMs;
    // Removed members may still run: nobody tells those that were cut off.
    if (plan.spares !== undefined && !this.keepsLeader('strangers')) return undefined;
    if (plan.estranged === true && !this.staysWithEstranged()) return undefined;
    return plan.spares === undefined || this.leaderCanBeRemoved() ? convergedMs : undefined;
  }

  /** Changes that were asked for are carried out, or given up, before anybody is counted. */
  private settleMembership(): boolean {
    const { requestTimeoutMs = 0 } = this.parts.plan.options.member;
    this.nowMs += requestTimeoutMs + SETTLE_MS;
    if (!this.parts.advance(this.nowMs)) return false;
    this.expect([]);
    return this.converge(() => {
      const { leader } = this.parts.world;
      return leader !== undefined && leader.conf.votersOutgoing.length === 0;
    });
  }

  /** All, or those of the configuration that the leader goes by. */
  private currentMembers(): readonly SimMember[] {
    const { members, leader } = this.parts.world;
    if (this.parts.plan.spares === undefined) return members;
    return members.filter(({ id }) => isMember(leader!.conf, id));
  }

  /** The plan's, unless too many would be away with those that are lost for good. */
  private outsiders(): readonly SeatedOutsider[] {
    const { plan, world } = this.parts;
    const leader = world.leader?.id ?? 0;
    const seated = (plan.outsiders ?? []).map((outsider) => {
      return { ...outsider, member: outsider.member === 'leader' ? leader : outsider.member };
    });
    const wanted = seated.filter(({ member }, i) => {
      const isFirst = seated.findIndex((other) => other.member === member) === i;
      return member >= 1 && member <= plan.members && isFirst;
    });
    // Who was damaged and is down will refuse to start.
    const lost = world.members.filter(({ wasDamaged }) => wasDamaged);
    const away = new Set([...wanted.map(({ member }) => member), ...lost.map(({ id }) => id)]);
    return 2 * away.size < plan.members ? wanted : [];
  }

  private expect(members: readonly SimMember[]): void {
    this.members = members.filter(({ isLost }) => !isLost);
    const { plan } = this.parts;
    const keys = [...new Set(plan.operations.map(({ key }) => key))].sort((a, b) => a - b);
    const at = (i: number): number => this.members[i % this.members.length]!.id;
    const reads = this.members.map(({ id }) => this.probe(id, 'read', PROBE_KEY));
    const writes = this.members.map(({ id }) => this.probe(id, 'write', PROBE_KEY));
    const looks =
      this.members.length > 0 ? keys.map((key, i) => this.probe(at(i), 'read', key)) : [];
    this.stages = [reads, [...writes, ...looks]];
  }

  private probe(member: number, kind: PlannedKind, key: number): Probe {
    return { member, kind, key, client: this.nextClient++, state: 'waiting' };
  }

  private converge(hasConverged: () => boolean): boolean {
    const { world, plan } = this.parts;
    const { livenessMs } = plan.options;
    const endMs = this.nowMs + livenessMs;
    while (!hasConverged()) {
      if (this.nowMs >= endMs) {
        world.report(LIVENESS, `${this.whatIsMissing()} ${livenessMs} ms after the healing`);
        return false;
      }
      this.nowMs += LOOK_MS;
      if (!this.parts.advance(this.nowMs)) return false;
      this.startProbes();
    }
    return true;
  }

  private startProbes(): void {
    if (this.parts.world.leader === undefined) return;
    for (const probe of this.currentStage() ?? []) {
      if (probe.state !== 'waiting') continue;
      probe.state = 'sent';
      const { member, kind, key, client } = probe;
      this.parts.clients.probe({ atMs: 0, client, kind, key, member }, (ok) => {
        probe.state = ok ? 'served' : 'waiting';
      });
    }
  }

  private currentStage(): readonly Probe[] | undefined {
    return this.stages.find((stage) => stage.some(({ state }) => state !== 'served'));
  }

  private coreHasConverged(): boolean {
    if (this.currentStage() !== undefined) return false;
    const lastIndex = Math.max(...this.members.map(({ now }) => now.lastIndex));
    return this.members.every(({ isUp, now }) => isUp && now.appliedIndex === lastIndex);
  }

  private allHaveConverged(plan: Plan): boolean {
    const { world, clients, watchers } = this.parts;
    if (world.leader === undefined || clients.openCount > 0) return false;
    if (this.currentStage() !== undefined) return false;
    const { lastIndex, revision } = world.leader.now;
    return (
      this.members.every(
        ({ isUp, now }) => isUp && now.appliedIndex === lastIndex && now.commitIndex === lastIndex,
      ) &&
      (plan.watchers === undefined || watchers.laggard(revision) === undefined)
    );
  }

  /**
   * Only asking first and leases of voters protect a leader from those who do not hear it; from
   * strangers, whom it sends nothing that they could refuse, leases alone do.
   */
  private keepsLeader(from: 'members' | 'strangers' = 'members'): boolean {
    const { plan, world } = this.parts;
    const { preVote, checkQuorum, electionTicks = 10, tickMs = 100 } = plan.options.member;
    if (checkQuorum === false || (preVote === false && from === 'members')) return true;
    const term = this.coreTerm();
    this.nowMs += STABLE_TIMEOUTS * 2 * electionTicks * tickMs;
    if (!this.parts.advance(this.nowMs)) return false;
    if (this.coreTerm() === term) return true;
    const text = `the core was in term ${term} and is in term ${this.coreTerm()}`;
    world.report(STABLE_LEADER, `${text} (${this.states()})`);
    return false;
  }

  /** A follower that no longer hears the leader asks the others, who do hear it, in vain. */
  private staysWithEstranged(): boolean {
    const { world, plan } = this.parts;
    const { leader } = world;
    const follower = this.members.find((member) => member !== leader && member.isUp);
    // Without the follower, and those that are lost, there must be a majority left.
    const isMajorityLeft = 2 * (this.members.length - 1) > plan.members;
    if (leader === undefined || follower === undefined || !isMajorityLeft) return true;
    world.marks.hit('leader and follower estranged');
    world.network.cut(leader.id, follower.id);
    world.network.cut(follower.id, leader.id);
    if (!this.keepsLeader()) return false;
    world.network.mend(leader.id, follower.id);
    world.network.mend(follower.id, leader.id);
    return true;
  }

  /** In a cluster that is well a change is carried out, and its leader is no exception. */
  private leaderCanBeRemoved(): boolean {
    const { world } = this.parts;
    const { leader } = world;
    if (leader === undefined || leader.conf.voters.length < 3) return true;
    const change = { kind: 'remove', id: leader.id } as const;
    // Whoever came by a change of the core alone is no member that the state knows.
    if (leader.driver!.machine.membershipRefusal(change) !== undefined) return true;
    world.marks.hit('leader removed at the end');
    let askedMs = -Infinity;
    return this.converge(() => {
      const heir = world.leader;
      if (heir === undefined) return false;
      if (!heir.conf.voters.includes(leader.id)) return true;
      if (this.nowMs - askedMs >= ASK_AGAIN_MS) {
        askedMs = this.nowMs;
        heir.runtime!.enter(() => heir.driver?.changeMembership(change, () => undefined));
      }
      return false;
    });
  }

  private coreTerm(): number {
    return Math.max(...this.members.map(({ now }) => now.term));
  }

  private whatIsMissing(): string {
    const { world, watchers } = this.parts;
    const probe = this.currentStage()?.find(({ state }) => state !== 'served');
    if (world.leader === undefined) return `no leader (${this.states()})`;
    if (probe !== undefined)
      return `no ${probe.kind} served by n${probe.member} (${this.states()})`;
    const laggard = watchers.laggard(world.leader.now.revision);
    return laggard ?? `not the same log everywhere (${this.states()})`;
  }

  private states(): string {
    const { members } = this.parts.world;
    const timeMs = this.parts.world.scheduler.nowUs / 1000;
    const states = members.map(({ id, isUp, now }) =>
      isUp
        ? `n${id} ${now.role} term ${now.term} log ${now.lastIndex} commit ${now.commitIndex} ` +
          `applied ${now.appliedIndex}`
        : `n${id} down`,
    );
    return `at ${timeMs} ms: ${states.join('; ')}`;
  }
}

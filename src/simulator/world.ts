/**
 * A simulated cluster: members on simulated devices, the network between them, and everybody who
 * watches. It wires the parts together and runs one event after the other; what happens when is
 * decided by the plan, the nemesis and the clients.
 *
 * After each event the member it belongs to is compared with what it was before, and every
 * invariant sees the change. The first violation ends the run: what follows would be noise.
 */
import type { Applied, KvEvent } from '../kv';
import type { Entry, Index, NodeId, Term } from '../raft/types';
import type { LogWork } from '../storage/logStore';
import type { PeerMessage } from '../transport/transport';
import { Hunter } from './hunter';
import { CorruptionError } from '../storage/errors';
import { DiskError } from '../storage/disk';
import { ConfigAgreement, ExactlyOnce, StateMachineSafety, WatchDelivery } from './invariants';
import type { Report } from './invariants';
import { InvariantSet } from './invariantSet';
import { Marks } from './marks';
import type { MessageJournal } from './messageJournal';
import { leaderOf } from './leaderOf';
import { Nemesis } from './nemesis';
import type { Fault } from './faults';
import type { Plan, PlannedOperation } from './plan';
import { newMembers } from './newMembers';
import { Streams } from './prng';
import { Scheduler } from './scheduler';
import { coreMessage } from './simMember';
import type { MemberObserver, SimMember } from './simMember';
import { SimNetwork } from './simNetwork';
import type { DropReason, NetworkObserver } from './simNetwork';
import { ProcessEvent } from './simRuntime';
import { TraceKind } from './trace';
import { Trace } from './trace';

/** A property that is false, with the numbers that show it. */
export interface Violation {
  readonly invariant: string;
  readonly sentence: string;
  readonly details: string;
  readonly timeMs: number;
  readonly event: number;
}

export interface WorldParts {
  readonly plan: Plan;
  readonly recordFault: (fault: Fault, phase: 'injected' | 'healed', targets: NodeId[]) => void;
  /** Told when a member went down. */
  readonly memberDown: (member: NodeId) => void;
  /** A client that is not in the plan asks, at once. */
  readonly ask: (operation: PlannedOperation) => void;
}

const ROLES = ['follower', 'preCandidate', 'candidate', 'leader'] as const;

const NO_FAILURE = {
  name: 'noFailure',
  sentence: 'A member goes on and starts again whatever its devices may legally do.',
};

export class World implements MemberObserver, NetworkObserver {
  readonly scheduler = new Scheduler();
  readonly trace: Trace;
  readonly marks = new Marks();
  readonly network: SimNetwork;
  readonly streams: Streams;
  readonly members: readonly SimMember[];
  readonly nemesis: Nemesis;
  violation: Violation | undefined;

  private readonly hunter: Hunter;
  readonly watches: WatchDelivery;
  private readonly stateMachines: StateMachineSafety;
  private readonly exactlyOnce: ExactlyOnce;
  private readonly configs: ConfigAgreement;
  private readonly invariants: InvariantSet;
  /** The event under way wrote something or made it stable: a moment for the hunter. */
  private touchedDisk = false;
  private newestLeader: NodeId = 0;
  private newestLeaderTerm: Term = 0;

  constructor(
    private readonly parts: WorldParts,
    recordsMax?: number,
    private readonly journal?: MessageJournal,
  ) {
    const { plan } = parts;
    const { network } = plan.options;
    this.trace = new Trace(recordsMax);
    this.streams = new Streams(plan.seed);
    this.network = new SimNetwork(
      plan.members + (plan.spares ?? 0),
      network,
      this.scheduler,
      this.streams.get('network'),
      this,
    );
    this.members = newMembers(plan, this.streams, this.scheduler, this.network, this);
    const report: Report = (invariant, details) => this.report(invariant, details);
    this.stateMachines = new StateMachineSafety(report);
    this.exactlyOnce = new ExactlyOnce(report);
    this.configs = new ConfigAgreement(report);
    this.watches = new WatchDelivery(report, (revision) => this.stateMachines.changesAt(revision));
    this.invariants = new InvariantSet(plan, this.members, this.scheduler, report);
    const answerUs = 2 * network.delayUsMax + plan.options.disk.syncUsMax;
    this.hunter = new Hunter({
      scheduler: this.scheduler,
      marks: this.marks,
      members: this.members,
      answerUs: Math.round(answerUs / 2),
      strike: (prey, fault) => this.nemesis.capture(prey, fault),
      interrupt: (prey, fault) => this.nemesis.interrupt(prey, fault),
    });
    this.nemesis = new Nemesis({
      scheduler: this.scheduler,
      network: this.network,
      trace: this.trace,
      marks: this.marks,
      members: this.members,
      founders: plan.members,
      recordFault: parts.recordFault,
      start: (member) => this.start(member),
      stop: (member, how) => this.stop(member, how),
      hunt: (fault, active) => this.hunter.watch(fault, active),
      ask: parts.ask,
    });
  }

  /** Starts all members and lays out the faults. */
  begin(): void {
    for (const member of this.members) if (member.canStart) this.start(member);
    this.nemesis.plan(this.parts.plan.faults);
  }

  /** Runs events until `untilMs`, a violation, or until `eventsMax` of them ran since the start. */
  run(untilMs: number, eventsMax = Infinity): void {
    const untilUs = untilMs * 1000;
    const { scheduler } = this;
    while (this.violation === undefined && scheduler.step(untilUs)) {
      if (scheduler.events >= eventsMax) return;
    }
  }

  /** Every change of the store since its first revision. */
  changes(): KvEvent[] {
    return this.stateMachines.changes();
  }

  get leader(): SimMember | undefined {
    return leaderOf(this.members);
  }

  report(invariant: { readonly name: string; readonly sentence: string }, details: string): void {
    if (this.violation !== undefined) return;
    this.violation = {
      invariant: invariant.name,
      sentence: invariant.sentence,
      details,
      timeMs: this.scheduler.nowUs / 1000,
      event: this.scheduler.events,
    };
  }

  // A member's process

  before(member: NodeId, kind: number): void {
    if (kind === ProcessEvent.timer) {
      this.trace.note(this.scheduler.nowUs, TraceKind.timer, member);
    } else if (kind === ProcessEvent.turn) {
      this.trace.note(this.scheduler.nowUs, TraceKind.turn, member);
    }
  }

  after(id: NodeId): void {
    const member = this.members[id - 1]!;
    if (!member.refresh()) {
      if (this.touchedDisk) this.hunter.look(member);
      this.touchedDisk = false;
      return;
    }
    this.touchedDisk = false;
    const { now, before } = member;
    this.trace.record(
      this.scheduler.nowUs,
      this.scheduler.events,
      TraceKind.state,
      id,
      ROLES.indexOf(now.role),
      now.term,
      now.commitIndex,
      now.lastIndex,
      now.appliedIndex,
      now.revision,
    );
    for (const invariant of this.invariants.onChange) invariant.changed!(member);
    if (now.role === 'leader' && before?.role !== 'leader') this.newLeader(member);
    this.hunter.look(member);
    member.settle();
  }

  threw(member: NodeId, error: unknown): void {
    this.failed(member, error);
  }

  appending(member: NodeId, work: LogWork, previousTerm: Term | undefined): void {
    this.touchedDisk = true;
    for (const invariant of this.invariants.onAppend)
      invariant.appending!(member, work, previousTerm);
    const first = work.entries?.[0];
    const log = this.members[member - 1]!.log;
    if (first !== undefined && log !== undefined && first.index <= log.lastIndex()) {
      this.marks.hit('conflicting tail replaced');
    }
  }

  synced(member: NodeId): void {
    this.trace.note(this.scheduler.nowUs, TraceKind.sync, member);
    this.touchedDisk = true;
    for (const invariant of this.invariants.onSync) invariant.synced!(member);
  }

  applied(member: NodeId, entry: Entry, outcome: Applied | undefined): void {
    const hash = this.members[member - 1]!.driver!.machine.hash();
    this.exactlyOnce.applied(entry);
    if (entry.type !== 'normal') this.changed(member, entry.index);
    this.stateMachines.applied(member, entry, outcome, hash);
  }

  installed(member: NodeId, index: Index): void {
    this.marks.hit('snapshot installed');
    if (this.members.some(({ id }) => this.network.isCut(id, member))) {
      this.marks.hit('installed while cut off from some');
    }
    if (this.members[member - 1]!.driver!.node.applyingBytes > 0) {
      this.marks.hit('installed while entries wait');
    }
    this.changed(member, index);
    this.hunter.installed(this.members[member - 1]!);
    const hash = this.members[member - 1]!.driver!.machine.hash();
    this.stateMachines.installed(member, index, hash);
  }

  removed(id: NodeId): void {
    this.marks.hit('removed member ended itself');
    const member = this.members[id - 1]!;
    member.isAway = true;
    this.endProcess(member);
  }

  /** A member goes by another configuration from this entry on: whoever is new is started. */
  private changed(id: NodeId, index: Index): void {
    if (this.parts.plan.spares === undefined) return;
    const { conf } = this.members[id - 1]!;
    this.configs.changedAt(id, index, conf);
    if (conf.votersOutgoing.length > 0) this.marks.hit('joint configuration');
    for (const member of this.members) {
      const isMember = conf.voters.includes(member.id) || conf.learners.includes(member.id);
      if (isMember && member.isAway && member.incarnations === 0) this.nemesis.join(member);
    }
  }

  failed(id: NodeId, error: unknown): void {
    const member = this.members[id - 1]!;
    if (isCorruption(error) && member.wasDamaged) {
      // Damage was done and noticed: it stays down, as an operator would leave it.
      this.marks.hit('damaged log refused');
      member.isLost = true;
      this.endProcess(member);
      return;
    }
    if (error instanceof DiskError && member.disk.failuresSeen > member.failuresExcused) {
      // A device failed as it was told to, and the member ended itself as it should.
      this.marks.hit('disk failed');
      member.failuresExcused = member.disk.failuresSeen;
      this.endProcess(member);
      this.nemesis.failed(member);
      return;
    }
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.report(NO_FAILURE, `n${id} fails: ${text}`);
  }

  delivered(member: NodeId, message: PeerMessage): void {
    const { scheduler, trace } = this;
    const core = coreMessage(message);
    if (core !== undefined) {
      trace.message(scheduler.nowUs, scheduler.events, TraceKind.deliver, member, core);
      for (const invariant of this.invariants.onArrival) invariant.arriving!(member, core);
      if (core.type === 'timeoutNow') this.hunter.toldToLead(core.from);
    } else if (message.kind === 'snapshotChunk') {
      const isLast = message.offset + message.data.length === message.totalBytes;
      this.hunter.chunk(this.members[member - 1]!, message.from, isLast);
      trace.record(
        scheduler.nowUs,
        scheduler.events,
        TraceKind.chunk,
        member,
        message.from,
        message.snapshot.index,
        message.offset,
        message.data.length,
      );
    } else {
      trace.note(scheduler.nowUs, TraceKind.chunk, member);
    }
  }

  // The network

  sent(from: NodeId, message: PeerMessage): void {
    const core = coreMessage(message);
    if (core === undefined) return;
    for (const invariant of this.invariants.onSend) invariant.sent!(from, core);
  }

  reached(to: NodeId, message: PeerMessage, sentUs: number): void {
    this.journal?.add(this.scheduler.nowUs, sentUs, to, coreMessage(message), false);
  }

  dropped(_from: NodeId, to: NodeId, message: PeerMessage, reason: DropReason): void {
    if (reason === 'lost') this.marks.hit('message lost');
    const core = coreMessage(message);
    if (core === undefined) return;
    const { scheduler, trace } = this;
    this.journal?.add(scheduler.nowUs, scheduler.nowUs, to, core, true);
    trace.message(scheduler.nowUs, scheduler.events, TraceKind.drop, to, core);
  }

  doubled(): void {
    this.marks.hit('message doubled');
  }

  overtook(): void {
    this.marks.hit('message overtaken');
  }

  private start(member: SimMember): void {
    this.stateMachines.restarted(member.id);
    if (member.incarnations > 0) this.marks.hit('member restarted');
    this.trace.record(this.scheduler.nowUs, this.scheduler.events, TraceKind.restart, member.id);
    member.start();
    if (!member.isUp) return;
    if (member.incarnations > 1 && (member.log?.snapshot()?.index ?? 0) > 0) {
      this.marks.hit('restart from a snapshot');
    }
    if (this.parts.plan.spares !== undefined) {
      this.configs.restartedAt(member.id, member.now.appliedIndex, member.conf);
    }
    this.after(member.id);
  }

  private stop(member: SimMember, how: 'crash' | 'kill'): void {
    const { scheduler, trace, marks } = this;
    trace.record(
      scheduler.nowUs,
      scheduler.events,
      TraceKind.crash,
      member.id,
      how === 'kill' ? 1 : 0,
    );
    if (member.now.role === 'leader') marks.hit('leader crashed');
    if (member.log !== undefined && member.log.lastIndex() > member.stableIndex) {
      marks.hit('unsynced writes at a crash');
    }
    if ((member.log?.snapshot()?.index ?? 0) > 0) marks.hit('snapshot taken');
    if (how === 'crash') member.crash();
    else member.kill();
    this.parts.memberDown(member.id);
  }

  private endProcess(member: SimMember): void {
    if (member.isUp) this.stop(member, 'kill');
  }

  private newLeader(leader: SimMember): void {
    this.marks.hit('leader elected');
    if (this.newestLeader !== 0 && this.newestLeader !== leader.id) {
      this.marks.hit('leader replaced');
      const old = this.members[this.newestLeader - 1]!;
      if (old.isUp && old.now.role === 'leader') this.marks.hit('two leaders at a time');
    }
    if (leader.now.term > this.newestLeaderTerm) {
      this.newestLeader = leader.id;
      this.newestLeaderTerm = leader.now.term;
    }
  }
}

function isCorruption(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof CorruptionError) return true;
  }
  return false;
}

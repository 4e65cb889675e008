/**
 * All invariants that look at members alone, sorted by what they are told of. Those that the world
 * feeds with what was applied (state machines, configurations, watchers) are not among them.
 */
import {
  BoundedLog,
  BoundedSnapshots,
  CommitAgreement,
  DurablePromises,
  DurableQuorum,
  ElectionSafety,
  LeaderCommits,
  LeaderCompleteness,
  LeaderStays,
  Ledger,
  LogMatching,
  Monotonic,
  OneChange,
  ReplicationProgress,
  StoredLog,
  VoteAudit,
} from './invariants';
import type { Invariant, Report } from './invariants';
import type { NodeId } from '../raft/types';
import type { Plan } from './plan';
import type { Scheduler } from './scheduler';
import type { SimMember } from './simMember';

/** Of the shortest time between two checks of a quorum: clocks drift and processes stand still. */
const ANSWER_SHARE = 0.6;
/** Entries are read one after the other as far as this goes. */
const READ_BYTES = 1024 * 1024;

export class InvariantSet {
  readonly onChange: Invariant[] = [];
  readonly onAppend: Invariant[] = [];
  readonly onSync: Invariant[] = [];
  readonly onSend: Invariant[] = [];
  readonly onArrival: Invariant[] = [];

  constructor(plan: Plan, members: readonly SimMember[], scheduler: Scheduler, report: Report) {
    for (const invariant of newInvariants(plan, members, scheduler, report)) {
      if (invariant.changed !== undefined) this.onChange.push(invariant);
      if (invariant.appending !== undefined) this.onAppend.push(invariant);
      if (invariant.synced !== undefined) this.onSync.push(invariant);
      if (invariant.sent !== undefined) this.onSend.push(invariant);
      if (invariant.arriving !== undefined) this.onArrival.push(invariant);
    }
  }
}

function newInvariants(
  plan: Plan,
  members: readonly SimMember[],
  scheduler: Scheduler,
  report: Report,
): readonly Invariant[] {
  const { snapshotEntries = Infinity, catchUpEntries = Infinity } = plan.options.member;
  const { electionTicks = 10, tickMs = 100 } = plan.options.member;
  const memberOf = (id: NodeId): SimMember => members[id - 1]!;
  const logOf = (id: NodeId) => memberOf(id).log!;
  const ledger = new Ledger();
  const durableQuorum = new DurableQuorum(report, members.length);
  return [
    new ElectionSafety(report),
    new VoteAudit(report),
    new LogMatching(report, ledger),
    new LeaderCompleteness(report, ledger),
    new CommitAgreement(report, ledger),
    new LeaderCommits(report),
    new LeaderStays(report, ANSWER_SHARE * electionTicks * tickMs, () => scheduler.nowUs / 1000),
    durableQuorum,
    new ReplicationProgress(
      report,
      (id) => memberOf(id).driver!.node.progress,
      (id) => durableQuorum.stableIndex(id),
    ),
    new BoundedLog(
      report,
      { snapshotEntries, catchUpEntries },
      (id) => logOf(id).lastIndex() - logOf(id).firstIndex() + 1,
    ),
    new BoundedSnapshots(report, (id) => snapshotFiles(memberOf(id))),
    new DurablePromises(report, members.length, logOf),
    new StoredLog(report, logOf),
    new OneChange(report, (id) => changeView(memberOf(id))),
    new Monotonic(report),
  ];
}

function snapshotFiles({ disk }: SimMember) {
  return { generation: disk.generation, list: () => disk.list('snapshots') };
}

function changeView({ driver, log }: SimMember) {
  const { node, machine } = driver!;
  return {
    leads: node.role === 'leader' ? node.term : undefined,
    appliedIndex: machine.appliedIndex,
    entriesFrom: (low: number) =>
      log!.entries(Math.max(low, log!.firstIndex()), log!.lastIndex() + 1, READ_BYTES) ?? [],
  };
}

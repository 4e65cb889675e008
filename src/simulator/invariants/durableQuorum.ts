/**
 * What "committed" promises: at the moment an index is first committed by a leader, its entry
 * lies synced in the logs of a majority. (A member that acknowledged and then dropped the entry
 * would have followed a later leader without it, which that majority could not have elected.)
 *
 * The shadow of each log keeps the terms that were synced; it outlives crashes, as a disk does.
 */
import type { Index, NodeId, Term } from '../../raft/types';
import type { LogWork } from '../../storage/logStore';
import { isQuorum } from './invariant';
import type { Invariant, MemberView, Report } from './invariant';

interface ShadowLog {
  /** Terms by index, as written; what lies past `stable` is not synced yet. */
  terms: Term[];
  lastIndex: Index;
  stableIndex: Index;
  /** Up to here a snapshot stands for the entries. */
  snapshotIndex: Index;
}

export class DurableQuorum implements Invariant {
  readonly name = 'durableQuorum';
  readonly sentence = 'A committed entry is on stable storage at a majority of the members.';
  private readonly logs: ShadowLog[] = [];
  private commitIndex: Index = 0;

  constructor(
    private readonly report: Report,
    members: number,
  ) {
    for (let id = 0; id <= members; id++) {
      this.logs.push({ terms: [], lastIndex: 0, stableIndex: 0, snapshotIndex: 0 });
    }
  }

  appending(member: NodeId, work: LogWork): void {
    const log = this.logs[member]!;
    if (work.snapshot !== undefined) {
      const { index, term } = work.snapshot;
      log.terms[index] = term;
      log.snapshotIndex = index;
      log.lastIndex = index;
      log.stableIndex = Math.min(log.stableIndex, index);
    }
    if (work.entries === undefined || work.entries.length === 0) return;
    for (const entry of work.entries) log.terms[entry.index] = entry.term;
    log.stableIndex = Math.min(log.stableIndex, work.entries[0]!.index - 1);
    log.lastIndex = work.entries[work.entries.length - 1]!.index;
  }

  synced(member: NodeId): void {
    const log = this.logs[member]!;
    log.stableIndex = log.lastIndex;
  }

  /** Up to where the log of a member is stable. */
  stableIndex(member: NodeId): Index {
    return this.logs[member]!.stableIndex;
  }

  changed(member: MemberView): void {
    const { now } = member;
    if (member.before === undefined) this.restarted(member);
    if (now.role !== 'leader' || now.commitIndex <= this.commitIndex) return;
    const index = now.commitIndex;
    const term = member.termAt(index);
    this.commitIndex = index;
    if (term === undefined) return;
    const holds = (id: NodeId): boolean => {
      const log = this.logs[id]!;
      return index <= log.snapshotIndex || (index <= log.stableIndex && log.terms[index] === term);
    };
    if (isQuorum(member.conf, holds)) return;
    const { voters, votersOutgoing } = member.conf;
    const names = (ids: readonly NodeId[]) => ids.map((id) => `n${id}`).join(' ') || 'nobody';
    const outgoing = votersOutgoing.length > 0 ? ` and of ${names(votersOutgoing)}` : '';
    const all = this.logs.map((_, id) => id).slice(1);
    this.report(
      this,
      `n${member.id} commits entry ${index} of term ${term}, which is stable only at ` +
        `${names(all.filter(holds))}: no majority of ${names(voters)}${outgoing}`,
    );
  }

  /** What a crash left of the log is what is stable from now on. */
  private restarted(member: MemberView): void {
    const log = this.logs[member.id]!;
    log.lastIndex = member.now.lastIndex;
    log.stableIndex = log.lastIndex;
    for (let index = log.lastIndex; index > log.snapshotIndex; index--) {
      const term = member.termAt(index);
      if (term === undefined || log.terms[index] === term) return;
      log.terms[index] = term;
    }
  }
}

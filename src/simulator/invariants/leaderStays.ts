/**
 * A leader that works is not lost for nothing: within its term it stops leading only when the
 * check of its quorum fails, or when it is no voter any more. Whoever goes before costs the
 * cluster an election, and leaves a change of the membership behind that nobody may carry out.
 */
import type { Message, NodeId, Term } from '../../raft/types';
import { isQuorum } from './invariant';
import type { Invariant, MemberView, Report } from './invariant';

interface Heard {
  term: Term;
  readonly atMs: Map<NodeId, number>;
}

export class LeaderStays implements Invariant {
  readonly name = 'leaderStays';
  readonly sentence = 'A voter whom a quorum answers leads its term until it hears of a newer one.';
  private readonly heard = new Map<NodeId, Heard>();

  /** `windowMs`: shorter than the time between two checks of the quorum, on any clock. */
  constructor(
    private readonly report: Report,
    private readonly windowMs: number,
    private readonly nowMs: () => number,
  ) {}

  arriving(member: NodeId, { type, term, from }: Message): void {
    if (type !== 'heartbeatResponse' && type !== 'appendResponse') return;
    let heard = this.heard.get(member);
    if (heard === undefined) this.heard.set(member, (heard = { term, atMs: new Map() }));
    if (term < heard.term) return;
    if (term > heard.term) heard.atMs.clear();
    heard.term = term;
    heard.atMs.set(from, this.nowMs());
  }

  changed({ id, now, before, conf }: MemberView): void {
    if (before?.role !== 'leader' || now.role === 'leader' || now.term !== before.term) return;
    if (!conf.voters.includes(id)) return;
    const heard = this.heard.get(id);
    const sinceMs = this.nowMs() - this.windowMs;
    const answers = (voter: NodeId): boolean =>
      voter === id || (heard?.term === now.term && (heard.atMs.get(voter) ?? -1) > sinceMs);
    if (!isQuorum(conf, answers)) return;
    const names = conf.voters.filter(answers).map((voter) => `n${voter}`);
    this.report(
      this,
      `n${id} stops leading term ${now.term} as ${now.role}, though ${names.join(' ')} of ` +
        `${conf.voters.map((voter) => `n${voter}`).join(' ')} answered within ${this.windowMs} ms`,
    );
  }
}

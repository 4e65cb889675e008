/**
 * The quorum audit of elections: the simulator counts the votes itself, from the answers that
 * left, by the configuration of the winner. Learners, removed members, doubled answers and
 * answers to another question elect nobody.
 */
import type { Message, NodeId, Term } from '../../raft/types';
import { isQuorum } from './invariant';
import type { Invariant, MemberView, Report } from './invariant';

export class VoteAudit implements Invariant {
  readonly name = 'voteAudit';
  readonly sentence = 'Whoever leads a term was voted for by a majority of its voters.';
  /** By term: whom each member has told that it votes for it. */
  private readonly votes = new Map<Term, Map<NodeId, NodeId>>();

  constructor(private readonly report: Report) {}

  sent(member: NodeId, message: Message): void {
    if (message.type !== 'voteResponse' || message.reject) return;
    const votes = this.votesOf(message.term);
    const before = votes.get(member);
    if (before !== undefined && before !== message.to) {
      this.report(
        this,
        `n${member} votes for n${message.to} in term ${message.term}, after n${before}`,
      );
    }
    votes.set(member, message.to);
  }

  changed(member: MemberView): void {
    const { id, now, before } = member;
    if (before === undefined) this.restarted(id);
    // A candidate's own vote does not travel.
    if (now.role === 'candidate') this.votesOf(now.term).set(id, id);
    if (now.role !== 'leader' || (before?.role === 'leader' && before.term === now.term)) return;
    const votes = this.votesOf(now.term);
    const { conf } = member;
    if (isQuorum(conf, (voter) => voter === id || votes.get(voter) === id)) return;
    const given = [...votes].filter(([, to]) => to === id).map(([voter]) => `n${voter}`);
    this.report(
      this,
      `n${id} leads term ${now.term} with its own vote and those of ` +
        `${given.join(' ') || 'nobody'} ` +
        `among ${conf.voters.map((voter) => `n${voter}`).join(' ')}`,
    );
  }

  /** It may have forgotten a vote for itself that was not on its disk: nobody has counted it. */
  private restarted(member: NodeId): void {
    for (const votes of this.votes.values()) {
      if (votes.get(member) === member) votes.delete(member);
    }
  }

  private votesOf(term: Term): Map<NodeId, NodeId> {
    let votes = this.votes.get(term);
    if (votes === undefined) this.votes.set(term, (votes = new Map<NodeId, NodeId>()));
    return votes;
  }
}

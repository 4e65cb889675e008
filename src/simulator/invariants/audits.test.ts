/** The audits of votes and configurations, by what good and bad members would show them. */
import type { ConfState, Message } from '../../raft/types';
import { ConfigAgreement } from './configAgreement';
import type { MemberState, MemberView } from './invariant';
import { VoteAudit } from './voteAudit';

const conf = (...voters: number[]): ConfState => {
  return { voters, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
};

function reports() {
  const said: string[] = [];
  return { said, report: (_: unknown, details: string) => void said.push(details) };
}

describe('the audit of votes', () => {
  const state = (role: MemberState['role'], term: number): MemberState => {
    return { role, term, commitIndex: 0, lastIndex: 0, appliedIndex: 0, revision: 1 };
  };
  const member = (id: number, now: MemberState, before?: MemberState): MemberView => {
    return { id, now, before, conf: conf(1, 2, 3), termAt: () => undefined };
  };
  const vote = (from: number, to: number, term: number): Message => {
    return { type: 'voteResponse', from, to, term, reject: false } as Message;
  };
  const follower = state('follower', 1);
  const candidate = state('candidate', 2);

  it('lets a candidate with the votes of a majority lead', () => {
    const { said, report } = reports();
    const audit = new VoteAudit(report);
    audit.changed(member(1, candidate, follower));
    audit.sent(2, vote(2, 1, 2));
    audit.changed(member(1, state('leader', 2), candidate));
    expect(said).toEqual([]);
  });

  it('reports who leads by its own vote, and by a vote that was given twice', () => {
    const { said, report } = reports();
    const audit = new VoteAudit(report);
    audit.changed(member(1, candidate, follower));
    audit.sent(2, vote(2, 3, 2));
    audit.sent(2, vote(2, 1, 2));
    expect(said).toEqual(['n2 votes for n1 in term 2, after n3']);
    audit.changed(member(3, state('leader', 3), candidate));
    expect(said[1]).toContain('n3 leads term 3 with its own vote and those of nobody');
  });

  it('counts the vote of a candidate for itself, unless a crash took it back', () => {
    const { said, report } = reports();
    const audit = new VoteAudit(report);
    audit.changed(member(1, candidate, follower));
    audit.sent(1, vote(1, 3, 2));
    expect(said).toEqual(['n1 votes for n3 in term 2, after n1']);
    audit.changed(member(2, candidate, follower));
    audit.changed(member(2, follower, undefined));
    audit.sent(2, vote(2, 3, 2));
    expect(said).toHaveLength(1);
  });
});

describe('the agreement on configurations', () => {
  it('compares what a member goes by after a restart with what it had put into force', () => {
    const { said, report } = reports();
    const agreement = new ConfigAgreement(report);
    agreement.changedAt(1, 4, conf(1, 2, 3));
    agreement.changedAt(1, 9, conf(1, 2, 3, 4));
    agreement.restartedAt(2, 8, conf(1, 2, 3));
    agreement.restartedAt(1, 12, conf(1, 2, 3, 4));
    agreement.restartedAt(3, 2, conf(1));
    expect(said).toEqual([]);
    agreement.restartedAt(2, 9, conf(1, 2, 3));
    expect(said).toEqual(['after entry 9 n1 goes by voters 1 2 3 4, n2 by voters 1 2 3']);
  });
});

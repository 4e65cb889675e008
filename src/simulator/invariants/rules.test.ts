/** Rules of one member at a time, by what good and bad members would show them. */
import type { ConfState, Entry, Message } from '../../raft/types';
import { BoundedSnapshots } from './boundedSnapshots';
import { DurablePromises } from './durablePromises';
import type { MemberState, MemberView } from './invariant';
import { LeaderCommits } from './leaderCommits';
import { LeaderStays } from './leaderStays';
import { OneChange } from './oneChange';
import { StoredLog } from './storedLog';

const conf = (...voters: number[]): ConfState => {
  return { voters, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
};

const state = (role: MemberState['role'], term: number, commitIndex = 0): MemberState => {
  return { role, term, commitIndex, lastIndex: 9, appliedIndex: 0, revision: 1 };
};

function member(now: MemberState, before?: MemberState, terms: number[] = []): MemberView {
  return { id: 1, now, before, conf: conf(1, 2, 3), termAt: (index) => terms[index] };
}

function reports() {
  const said: string[] = [];
  return { said, report: (_: unknown, details: string) => void said.push(details) };
}

const entry = (index: number, term: number, type: Entry['type'] = 'normal'): Entry => {
  return { index, term, type, data: new Uint8Array(0) };
};

describe('a leader commits', () => {
  it('up to an entry of its own term, and what is before it', () => {
    const { said, report } = reports();
    const rule = new LeaderCommits(report);
    rule.changed(member(state('leader', 3, 2), state('leader', 3), [0, 1, 3]));
    expect(said).toEqual([]);
    rule.changed(member(state('leader', 5, 4), state('leader', 5, 2), [0, 1, 3, 3, 4]));
    expect(said).toEqual(['n1 leads term 5 and commits up to entry 4, which is of term 4']);
  });
});

describe('a leader that stops', () => {
  const answer = (from: number, term: number): Message => {
    return { type: 'heartbeatResponse', from, to: 1, term } as Message;
  };
  const leads = state('leader', 4);
  const follows = state('follower', 4);

  function newRule() {
    const clock = { ms: 1_000 };
    const { said, report } = reports();
    return { clock, said, rule: new LeaderStays(report, 100, () => clock.ms) };
  }

  it('has not heard from a quorum, or knows of a newer term, or is no voter any more', () => {
    const { clock, said, rule } = newRule();
    rule.changed(member(follows, leads));
    rule.arriving(1, answer(2, 3));
    rule.changed(member(follows, leads));
    rule.arriving(1, answer(2, 4));
    rule.changed(member(state('follower', 5), leads));
    rule.changed({ ...member(follows, leads), conf: conf(2, 3) });
    clock.ms += 101;
    rule.changed(member(follows, leads));
    expect(said).toEqual([]);
  });

  it('is reported when a quorum answered just now', () => {
    const { clock, said, rule } = newRule();
    rule.arriving(1, answer(2, 4));
    clock.ms += 99;
    rule.changed(member(follows, leads));
    expect(said).toEqual([
      'n1 stops leading term 4 as follower, though n1 n2 of n1 n2 n3 answered within 100 ms',
    ]);
  });
});

describe('a change of the membership', () => {
  function newRule(appliedIndex: number, log: readonly Entry[], leads: number | undefined = 3) {
    const { said, report } = reports();
    const entriesFrom = (low: number) => log.filter(({ index }) => index >= low);
    return { said, rule: new OneChange(report, () => ({ leads, appliedIndex, entriesFrom })) };
  }
  const change = { entries: [entry(7, 3, 'change')] };

  it('may follow one that is applied, and a follower takes what it is sent', () => {
    const applied = newRule(5, [entry(5, 2, 'change'), entry(6, 3)]);
    applied.rule.appending(1, change);
    const waiting = [entry(5, 2, 'change')];
    const follower = newRule(4, waiting);
    follower.rule.appending(1, { entries: [entry(6, 3)] });
    const { rule, said } = newRule(4, waiting);
    rule.appending(1, { entries: [entry(5, 2, 'change')] });
    expect([...applied.said, ...follower.said, ...said]).toEqual([]);
  });

  it('is reported behind one that waits', () => {
    const { said, rule } = newRule(4, [entry(5, 2, 'change'), entry(6, 3)]);
    rule.appending(1, change);
    expect(said).toEqual([
      'n1 begins a change with entry 7 in term 3, while that of entry 5 is not applied ' +
        '(it has applied 4)',
    ]);
    const both = newRule(4, []);
    both.rule.appending(1, { entries: [entry(5, 3, 'change'), entry(6, 3, 'change')] });
    expect(both.said).toHaveLength(1);
  });
});

describe('a log on disk', () => {
  function newRule(terms: number[]) {
    const { said, report } = reports();
    const log = {
      firstIndex: () => 1,
      lastIndex: () => terms.length - 1,
      term: (index: number) => terms[index],
    };
    return { said, rule: new StoredLog(report, () => log), terms };
  }
  const snapshot = { index: 3, term: 2, conf: conf(1, 2, 3) };

  it('ends with what was written last', () => {
    const { said, rule, terms } = newRule([0, 1, 1, 2]);
    rule.changed(member(state('follower', 2)));
    rule.appending(1, { entries: [entry(4, 2)] });
    terms.push(2);
    rule.synced(1);
    expect(said).toEqual([]);
    rule.appending(1, { snapshot });
    rule.synced(1);
    expect(said).toEqual(['the log of n1 ends at 4, but the last write ended at 3']);
  });

  it('has terms that never go down', () => {
    const { said, rule } = newRule([0, 1, 3, 2]);
    rule.changed(member(state('follower', 3)));
    expect(said).toEqual(['n1 restarts with term 2 at index 3, behind term 3']);
  });
});

it('a member writes one snapshot at a time', () => {
  const { said, report } = reports();
  const files = { generation: 1, names: ['a.creating', 'b.receiving', 'c.snap', 'd.snap'] };
  const list = () => files.names;
  const rule = new BoundedSnapshots(report, () => ({ generation: files.generation, list }));
  rule.changed(member(state('leader', 1)));
  files.names = ['a.creating', 'b.creating'];
  rule.changed(member(state('leader', 1)));
  expect(said).toEqual([]);
  files.generation++;
  rule.changed(member(state('leader', 1)));
  expect(said).toEqual(['n1 has 2 at once: a.creating, b.creating']);
});

it('an acknowledgement of an old term is no promise about what replaced its entry', () => {
  const { said, report } = reports();
  const log = {
    hardState: { term: 2, vote: 0, commit: 0 },
    lastIndex: () => 3,
    term: (index: number) => [0, 1, 1, 2][index],
  };
  const rule = new DurablePromises(report, 3, () => log);
  rule.synced(1);
  const ack = (index: number, term: number): Message => {
    return { type: 'appendResponse', from: 1, to: 2, index, term, reject: false } as Message;
  };
  rule.sent(1, ack(2, 1));
  rule.sent(1, ack(3, 2));
  expect(said).toEqual([]);
  rule.sent(1, ack(3, 1));
  expect(said).toEqual([
    'n1 acknowledges entry 3 in term 1, but its disk holds one of term 2 there',
  ]);
});

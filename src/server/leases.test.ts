/** Leases on a clock that is turned by hand, with a member that does what the test says. */
import { StateMachine, type Command } from '../kv';
import type { LeaseAnswer, LeaseQuestion } from '../transport/transport';
import { resolveDriverOptions } from './driverOptions';
import type { LeaseKnowledge } from './leaseRequests';
import { Leases } from './leases';
import { NotServed } from './notServed';
import type { ProposalOutcome } from './proposals';
import type { ReadOutcome } from './readBarriers';
import { TestRuntime } from './testing/testRuntime';

const TICK_MS = 100;
const ELECTION_MS = 1_000;
const CHECKPOINT_MS = 5_000;
const ME = 1;

interface Proposed {
  readonly command: Command;
  readonly term: number;
  readonly done: (outcome: ProposalOutcome) => void;
}

/** A member of three whose log takes what `commit` is told to take, at once. */
class TestMember {
  readonly runtime = new TestRuntime();
  readonly machine = new StateMachine();
  readonly node = { role: 'follower', term: 1, leader: 0 };
  readonly proposed: Proposed[] = [];
  readonly sent: (LeaseQuestion | LeaseAnswer)[] = [];
  barriers: ((outcome: ReadOutcome) => void)[] = [];
  readonly leases: Leases;
  private index = 0;

  constructor() {
    const options = resolveDriverOptions({
      id: ME,
      tickMs: TICK_MS,
      electionTicks: ELECTION_MS / TICK_MS,
      leaseCheckpointMs: CHECKPOINT_MS,
      requestTimeoutMs: 4_000,
      waitingRequestsMax: 3,
    });
    this.leases = new Leases(options, {
      node: this.node,
      machine: this.machine,
      runtime: this.runtime,
      propose: (command, term, done) => this.proposed.push({ command, term, done }),
      readBarrier: (done) => this.barriers.push(done),
      send: (message) => this.sent.push(message),
    });
  }

  /** Applies a command as an entry of this term. */
  apply(command: Command, term = this.node.term): ProposalOutcome {
    const applied = this.machine.apply(command, ++this.index)!;
    this.leases.applied(term, command, applied);
    return applied;
  }

  grant(id: bigint, ttlSeconds: number): void {
    this.apply({ kind: 'leaseGrant', id, ttlSeconds });
  }

  lead(term: number): void {
    Object.assign(this.node, { role: 'leader', term, leader: ME });
    this.leases.leaderChanged();
    this.leases.applied(term);
  }

  follow(term: number, leader: number): void {
    Object.assign(this.node, { role: 'follower', term, leader });
    this.leases.leaderChanged();
  }

  /** Lets time pass with all its ticks. */
  pass(ms: number): void {
    for (let left = ms; left > 0; left -= TICK_MS) {
      this.runtime.advance(Math.min(left, TICK_MS));
      this.leases.tick(this.runtime.nowMs());
    }
  }

  /** Confirms, or refuses, all reads that wait. */
  confirm(outcome?: NotServed): void {
    for (const done of this.barriers.splice(0)) done(outcome);
  }

  ask(ask: 'renew' | 'timeToLive', id: bigint): (LeaseKnowledge | NotServed)[] {
    const heard: (LeaseKnowledge | NotServed)[] = [];
    this.leases.ask(ask, id, (outcome) => heard.push(outcome));
    return heard;
  }

  commands(): readonly Command[] {
    return this.proposed.map(({ command }) => command);
  }
}

const known = (seconds: number, left = seconds) => [
  { outcome: 'known', grantedSeconds: seconds, remainingSeconds: left },
];
const missing = [{ outcome: 'missing', grantedSeconds: 0, remainingSeconds: 0 }];
const revoke = (id: bigint) => ({ kind: 'leaseRevoke', id });

describe('a leader', () => {
  it('revokes what ran out, in its own term, and not before its time', () => {
    const member = new TestMember();
    member.lead(2);
    member.grant(7n, 3);
    member.pass(2_900);
    expect(member.commands()).toEqual([]);
    member.pass(100);
    expect(member.proposed).toMatchObject([{ command: revoke(7n), term: 2 }]);
  });

  it('offers a revocation again that came to nothing, and never more than the log may hold', () => {
    const member = new TestMember();
    member.lead(2);
    for (let id = 1n; id <= 200n; id++) member.grant(id, 1);
    member.pass(1_000);
    expect(member.proposed).toHaveLength(128);
    member.pass(5_000);
    expect(member.proposed).toHaveLength(128);
    const refused = new NotServed('tooManyRequests', true, 'full');
    for (const { done } of member.proposed.splice(0)) done(refused);
    member.pass(100);
    expect(member.proposed).toHaveLength(128);
    for (const { command, done } of member.proposed.splice(0)) done(member.apply(command));
    member.pass(3_000);
    expect(member.proposed).toHaveLength(72);
  });

  it('renews only when a quorum has confirmed that it leads', () => {
    const member = new TestMember();
    member.lead(2);
    member.grant(7n, 3);
    member.pass(1_000);
    const heard = member.ask('renew', 7n);
    expect(heard).toEqual([]);
    member.confirm();
    expect(heard).toEqual(known(3));
    member.pass(2_900);
    expect(member.commands()).toEqual([]);
  });

  it('asks for another confirmation when one came too late to mean anything', () => {
    const member = new TestMember();
    member.lead(2);
    member.grant(7n, 30);
    const heard = member.ask('renew', 7n);
    const [late] = member.barriers.splice(0);
    member.runtime.advance(ELECTION_MS + 1);
    late!(undefined);
    expect(heard).toEqual([]);
    member.pass(TICK_MS);
    member.confirm();
    expect(heard).toEqual(known(30));
  });

  it('answers for no lease once it has lost its term', () => {
    const member = new TestMember();
    member.lead(2);
    member.grant(7n, 1);
    const heard = [member.ask('renew', 7n), member.ask('timeToLive', 7n)];
    member.follow(3, 2);
    // A follower's reads are confirmed as well, by its leader.
    member.confirm();
    expect(heard).toEqual([[], []]);
    const question = { kind: 'leaseQuestion', to: 2, term: 3, id: 7n };
    expect(member.sent).toMatchObject([question, question]);
    member.pass(2_000);
    expect(member.commands()).toEqual([]);
  });

  it('takes deadlines over only when its own term has reached the state', () => {
    const member = new TestMember();
    Object.assign(member.node, { role: 'leader', term: 5, leader: ME });
    member.leases.leaderChanged();
    const heard = member.ask('renew', 7n);
    member.confirm();
    expect(heard).toEqual([]);
    // The grant is an entry of the leader before, committed only now.
    member.apply({ kind: 'leaseGrant', id: 7n, ttlSeconds: 1 }, 4);
    member.pass(1_500);
    expect(member.commands()).toEqual([]);
    member.leases.applied(5);
    member.pass(TICK_MS);
    member.confirm();
    expect(heard).toEqual(known(1, 2));
    // The whole TTL again, and an election timeout for renewals that were lost in between.
    member.pass(1_800);
    expect(member.commands()).toEqual([]);
    member.pass(100);
    expect(member.commands()).toEqual([revoke(7n)]);
  });

  it('does not count the time in which it stood still', () => {
    const member = new TestMember();
    member.lead(2);
    member.grant(7n, 3);
    member.grant(8n, 1);
    member.pass(1_000);
    expect(member.commands()).toEqual([revoke(8n)]);
    member.runtime.advance(60_000);
    // What came meanwhile may be read before the first tick.
    const heard = member.ask('renew', 7n);
    const gone = member.ask('renew', 8n);
    member.confirm();
    expect(heard).toEqual(known(3));
    expect(gone).toEqual(missing);
    member.pass(2_900);
    expect(member.commands()).not.toContainEqual(revoke(7n));
    member.pass(200);
    expect(member.commands()).toContainEqual(revoke(7n));
  });

  it('writes down what long leases have left, one command at a time', () => {
    const member = new TestMember();
    member.lead(2);
    member.grant(7n, 60);
    member.grant(8n, 2);
    member.pass(2_000);
    for (const { command, done } of member.proposed.splice(0)) done(member.apply(command));
    member.grant(9n, 60);
    member.pass(3_100);
    const checkpoint = { id: 7n, remainingSeconds: 55 };
    const written = { kind: 'leaseCheckpoint', checkpoints: [checkpoint] };
    expect(member.commands()).toEqual([written]);
    // The next is due, and waits.
    member.pass(2_000);
    expect(member.proposed).toHaveLength(1);
    member.proposed[0]!.done(member.apply(member.proposed[0]!.command));
    member.pass(TICK_MS);
    const next = { id: 9n, remainingSeconds: 55 };
    expect(member.commands()).toMatchObject([written, { checkpoints: [next] }]);
  });

  it('takes a checkpoint back before it answers for the renewal', () => {
    const member = new TestMember();
    member.lead(2);
    member.grant(7n, 60);
    member.pass(CHECKPOINT_MS);
    const { command, done } = member.proposed.splice(0)[0]!;
    // Still on its way: it would undo the renewal when it arrives.
    const early = member.ask('renew', 7n);
    member.confirm();
    const back = { kind: 'leaseCheckpoint', checkpoints: [{ id: 7n, remainingSeconds: 0 }] };
    expect(member.commands()).toEqual([back]);
    expect(early).toEqual([]);
    done(member.apply(command));
    const late = member.ask('renew', 7n);
    member.confirm();
    expect(member.commands()).toEqual([back, back]);
    const [first, second] = member.proposed.splice(0);
    first!.done(member.apply(first!.command));
    expect(early).toEqual(known(60));
    second!.done(new NotServed('timeout', false, 'not applied'));
    expect(late).toEqual([]);
    member.pass(TICK_MS);
    member.confirm();
    expect(late).toEqual(known(60));
    expect(member.proposed).toEqual([]);
  });

  it('keeps leases marked whose checkpoint may still come', () => {
    const member = new TestMember();
    member.lead(2);
    member.grant(7n, 60);
    member.pass(CHECKPOINT_MS);
    member.proposed.splice(0)[0]!.done(new NotServed('timeout', false, 'who knows'));
    member.ask('renew', 7n);
    member.confirm();
    expect(member.commands()).toMatchObject([{ kind: 'leaseCheckpoint' }]);
  });
});

describe('a member that does not lead', () => {
  const answer = (sequence: number, outcome: LeaseAnswer['outcome']): LeaseAnswer => {
    const seconds = outcome === 'known' ? 60 : 0;
    const times = { grantedSeconds: seconds, remainingSeconds: seconds };
    return { kind: 'leaseAnswer', from: 2, to: ME, sequence, outcome, ...times };
  };
  const questions = (member: TestMember) => member.sent.splice(0) as LeaseQuestion[];

  it('asks the leader, again after a while, and hears one answer', () => {
    const member = new TestMember();
    member.follow(3, 2);
    const heard = member.ask('timeToLive', 7n);
    const [first] = questions(member);
    expect(first).toMatchObject({ from: ME, to: 2, term: 3, ask: 'timeToLive', id: 7n });
    member.pass(600);
    expect(questions(member)).toEqual([first]);
    member.leases.receive(answer(first!.sequence + 1, 'known'));
    expect(heard).toEqual([]);
    member.leases.receive(answer(first!.sequence, 'known'));
    member.leases.receive(answer(first!.sequence, 'missing'));
    expect(heard).toEqual(known(60));
    member.pass(5_000);
    expect(questions(member)).toEqual([]);
  });

  it('asks the next leader at once, and a leader that could not tell with the next tick', () => {
    const member = new TestMember();
    member.follow(3, 2);
    const heard = member.ask('renew', 7n);
    const [first] = questions(member);
    member.follow(4, 3);
    expect(questions(member)).toMatchObject([{ to: 3, term: 4, sequence: first!.sequence }]);
    member.leases.receive(answer(first!.sequence, 'retry'));
    expect(questions(member)).toEqual([]);
    member.pass(TICK_MS);
    expect(questions(member)).toHaveLength(1);
    member.leases.receive(answer(first!.sequence, 'missing'));
    expect(heard).toEqual(missing);
  });

  it('says after the request timeout what was in the way', () => {
    const member = new TestMember();
    const leaderless = member.ask('renew', 7n);
    expect(questions(member)).toEqual([]);
    member.pass(3_900);
    expect(leaderless).toEqual([]);
    member.pass(100);
    expect(leaderless).toMatchObject([{ reason: 'noLeader' }]);
    member.follow(3, 2);
    const mute = member.ask('renew', 7n);
    member.pass(4_000);
    expect(mute).toMatchObject([{ reason: 'timeout', certain: false }]);
  });

  it('lets a bounded number wait, and tells those who do when it stops', () => {
    const member = new TestMember();
    const waiting = [1n, 2n, 3n].map((id) => member.ask('renew', id));
    expect(member.ask('renew', 4n)).toMatchObject([{ reason: 'tooManyRequests', certain: true }]);
    member.leases.stop(new NotServed('stopped', false, 'the member is stopping'));
    for (const heard of waiting) expect(heard).toMatchObject([{ reason: 'stopped' }]);
    expect(member.ask('renew', 5n)).toMatchObject([{ reason: 'stopped' }]);
  });

  it('answers no question that takes it for the leader, or for one of another term', () => {
    const member = new TestMember();
    const question = (term: number): LeaseQuestion => {
      const asker = { from: 2, to: ME, sequence: 99 };
      return { kind: 'leaseQuestion', ...asker, term, ask: 'renew', id: 7n };
    };
    member.follow(3, 2);
    member.leases.receive(question(3));
    member.lead(4);
    member.grant(7n, 60);
    member.leases.receive(question(3));
    expect(member.sent.splice(0)).toEqual([
      { ...answer(99, 'retry'), from: ME, to: 2 },
      { ...answer(99, 'retry'), from: ME, to: 2 },
    ]);
    member.leases.receive(question(4));
    member.confirm();
    expect(member.sent).toEqual([{ ...answer(99, 'known'), from: ME, to: 2 }]);
  });
});

describe('new leases', () => {
  it('get positive ids that none has, and live longer than an election', () => {
    const member = new TestMember();
    const ids = Array.from({ length: 100 }, () => member.leases.newId());
    expect(new Set(ids).size).toBe(100);
    for (const id of ids) expect(id > 0n && id < 2n ** 63n).toBe(true);
    expect(member.leases.ttlSecondsMin).toBe(2);
  });
});

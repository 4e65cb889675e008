/** Membership and alarms as replicated state: what any order of changes keeps true. */
import * as fc from 'fast-check';
import {
  bytesOfString,
  decodeMembershipChange,
  encodeMembershipChange,
  Refused,
  StateMachine,
  type Command,
  type MembershipChange,
} from '../../src/kv';

const CONF = { voters: [1], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };

const ids = fc.integer({ min: 1, max: 5 });
const urls = fc.uniqueArray(
  fc.constantFrom('http://a:1', 'http://b:1', 'http://c:1', 'http://ü:1'),
  { minLength: 1, maxLength: 2 },
);
const names = fc.constantFrom('', 'n1', 'ñ2');
const changes: fc.Arbitrary<MembershipChange> = fc.oneof(
  fc
    .record({ id: ids, name: names, peerUrls: urls, clientUrls: urls, isLearner: fc.boolean() })
    .map((member): MembershipChange => ({ kind: 'add', member })),
  ids.map((id): MembershipChange => ({ kind: 'promote', id })),
  ids.map((id): MembershipChange => ({ kind: 'remove', id })),
  fc.record({ kind: fc.constant('update' as const), id: ids, peerUrls: urls }),
);
const alarms = fc.record({
  memberId: fc.constantFrom(0n, 1n, 2n ** 64n - 1n),
  alarm: fc.constantFrom('nospace' as const, 'corrupt' as const),
});
const clusterCommands: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    kind: fc.constant('memberAttributes' as const),
    id: ids,
    name: names,
    clientUrls: urls,
  }),
  fc.record({ kind: fc.constant('alarm' as const), raised: fc.boolean(), alarm: alarms }),
);
const steps = fc.array(fc.oneof(changes, clusterCommands), { maxLength: 40 });

function take(machine: StateMachine, step: MembershipChange | Command): void {
  const index = machine.appliedIndex + 1;
  if (step.kind === 'memberAttributes' || step.kind === 'alarm') {
    machine.apply(step, index);
  } else {
    const change = step as MembershipChange;
    const refused = machine.membershipRefusal(change) !== undefined;
    machine.applyMembership(index, refused ? undefined : change, CONF);
  }
}

const put: Command = {
  kind: 'put',
  request: {
    key: 'k',
    value: bytesOfString('v'),
    lease: 0n,
    prevKv: false,
    ignoreValue: false,
    ignoreLease: false,
  },
};

describe('the membership', () => {
  it('keeps ids and peer URLs unique, removed ids away, and a voter', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const machine = new StateMachine();
        const removed = new Set<number>();
        let hadVoter = false;
        for (const step of list) {
          take(machine, step);
          const { members, removed: gone } = machine.cluster;
          const peerUrls = members.flatMap((member) => member.peerUrls);
          expect(new Set(peerUrls).size).toBe(peerUrls.length);
          expect(members.map(({ id }) => id)).toEqual(
            [...new Set(members.map(({ id }) => id))].sort((a, b) => a - b),
          );
          expect(members.filter(({ isLearner }) => isLearner).length).toBeLessThan(2);
          for (const id of gone) removed.add(id);
          expect(gone).toEqual([...removed].sort((a, b) => a - b));
          expect(members.some(({ id }) => removed.has(id))).toBe(false);
          hadVoter ||= members.some(({ isLearner }) => !isLearner);
          expect(members.some(({ isLearner }) => !isLearner)).toBe(hadVoter);
        }
      }),
    );
  });

  it('travels in a snapshot, and counts in the hash of the state', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const machine = new StateMachine();
        for (const step of list) take(machine, step);
        const copy = new StateMachine();
        const source = machine.snapshot();
        const restorer = copy.restorer();
        for (const chunk of source.chunks(7)) restorer.write(chunk);
        restorer.finish();
        source.release();
        expect(copy.cluster).toEqual(machine.cluster);
        expect(copy.hash()).toBe(machine.hash());
        const before = machine.hash();
        machine.apply(
          { kind: 'alarm', raised: true, alarm: { memberId: 99n, alarm: 'corrupt' } },
          machine.appliedIndex + 1,
        );
        expect(machine.hash()).not.toBe(before);
      }),
    );
  });

  it('comes back from the bytes of a log entry', () => {
    fc.assert(
      fc.property(changes, fc.maxSafeNat(), (change, sequence) => {
        const envelope = { origin: 3, sequence, change };
        expect(decodeMembershipChange(encodeMembershipChange(envelope))).toEqual(envelope);
      }),
    );
  });

  it.each([
    ['nospace', 'etcdserver: mvcc: database space exceeded'],
    ['corrupt', 'etcdserver: corrupt cluster'],
  ] as const)('raises %s until it is disarmed', (alarm, text) => {
    const machine = new StateMachine();
    const apply = (command: Command) => machine.apply(command, machine.appliedIndex + 1)!.result;
    const of = (raised: boolean): Command => ({
      kind: 'alarm',
      raised,
      alarm: { memberId: 7n, alarm },
    });
    apply(put);
    expect(apply(of(true))).toEqual({ kind: 'alarm', alarms: [{ memberId: 7n, alarm }] });
    const refusals = [
      apply(put),
      apply({ kind: 'txn', request: { compare: [], success: [put], failure: [] } }),
      apply({ kind: 'leaseGrant', id: 5n, ttlSeconds: 60 }),
    ];
    for (const refused of refusals) {
      expect(refused).toBeInstanceOf(Refused);
      expect((refused as Refused).message).toBe(text);
    }
    const freed = apply({
      kind: 'deleteRange',
      request: { key: 'k', rangeEnd: '', prevKv: false },
    });
    const compacted = apply({ kind: 'compact', request: { revision: 1, physical: false } });
    expect([freed, compacted].some((result) => result instanceof Refused)).toBe(
      alarm === 'corrupt',
    );
    expect(apply(of(false))).toEqual({ kind: 'alarm', alarms: [{ memberId: 7n, alarm }] });
    expect(apply(of(false))).toEqual({ kind: 'alarm', alarms: [] });
    expect(apply(put)).toMatchObject({ kind: 'put' });
  });
});

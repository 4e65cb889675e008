import fc from 'fast-check';
import { decodeChange, encodeChange } from './changeCodec';
import { changeConf, EMPTY_CONF, isJoint, membersOf, type ConfChange } from './membership';

const change: fc.Arbitrary<ConfChange> = fc.record({
  transition: fc.constantFrom('auto', 'implicit', 'explicit'),
  changes: fc.array(
    fc.record({
      type: fc.constantFrom('addVoter', 'addLearner', 'remove', 'update'),
      id: fc.oneof(fc.nat(6), fc.maxSafeNat()),
    }),
    { maxLength: 4 },
  ),
  context: fc.uint8Array({ maxLength: 20 }),
});

describe('the codec of membership changes', () => {
  test('gives back every change it was given', () => {
    fc.assert(
      fc.property(change, (value) => {
        const decoded = decodeChange(encodeChange(value));
        expect(decoded).toEqual(value);
      }),
    );
  });

  test('reads no data as leaving the joint configuration', () => {
    expect(
      encodeChange({ transition: 'auto', changes: [], context: new Uint8Array(0) }),
    ).toHaveLength(0);
    expect(decodeChange(new Uint8Array(0))?.changes).toEqual([]);
  });

  test('never throws, whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (data) => void decodeChange(data)));
    expect(decodeChange(Uint8Array.of(9, 0))).toBeUndefined();
    expect(decodeChange(Uint8Array.of(0, 1, 7, 1))).toBeUndefined();
    expect(decodeChange(Uint8Array.of(0, 2, 0, 1))).toBeUndefined();
  });
});

describe('configurations', () => {
  test('keep voters and learners apart and never lose the last voter, whatever is changed', () => {
    const small = fc.record({
      transition: fc.constantFrom('auto', 'implicit', 'explicit'),
      changes: fc.array(
        fc.record({
          type: fc.constantFrom('addVoter', 'addLearner', 'remove', 'update'),
          id: fc.nat(5),
        }),
        { maxLength: 4 },
      ),
      context: fc.constant(new Uint8Array(0)),
    }) as fc.Arbitrary<ConfChange>;
    fc.assert(
      fc.property(fc.array(small, { maxLength: 30 }), (changes) => {
        let conf = { ...EMPTY_CONF, voters: [1] as readonly number[] };
        for (const one of changes) {
          const result = changeConf(conf, one);
          if (!result.ok) continue;
          const before = conf;
          conf = result.conf;
          expect(conf.voters.length).toBeGreaterThan(0);
          for (const id of conf.learners) {
            expect(conf.voters).not.toContain(id);
            expect(conf.votersOutgoing).not.toContain(id);
          }
          for (const id of conf.learnersNext) expect(conf.votersOutgoing).toContain(id);
          if (!isJoint(conf)) expect(conf.autoLeave).toBe(false);
          // Any majority of the old voters and any of the new ones share a voter.
          if (!isJoint(before) && !isJoint(conf)) {
            const common = before.voters.filter((id) => conf.voters.includes(id)).length;
            expect(before.voters.length + conf.voters.length - 2 * common).toBeLessThanOrEqual(1);
          }
          for (const id of result.added) expect(membersOf(conf)).toContain(id);
        }
      }),
    );
  });
});

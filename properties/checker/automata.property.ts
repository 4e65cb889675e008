/**
 * The general search against the definition on objects that nobody thought of: automata with
 * random tables.
 *
 * A reduction of the search must hold for any model. Registers and queues have regularities that
 * could hide one that does not; a random table has none. What each action does (`effect`) is read
 * off its table, so that it is true, and sometimes kept quiet, which must not matter.
 */

import fc from 'fast-check';
import { ILLEGAL } from '../../models';
import type { Effect, Model } from '../../models';
import type { Operation } from '../../src/history';
import { expectAgreement } from './agreement';

/** The state after an action in each state; null where it is refused. */
type Row = readonly (number | null)[];

interface Case {
  readonly rows: readonly Row[];
  readonly tellsEffects: boolean;
  readonly operations: readonly Operation[];
}

function effectOf(row: Row): Effect {
  if (row.every((next, state) => next === null || next === state)) return 'observe';
  if (row.includes(null)) return 'any';
  return row.every((next) => next === row[0]) ? 'overwrite' : 'update';
}

function automaton({ rows, tellsEffects }: Case): Model<number> {
  const rowOf = ({ input }: Operation): Row => rows[input as number]!;
  return {
    name: 'automaton',
    init: () => 0,
    step: (state, operation) => rowOf(operation)[state] ?? ILLEGAL,
    ...(tellsEffects ? { effect: (operation) => effectOf(rowOf(operation)) } : {}),
    label: ({ input }) => String(input),
  };
}

function row(states: number): fc.Arbitrary<Row> {
  const state = fc.nat(states - 1);
  const tuple = (cell: fc.Arbitrary<number | null>): fc.Arbitrary<Row> =>
    fc.array(cell, { minLength: states, maxLength: states });
  const identity = Array.from({ length: states }, (_, i) => i);
  return fc.oneof(
    { weight: 4, arbitrary: tuple(fc.option(state, { freq: 2 })) },
    { weight: 2, arbitrary: tuple(state) },
    { weight: 2, arbitrary: state.map((next) => identity.map(() => next)) },
    {
      weight: 2,
      arbitrary: fc
        .subarray(identity)
        .map((allowed) => identity.map((each) => (allowed.includes(each) ? each : null))),
    },
    // A counter up to the last state: such actions commute with themselves and with observers.
    { weight: 1, arbitrary: fc.constant(identity.map((each) => (each + 1) % states)) },
  );
}

const instants = 30;

/** Operations whose times overlap in every way; ties are broken by their number. */
function operationsOf(actions: number): fc.Arbitrary<readonly Operation[]> {
  const planned = fc.record({
    action: fc.nat(actions - 1),
    call: fc.nat(instants),
    length: fc.oneof(fc.nat(8), fc.nat(instants)),
    isUnknown: fc.oneof(
      { weight: 5, arbitrary: fc.constant(false) },
      { weight: 1, arbitrary: fc.constant(true) },
    ),
  });
  return fc.array(planned, { minLength: 2, maxLength: 8 }).map((all) =>
    all.map(({ action, call, length, isUnknown }, id) => ({
      ...{ id, process: id, f: 'act', key: undefined, input: action, output: null },
      call: call + id / 100,
      return: isUnknown ? Infinity : call + length + 0.5 + id / 100,
      outcome: isUnknown ? 'info' : 'ok',
    })),
  );
}

const cases: fc.Arbitrary<Case> = fc
  .tuple(fc.integer({ min: 2, max: 5 }), fc.integer({ min: 1, max: 6 }))
  .chain(([states, actions]) =>
    fc.record({
      rows: fc.array(row(states), { minLength: actions, maxLength: actions }),
      tellsEffects: fc.boolean(),
      operations: operationsOf(actions),
    }),
  );

test('histories of random automata get the verdict of the definition', () => {
  const numRuns = Number(process.env['AUTOMATA_HISTORIES'] ?? 5000);
  const counts = { ok: 0, fail: 0, unknown: 0 };
  const property = fc.property(cases, (one) => {
    counts[expectAgreement(one.operations, automaton(one)).verdict]++;
  });
  fc.assert(property, { numRuns });
  expect(counts.unknown).toBe(0);
  expect(Math.min(counts.ok, counts.fail)).toBeGreaterThan(numRuns / 10);
});

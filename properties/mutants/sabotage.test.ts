/**
 * The suite tested by sabotage: known bugs are put into the sources, and the simulator must find
 * each within its number of seeds and say something a person can act on. The controls change
 * behaviour without breaking it; a report about one of them is a false alarm.
 *
 * By default one or two mutants of each kind are hunted; MUTANTS=all hunts the whole zoo, each
 * from its first seed.
 */
import { describeCatch, hunt } from './kill';
import { patchedSource } from './loader';
import { applyPatch } from './mutant';
import { BENIGN, ZOO } from './zoo';

const all = process.env['MUTANTS'] === 'all';

/** Two of elections, three of replication, one of the disk and one of reads. */
const QUICK = ['E2a', 'E9', 'E1', 'R1', 'R2', 'D1a', 'L1'];
const hunted = all ? ZOO : ZOO.filter(({ id }) => QUICK.includes(id));

describe('a mutant', () => {
  it.each([...ZOO, ...BENIGN].map((patch) => [patch.id, patch] as const))(
    '%s still matches its source exactly once',
    (_id, patch) => {
      for (const { file } of patch.edits) expect(patchedSource(patch, file)).toBeTruthy();
    },
  );

  it('whose text is not found exactly once is an error', () => {
    const patch = { id: 'X', edits: [{ file: 'a.ts', find: 'x', replace: 'y' }] };
    expect(applyPatch(patch, 'a.ts', 'one x')).toBe('one y');
    expect(() => applyPatch(patch, 'a.ts', 'none')).toThrow('mutant X: its text is found 0 times');
    expect(() => applyPatch(patch, 'a.ts', 'x and x')).toThrow('found 2 times in a.ts, not once');
  });

  it('of the quick ones is in the zoo', () => {
    const known = ZOO.map(({ id }) => id);
    expect(known).toEqual(expect.arrayContaining(QUICK));
  });

  it.each(hunted.map((mutant) => [mutant.id, mutant] as const))(
    '%s is caught within its number of seeds, by a check that should',
    async (_id, mutant) => {
      const { seedsMax, swarm, expectedKillers, quickSeed } = mutant;
      const firstSeed = all ? 1 : quickSeed;
      const { caught } = await hunt(mutant, { seedsMax, swarm, firstSeed, shrinkRunsMax: 40 });
      expect(caught).toBeDefined();
      const text = describeCatch(caught!);
      expect(expectedKillers).toContain(caught!.violation.invariant);
      expect(text).toMatch(/^\w+ at [\d.]+ ms, event \d+ \(seed \d+\)\n {2}claim: .+\n {2}fact: /);
      expect(text).toContain('swarm: members=');
      expect(caught!.plan.faults.length).toBeLessThanOrEqual(10);
    },
  );
});

describe('a benign change', () => {
  it.each(BENIGN.map((control) => [control.id, control] as const))(
    '%s raises no alarm',
    async (_id, control) => {
      const { caught } = await hunt(control, { seedsMax: 5 });
      expect(caught === undefined ? '' : describeCatch(caught)).toBe('');
    },
  );
});

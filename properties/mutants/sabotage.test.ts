/**
 * The suite tested by sabotage: known bugs are put into the sources, and the simulator must find
 * each within its number of seeds and say something a person can act on. The controls change
 * behaviour without breaking it; a report about one of them is a false alarm.
 *
 * By default one or two mutants of each kind are hunted; MUTANTS=all hunts the whole zoo, each
 * from its first seed, as `crucible mutants` does.
 */
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseMutants, readMutants } from './catalogue';
import { describeCatch, hunt } from './kill';
import { patchedSource, ZOO_DIRECTORY } from './loader';
import { applyPatch } from './mutant';
import { scoreAll, scoreTable, summarize } from './score';
import type { Score } from './score';
import { ScoreStore } from './scoreStore';

const zoo = readMutants(ZOO_DIRECTORY);
const present = zoo.filter(({ absent }) => absent === undefined);
const all = process.env['MUTANTS'] === 'all';

/** Of elections, replication, reads, snapshots, the disk and the store. */
const QUICK = ['E2', 'E9', 'E7', 'R1', 'R8', 'S9', 'D1', 'D5', 'L4', 'K7', 'K22'];
const mutants = present.filter(({ kind }) => kind === 'mutant');
const hunted = all ? mutants : mutants.filter(({ id }) => QUICK.includes(id));
const SEEDS_MAX = 1_000;

describe('a mutant', () => {
  it.each(present.map((patch) => [patch.id, patch] as const))(
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

  it('that is written wrongly is an error with its place', () => {
    const parse = (value: unknown) => () => parseMutants(JSON.stringify(value), 'zoo.json');
    expect(parse({ id: 'X' })).toThrow("zoo.json, mutant 1 (X): it needs either edits or 'absent'");
    expect(parse([{ id: 'X', edits: [{ file: 'a', find: '' }] }])).toThrow('replace is no text');
    expect(() => parseMutants('{', 'zoo.json')).toThrow('zoo.json is not JSON');
    const edits = [{ file: 'a.ts', find: ['x', 'y'], replace: '' }];
    const [mutant] = parse({ id: 'X', edits })();
    expect(mutant!.edits[0]!.find).toBe('x\ny');
  });

  it('of the quick ones is in the zoo', () => {
    expect(mutants.map(({ id }) => id)).toEqual(expect.arrayContaining(QUICK));
  });

  it.each(hunted.map((mutant) => [mutant.id, mutant] as const))(
    '%s is caught, by a check that should, and explained',
    async (_id, mutant) => {
      const { swarm, expectedKillers, quickSeed } = mutant;
      const firstSeed = all ? 1 : quickSeed;
      const limits = { seedsMax: SEEDS_MAX, shrinkRunsMax: 120 };
      const { caught } = await hunt(mutant, { ...limits, swarm, firstSeed });
      expect(caught).toBeDefined();
      expect(expectedKillers).toContain(caught!.finding.check);
      const text = describeCatch(caught!);
      expect(text).toMatch(/^\w+ \(seed \d+\)\n {2}claim: .+\n {2}fact: /);
      if (caught!.simulated === undefined) return;
      expect(text).toContain('swarm: members=');
      expect(caught!.simulated.plan.faults.length).toBeLessThanOrEqual(10);
    },
  );
});

describe('the canary', () => {
  it('is caught at the first seed: else the checks do not check', async () => {
    const canary = zoo.find(({ kind }) => kind === 'canary')!;
    const { caught } = await hunt(canary, { seedsMax: 1, shrinkRunsMax: 0 });
    expect(canary.expectedKillers).toContain(caught?.finding.check);
  });
});

describe('a benign change', () => {
  const benign = zoo.filter(({ kind }) => kind === 'benign');
  it.each(benign.map((control) => [control.id, control] as const))(
    '%s raises no alarm',
    async (_id, control) => {
      const { caught } = await hunt(control, { seedsMax: all ? 100 : 4 });
      expect(caught === undefined ? '' : describeCatch(caught)).toBe('');
    },
  );
});

describe('the score', () => {
  const base = { title: 'a bug', expectedKillers: ['liveness'], seconds: 1 };
  const scores: Score[] = [
    { ...base, id: 'A', kind: 'mutant', outcome: 'killed', killedBy: 'liveness', seeds: 4 },
    { ...base, id: 'B', kind: 'mutant', outcome: 'survived', seeds: 9 },
    { ...base, id: 'C', kind: 'mutant', outcome: 'killed', killedBy: 'watch', seeds: 1 },
    { ...base, id: 'D', kind: 'mutant', outcome: 'absent', seeds: 0, details: 'none here' },
    { ...base, id: 'E', kind: 'benign', outcome: 'killed', killedBy: 'watch', seeds: 2 },
    { ...base, id: 'F', kind: 'canary', outcome: 'killed', killedBy: 'watch', seeds: 2 },
    { ...base, id: 'G', kind: 'mutant', outcome: 'error', seeds: 0, details: 'moved' },
  ];

  it('counts what was hunted, and what must fail the run', () => {
    expect(summarize(scores)).toEqual({
      killed: 2,
      total: 4,
      survivors: ['B'],
      absent: ['D'],
      errors: ['G'],
      benignKilled: 1,
      benign: 1,
      canariesMissed: ['F'],
      medianSeedsToKill: 2.5,
    });
  });

  it('is kept in a file, and what is kept is not hunted again', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'crucible-scores-'));
    const path = join(directory, 'scores.ndjson');
    const store = new ScoreStore(path);
    for (const score of scores) store.add(score);
    appendFileSync(path, '{"id": "torn');
    const known = new ScoreStore(path).scores;
    expect([...known.values()]).toEqual(scores);
    expect(readFileSync(path, 'utf8')).not.toContain('torn');
    const asked = scores.map(({ id }) => ({ ...zoo[0]!, id }));
    const limits = { seedsMax: 1, workers: 1, budgetMs: 0 };
    expect(await scoreAll(asked, { ...limits, known })).toEqual(scores);
    // Nothing is known, and the time is over before it began: nobody has a score.
    expect(await scoreAll(asked, limits)).toEqual([]);
    appendFileSync(path, '{"id": "H"}\n');
    expect(() => new ScoreStore(path)).toThrow('line 8 is no score of a mutant');
    rmSync(directory, { recursive: true });
  });

  it('is a table with a row a mutant', () => {
    const rows = scoreTable(scores).split('\n');
    expect(rows).toHaveLength(2 + scores.length);
    expect(rows[2]).toBe('| A | a bug | liveness | liveness | 4 | 1.0 |');
  });
});

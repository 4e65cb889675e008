import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { simulate, swarmPlan } from '../../simulator';
import type { Plan } from '../../simulator';
import { describeFailure, loadFailure, minimize, saveFailure } from './failure';
import { divergenceOf, firstDifference } from './divergence';
import { runSeeds } from './runSeeds';

/** Nothing converges in no time: a failure that needs no bug. */
function impossible(): Plan {
  const plan = swarmPlan('3', { safetyMs: 1_000, profile: 'uniform' });
  return { ...plan, options: { ...plan.options, livenessMs: 0 } };
}

describe('a failure', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crucible-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  it('is shrunk, written down and read back, and fails again with the same hash', () => {
    const plan = impossible();
    const { violation } = simulate(plan);
    expect(violation?.invariant).toBe('liveness');
    const failure = minimize(plan, violation!, { budgetMs: 60_000 });
    expect(failure.plan.faults).toEqual([]);
    expect(failure.plan.operations).toEqual([]);
    const path = saveFailure(failure, join(directory, 'run'));
    const loaded = loadFailure(path);
    expect(loaded).toEqual(failure);
    expect(simulate(loaded.plan).hash).toBe(failure.hash);
    expect(readFileSync(join(directory, 'run', 'log.txt'), 'utf8')).toContain('n1 starts');
    expect(readFileSync(join(directory, 'run', 'history.jsonl'), 'utf8')).toContain('etcd');
  });

  it('is described by claim, fact, swarm and steps', () => {
    const plan = { ...impossible(), faults: [{ kind: 'powerLoss', atMs: 5, downMs: 7 } as const] };
    const { violation, hash, events } = simulate(plan);
    const text = describeFailure({
      format: 'crucible-failure',
      version: 1,
      plan,
      violation: violation!,
      hash,
      events,
      original: { faults: 14, operations: 310 },
      shrinkRuns: 9,
      shrinkMs: 1_500,
    });
    expect(text).toMatch(/^FAIL {2}liveness {2}seed=3 {2}t=\d+\.\d{3} s {2}event \d+\n {2}claim: /);
    expect(text).toContain('(from 14 faults, 310 operations; 9 runs, 1.5 s)');
    expect(text).toContain(' 1 fault  5 ms: power loss of all members for 7 ms');
  });

  it('that is none of ours is refused with its path', () => {
    const path = join(directory, 'other.json');
    writeFileSync(path, '{}');
    expect(() => loadFailure(path)).toThrow(`${path} is not a failure`);
    expect(() => loadFailure(join(directory, 'missing.json'))).toThrow('can not be read');
  });
});

describe('a sweep', () => {
  it('runs its seeds in order, repeats the first and says what it did', async () => {
    const seeds: string[] = [];
    const summary = await runSeeds({
      from: 5,
      seeds: 3,
      swarm: { safetyMs: 500 },
      onSeed: ({ seed }) => seeds.push(seed),
    });
    expect(seeds).toEqual(['5', '6', '7']);
    expect(summary).toMatchObject({ seeds: 3, failed: [], undecided: [], repeated: 1 });
    expect(summary.marks['leader elected']).toBeGreaterThan(0);
    expect(summary.interrupted).toBe(false);
  });

  it('gives the same on threads, and shares the seeds out among shards', async () => {
    const hashes = async (options: Parameters<typeof runSeeds>[0]) => {
      const found = new Map<string, string>();
      const swarm = { safetyMs: 300 };
      await runSeeds({ ...options, swarm, onSeed: ({ seed, hash }) => found.set(seed, hash) });
      return new Map([...found].sort());
    };
    const all = await hashes({ seeds: 4 });
    expect(await hashes({ seeds: 4, threads: 2 })).toEqual(all);
    const odd = await hashes({ seeds: 4, shard: { index: 1, of: 2 } });
    const even = await hashes({ seeds: 4, shard: { index: 2, of: 2 } });
    expect([...odd.keys(), ...even.keys()]).toEqual(['1', '3', '2', '4']);
    expect(new Map([...odd, ...even])).toEqual(all);
  });

  it('ends with the seed that runs when it is interrupted', async () => {
    const controller = new AbortController();
    const summary = await runSeeds({
      swarm: { safetyMs: 500 },
      signal: controller.signal,
      onSeed: () => controller.abort(),
    });
    expect(summary).toMatchObject({ seeds: 1, interrupted: true });
  });
});

describe('two runs that differ', () => {
  it('are told apart at the first event that is not the same', () => {
    const plan = swarmPlan('1', { safetyMs: 300, profile: 'uniform' });
    const records = simulate(plan).records();
    expect(firstDifference(records, records)).toBeUndefined();
    const other = records.map((record, i) => (i === 7 ? { ...record, c: record.c + 1 } : record));
    expect(firstDifference(records, other)).toMatch(/^record 8 is '\d+ us, event \d+: .+' in one/);
    expect(firstDifference(records, records.slice(0, 5))).toContain("'the end' in the other");
    expect(divergenceOf(plan)).toContain('two more runs were the same');
  });
});

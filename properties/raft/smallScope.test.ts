/** Every order and loss of small scopes holds what Raft promises; with bugs put in, it does not. */
import { bundle, ZOO_DIRECTORY } from '../mutants/loader';
import { readMutants } from '../mutants/catalogue';
import { searchScope } from './smallScope';
import type { Scope } from './smallScope';

const NOTHING = { campaigns: 0, proposals: 0, losses: 0, doublings: 0, crashes: 0 };
const one: Scope = { members: 3, budget: { ...NOTHING, campaigns: 1 }, worldsMax: 5_000 };

describe('the exhaustive search', () => {
  it('is complete for one election, and counts each world once', () => {
    const search = searchScope(one);
    expect(search.failure).toBeUndefined();
    expect(search.complete).toBe(true);
    expect(search.worlds).toBeGreaterThan(20);
    expect(searchScope(one)).toEqual(search);
  });

  it('holds for two elections with a loss, a doubling and a crash, as far as it looks', () => {
    const budget = { campaigns: 2, proposals: 1, losses: 1, doublings: 1, crashes: 1 };
    const { failure, worlds } = searchScope({ members: 3, budget, worldsMax: 3_000 });
    expect(failure).toBeUndefined();
    expect(worlds).toBe(3_000);
  });

  it.each(['E9', 'E7'])('finds %s by the shortest way', async (id) => {
    const patch = readMutants(ZOO_DIRECTORY).find((mutant) => mutant.id === id)!;
    const code = await bundle('properties/raft/smallScope.ts', patch);
    const module = { exports: {} as { searchScope: typeof searchScope } };
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the program with the bug
    (new Function('module', 'exports', 'require', code) as (...given: unknown[]) => void)(
      module,
      module.exports,
      require,
    );
    const members = id === 'E9' ? 2 : 3;
    const budget = { ...NOTHING, campaigns: 2 };
    const { failure } = module.exports.searchScope({ members, budget, worldsMax: 20_000 });
    expect(failure?.what).toMatch(/both lead term 1/);
    expect(failure!.moves.length).toBeLessThanOrEqual(8);
  });
});

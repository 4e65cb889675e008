/** Plans that once broke an invariant of the reference, each with what was wrong. */
import { simulate, swarmPlan } from '../../src/simulator';
import { judgeHistory } from '../../src/cli/simulation/judge';

const REGRESSIONS = [
  {
    seed: 'ece570c751c8-64',
    what:
      'a member woke from a pause to entries of the old leader and to a newer leader who ' +
      'replaced them, wrote both in one sync, and then still acknowledged the replaced ones',
  },
] as const;

describe('a plan that once failed', () => {
  it.each(REGRESSIONS)('holds now: $what', ({ seed }) => {
    const { violation } = simulate(swarmPlan(seed), { judge: judgeHistory });
    expect(violation).toBeUndefined();
  });
});

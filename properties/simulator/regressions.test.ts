/**
 * Plans that once broke an invariant of the reference, as data: the whole schedule is in the file,
 * so a seed that draws something else some day takes nothing away. Each holds now, and fails again
 * when the mend is taken back, which is a mutant of the zoo.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { simulate } from '../../src/simulator';
import { loadFailure } from '../../src/cli/simulation/failure';
import { judgeHistory } from '../../src/cli/simulation/judge';
import { readMutants } from '../mutants/catalogue';
import { hunt } from '../mutants/kill';
import { ZOO_DIRECTORY } from '../mutants/loader';

const DIRECTORY = join(__dirname, 'regressions');
const zoo = readMutants(ZOO_DIRECTORY);
const regressions = readdirSync(DIRECTORY).map((name) => {
  const path = join(DIRECTORY, name);
  const { what, mutant } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>;
  return { what, mutant, path };
});

describe('a plan that once failed', () => {
  it.each(regressions)('holds now: $what', ({ path }) => {
    const { verdict, violation } = simulate(loadFailure(path).plan, { judge: judgeHistory });
    expect(violation).toBeUndefined();
    expect(verdict).toBe('ok');
  });

  it.each(regressions)('fails with $mutant in place: $what', async ({ path, mutant }) => {
    const { plan, violation } = loadFailure(path);
    const patch = zoo.find(({ id }) => id === mutant)!;
    const { caught } = await hunt(patch, { seedsMax: 1, shrinkRunsMax: 0, plan });
    expect(caught?.finding.check).toBe(violation.invariant);
    expect(caught?.finding.details).toBe(violation.details);
  });
});

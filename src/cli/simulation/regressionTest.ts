/** A failure as a test that is ready to run: the whole plan as data, and that it holds. */
import type { Failure } from './failure';

/** `directory`: where the test will lie, as seen from the root of the package. */
export function regressionTest(
  { plan, violation }: Failure,
  directory = 'properties/simulator',
): string {
  const up = directory
    .split('/')
    .map(() => '..')
    .join('/');
  const name = `${violation.invariant} holds: ${plan.seed}`;
  return `/**
 * ${violation.sentence}
 * It once did not: ${violation.details.split('\n')[0]!.replaceAll('*/', '* /')}
 */
import { simulate } from '${up}/src/simulator';
import type { Plan } from '${up}/src/simulator';
import { judgeHistory } from '${up}/src/cli/simulation/judge';

const plan: Plan = ${JSON.stringify(plan, undefined, 2)};

test(${JSON.stringify(name)}, () => {
  const { verdict, violation } = simulate(plan, { judge: judgeHistory });
  expect(violation).toBeUndefined();
  expect(verdict).toBe('ok');
});
`;
}

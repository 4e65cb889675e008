/**
 * Test suites that need a program from PATH. Without it the suite is skipped, which the runner
 * reports as skipped, and the reason is printed: it never looks as if it had passed.
 */
import { spawnSync } from 'node:child_process';

type Define = (title: string, body: () => void) => void;

/** The runner's `describe`, as far as it is needed here. */
export interface Suite extends Define {
  readonly skip: Define;
}

/** The suite if the program runs with these arguments, else its skipping twin. */
export function withProgram(suite: Suite, program: string, args: readonly string[]): Define {
  const { error } = spawnSync(program, args);
  if (error === undefined) return suite;
  console.warn(`skipped: no ${program} on PATH`);
  const { skip } = suite;
  return skip;
}

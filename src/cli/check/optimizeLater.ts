/**
 * Lets V8 optimise functions later than it would, for a process that mostly lives for a fraction
 * of a second.
 *
 * Reading and checking a hundred small histories makes some dozens of functions just hot enough
 * for the optimising compiler, which then takes longer than all of the work it was to speed up
 * (docs/checker.md has the figures). Long work is optimised all the same, milliseconds later.
 * Only for the version of Node whose V8 is known to have the flag: others print an error.
 */

import { setFlagsFromString } from 'node:v8';

/** In bytes of bytecode a function runs through before it may be optimised; V8 has 67 584. */
const interruptBudget = 500_000;
const nodeMajorKnown = 20;

export function optimizeLater(): void {
  if (Number.parseInt(process.versions.node, 10) !== nodeMajorKnown) return;
  setFlagsFromString(`--interrupt-budget=${interruptBudget}`);
}

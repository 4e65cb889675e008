/**
 * What runs inside the worker of one mutant: seeds in order until one is violated, then a few
 * runs to make its plan small. Counts are its only limits, so a hunt gives the same everywhere.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { shrinkPlan, simulate, swarmPlan } from '../../src/simulator';
import type { Plan, SwarmOptions, Violation } from '../../src/simulator';
import { judgeHistory } from '../../src/cli/simulation/judge';

export interface HuntOrder {
  readonly firstSeed: number;
  readonly seedsMax: number;
  readonly swarm: SwarmOptions;
  /** Runs spent on making the plan small. */
  readonly shrinkRunsMax: number;
}

export interface Catch {
  /** The seed that failed. */
  readonly seed: number;
  readonly violation: Violation;
  readonly plan: Plan;
}

/** The number of seeds that were run, and what failed; undefined: no seed was violated. */
export type HuntResult = { readonly seeds: number; readonly caught: Catch | undefined };

function hunt({ firstSeed, seedsMax, swarm, shrinkRunsMax }: HuntOrder): HuntResult {
  const judge = judgeHistory;
  for (let seeds = 1; seeds <= seedsMax; seeds++) {
    const seed = firstSeed + seeds - 1;
    const plan = swarmPlan(`mutant ${seed}`, swarm);
    const { violation } = simulate(plan, { judge });
    if (violation === undefined) continue;
    const shrunk = shrinkPlan(plan, {
      fails: (smaller) => simulate(smaller, { judge }).violation?.invariant === violation.invariant,
      runsMax: shrinkRunsMax,
    });
    const final = simulate(shrunk.plan, { judge }).violation ?? violation;
    return { seeds, caught: { seed, violation: final, plan: shrunk.plan } };
  }
  return { seeds: seedsMax, caught: undefined };
}

parentPort?.postMessage(hunt(workerData as HuntOrder));

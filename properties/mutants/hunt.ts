/**
 * What runs inside the worker of one mutant: seeds in order until one of the checks finds
 * something false, then a few runs to make its plan small. Counts are its only limits, so a hunt
 * gives the same everywhere. It says which seed it is at, so that a mutant that hangs shows.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { simulate, swarmPlan } from '../../src/simulator';
import type { Plan, SwarmOptions, Violation } from '../../src/simulator';
import { minimize } from '../../src/cli/simulation/failure';
import { judgeHistory } from '../../src/cli/simulation/judge';
import { describeError } from './checks/check';
import type { Finding } from './checks/check';
import { checkLeases } from './checks/leases';
import { checkLogDamage } from './checks/logDamage';
import { checkSequentialModel } from './checks/sequentialModel';

export interface HuntOrder {
  readonly firstSeed: number;
  readonly seedsMax: number;
  readonly swarm: SwarmOptions;
  /** Runs spent on making the plan small. */
  readonly shrinkRunsMax: number;
  /** Just this plan in place of the seeds; it counts as the first of them. */
  readonly plan: Plan | undefined;
}

/** What was found false at a seed; a plan comes with what the simulator found. */
export interface Catch {
  readonly seed: number;
  readonly finding: Finding;
  readonly simulated: { readonly violation: Violation; readonly plan: Plan } | undefined;
}

/** The number of seeds that were run, and what failed; undefined: every check held. */
export interface HuntResult {
  readonly seeds: number;
  readonly caught: Catch | undefined;
}

export type HuntMessage = { readonly seed: number } | HuntResult;

const judge = judgeHistory;

function hunt(order: HuntOrder, atSeed: (seed: number) => void): HuntResult {
  const { firstSeed, seedsMax } = order;
  for (let seeds = 1; seeds <= seedsMax; seeds++) {
    const seed = firstSeed + seeds - 1;
    atSeed(seed);
    const caught = catchAt(seed, order);
    if (caught !== undefined) return { seeds, caught };
  }
  return { seeds: seedsMax, caught: undefined };
}

function catchAt(seed: number, order: HuntOrder): Catch | undefined {
  if (order.plan !== undefined) return catchIn(order.plan, seed, order);
  // What needs no clients comes first: it costs less.
  const finding = attempt(() => checkSequentialModel(seed) ?? checkLogDamage(seed) ?? leases(seed));
  if (finding !== undefined) return { seed, finding, simulated: undefined };
  return catchIn(swarmPlan(`mutant ${seed}`, order.swarm), seed, order);
}

function catchIn(plan: Plan, seed: number, order: HuntOrder): Catch | undefined {
  const { violation } = simulate(plan, { judge });
  if (violation === undefined) return undefined;
  const { shrinkRunsMax: runsMax } = order;
  const small = runsMax > 0 ? minimize(plan, violation, { runsMax }) : { plan, violation };
  const { invariant: check, sentence, details } = small.violation;
  return { seed, finding: { check, sentence, details }, simulated: small };
}

/** Leases take as long as all else together, so they have every other seed. */
function leases(seed: number): Finding | undefined {
  return seed % 2 === 0 ? checkLeases(seed) : undefined;
}

function attempt(run: () => Finding | undefined): Finding | undefined {
  try {
    return run();
  } catch (error) {
    const sentence = 'The checks themselves run on whatever the program answers.';
    return { check: 'noFailure', sentence, details: describeError(error) };
  }
}

const port = parentPort;
// Keeps the thread until it is ended: its last message must not race with its exit.
port?.on('message', () => undefined);
port?.postMessage(hunt(workerData as HuntOrder, (seed) => port.postMessage({ seed })));

/**
 * Hunts a mutant in a worker of its own, so that its code never meets the tests' own copy of the
 * product, and a mutant that hangs can be ended.
 */
import { Worker } from 'node:worker_threads';
import { describeFault, describeOperation, describeSwarm } from '../../src/simulator';
import type { SwarmOptions } from '../../src/simulator';
import type { Catch, HuntOrder, HuntResult } from './hunt';
import { bundle } from './loader';
import type { Patch } from './mutant';

export interface KillOptions {
  readonly seedsMax: number;
  /** Default 1. */
  readonly firstSeed?: number | undefined;
  readonly swarm?: SwarmOptions | undefined;
  /** Default 200. */
  readonly shrinkRunsMax?: number;
}

/** Runs the seeds against the patched sources, or the sound ones without a patch. */
export async function hunt(patch: Patch | undefined, options: KillOptions): Promise<HuntResult> {
  const code = await bundle('properties/mutants/hunt.ts', patch);
  const { firstSeed = 1, seedsMax, swarm = {}, shrinkRunsMax = 200 } = options;
  const order: HuntOrder = { firstSeed, seedsMax, swarm, shrinkRunsMax };
  return new Promise((resolve, reject) => {
    const worker = new Worker(code, { eval: true, workerData: order });
    worker.once('message', (result: HuntResult) => {
      resolve(result);
      void worker.terminate();
    });
    worker.once('error', reject);
    worker.once('exit', (exitCode) => {
      reject(new Error(`the hunt ended with code ${exitCode} and without a result`));
    });
  });
}

/** A counterexample as a reader wants it: what is false, and the little that makes it so. */
export function describeCatch({ seed, violation, plan }: Catch): string {
  return [
    `${violation.invariant} at ${violation.timeMs} ms, event ${violation.event} (seed ${seed})`,
    `  claim: ${violation.sentence}`,
    `  fact:  ${violation.details.split('\n').join('\n         ')}`,
    `  swarm: ${describeSwarm(plan)}`,
    ...plan.faults.map((fault) => `  fault: ${describeFault(fault)}`),
    ...plan.operations.map((operation) => `  asked: ${describeOperation(operation)}`),
  ].join('\n');
}

/**
 * Hunts a mutant in a worker of its own, so that its code never meets the tests' own copy of the
 * product, and a mutant that hangs can be ended.
 */
import { Worker } from 'node:worker_threads';
import { describeFault, describeOperation, describeSwarm } from '../../src/simulator';
import type { Plan, SwarmOptions } from '../../src/simulator';
import type { Catch, HuntMessage, HuntOrder, HuntResult } from './hunt';
import { bundle } from './loader';
import type { Patch } from './mutant';

export interface KillOptions {
  readonly seedsMax: number;
  /** Default 1. */
  readonly firstSeed?: number | undefined;
  readonly swarm?: SwarmOptions | undefined;
  /** Default 200. */
  readonly shrinkRunsMax?: number;
  /** A seed that takes longer than this counts as a hang, which is a catch. Default 120 s. */
  readonly seedMsMax?: number;
  /** Just this plan in place of seeds. */
  readonly plan?: Plan;
  readonly signal?: AbortSignal | undefined;
}

const HUNT = 'properties/mutants/hunt.ts';
const SEED_MS_MAX = 120_000;

/** Runs the seeds against the patched sources, or the sound ones without a patch. */
export async function hunt(patch: Patch | undefined, options: KillOptions): Promise<HuntResult> {
  const code = await bundle(HUNT, patch);
  const { firstSeed = 1, seedsMax, swarm = {}, shrinkRunsMax = 200, plan } = options;
  const order: HuntOrder = { firstSeed, seedsMax, swarm, shrinkRunsMax, plan };
  const worker = new Worker(code, { eval: true, workerData: order });
  try {
    return await resultOf(worker, firstSeed, options);
  } finally {
    await worker.terminate();
  }
}

function resultOf(worker: Worker, firstSeed: number, options: KillOptions): Promise<HuntResult> {
  const { seedMsMax = SEED_MS_MAX, signal } = options;
  return new Promise((resolve, reject) => {
    let seed = firstSeed;
    let timer: NodeJS.Timeout | undefined;
    const settle = (run: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
      run();
    };
    const aborted = (): void => settle(() => reject(new Error('interrupted')));
    const rearm = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => settle(() => resolve(hang(seed, firstSeed, seedMsMax))), seedMsMax);
    };
    signal?.addEventListener('abort', aborted);
    rearm();
    worker.on('message', (message: HuntMessage) => {
      if ('caught' in message) return settle(() => resolve(message));
      seed = message.seed;
      rearm();
    });
    worker.once('error', (error) => settle(() => reject(error)));
    worker.once('exit', (code) => {
      settle(() => reject(new Error(`the hunt ended with code ${code} and without a result`)));
    });
  });
}

function hang(seed: number, firstSeed: number, seedMsMax: number): HuntResult {
  const finding = {
    check: 'noHang',
    sentence: 'Every event is handled in a bounded time.',
    details: `seed ${seed} took more than ${seedMsMax} ms`,
  };
  return { seeds: seed - firstSeed + 1, caught: { seed, finding, simulated: undefined } };
}

/** A counterexample as a reader wants it: what is false, and the little that makes it so. */
export function describeCatch({ seed, finding, simulated }: Catch): string {
  const lines = [
    `${finding.check} (seed ${seed})`,
    `  claim: ${finding.sentence}`,
    `  fact:  ${finding.details.split('\n').join('\n         ')}`,
  ];
  if (simulated === undefined) return lines.join('\n');
  const { violation, plan } = simulated;
  return [
    ...lines,
    `  when:  ${violation.timeMs} ms, event ${violation.event}`,
    `  swarm: ${describeSwarm(plan)}`,
    ...plan.faults.map((fault) => `  fault: ${describeFault(fault)}`),
    ...plan.operations.map((operation) => `  asked: ${describeOperation(operation)}`),
  ].join('\n');
}

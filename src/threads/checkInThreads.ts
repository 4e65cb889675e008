/**
 * Decides a history with its hard parts on threads of their own.
 *
 * How hard a part is shows only when it is tried: each gets a short trial first, and mostly that
 * is all, so small histories never see a thread. What the trial leaves undecided is given to
 * threads, also when it is a single part: this thread stays free to show progress and to cancel,
 * and a thread that runs out of memory takes nothing with it. The verdict is that of
 * `checkLinearizable` under the same limits; bytes are shared out among the threads.
 */

import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Budget } from '../../models';
import type { CheckOptions, DividedCheck, Part, PartVerdict, Verdict } from '../../models';
import type { RegisteredModel, SearchProgress } from '../../models';
import type { History, Operation } from '../history';
import { heapUse } from '../runtime/heapUse';
import { decodeVerdict } from './partMessages';
import type { PartOrder, PartReply } from './partMessages';

export interface CheckProgress extends SearchProgress {
  readonly partsDone: number;
  readonly parts: number;
  /** Of the part that is being searched. */
  readonly key: string | undefined;
}

export interface ThreadedCheckOptions extends Omit<CheckOptions, 'onProgress' | 'signal'> {
  /** Threads at most; 0 decides everything here. Default: one for each processor, at most 8. */
  readonly threads?: number;
  /** Configurations after which a part is hard. Default 20 000. */
  readonly trialNodes?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: CheckProgress) => void;
}

const threadsDefaultMax = 8;
const trialNodesDefault = 20_000;
const nodesMaxDefault = 20_000_000;
const bytesMaxDefault = 512 * 1024 * 1024;

/**
 * Decides a history by a model that is known by name (`modelNamed`, `modelFor`): a thread cannot be
 * given a model of one's own, whose functions do not go from one to the other.
 */
export async function checkInThreads(
  history: History | readonly Operation[],
  model: RegisteredModel,
  options: ThreadedCheckOptions = {},
): Promise<Verdict> {
  const division = model.divide(history);
  const limits = { now: () => performance.now(), heap: heapUse, ...options };
  const threads = options.threads ?? Math.min(availableParallelism(), threadsDefaultMax);
  // What a model takes from the rest of the history is not to be had on another thread.
  if (threads === 0 || !division.isPlain) return decideHere(division, limits);
  const whole = new Budget({ ...limits, onProgress: () => undefined });
  const tried = tryAll(division, limits, whole);
  const hard = division.parts.filter((part) => !tried.has(part));
  if (hard.length > 0) {
    await new Threads(model.name, division, tried, whole, options).run(hard, threads);
  }
  const verdicts = division.parts.map((part) => tried.get(part)!);
  return division.verdict(verdicts, whole);
}

function decideHere(division: DividedCheck, options: ThreadedCheckOptions): Verdict {
  const { parts } = division;
  const verdicts: PartVerdict[] = [];
  const budget = new Budget({
    ...options,
    onProgress: (progress) => {
      const { key } = parts[verdicts.length]!;
      const partsDone = verdicts.length;
      options.onProgress?.({ ...progress, key, parts: parts.length, partsDone });
    },
  });
  for (const part of parts) verdicts.push(division.decide(part, budget, options.deciders ?? true));
  return division.verdict(verdicts, budget);
}

/** The verdicts of the parts that need no more than a trial. */
function tryAll(
  division: DividedCheck,
  options: ThreadedCheckOptions,
  whole: Budget,
): Map<Part, PartVerdict> {
  const nodesMax = options.nodesMax ?? nodesMaxDefault;
  const trialNodes = Math.min(nodesMax, options.trialNodes ?? trialNodesDefault);
  const decided = new Map<Part, PartVerdict>();
  for (const part of division.parts) {
    const limits = { ...options, spentMs: whole.elapsedMs, nodesMax: trialNodes };
    const trial = new Budget({ ...limits, onProgress: () => undefined });
    const verdict = division.decide(part, trial, options.deciders ?? true);
    const isHard =
      verdict.verdict === 'unknown' && trial.nodes >= trialNodes && trialNodes < nodesMax;
    if (!isHard) decided.set(part, verdict);
  }
  return decided;
}

/** The threads of one check. */
class Threads {
  private readonly workers = new Set<Worker>();
  private isStopped = false;

  constructor(
    private readonly model: string,
    private readonly division: DividedCheck,
    private readonly decided: Map<Part, PartVerdict>,
    private readonly whole: Budget,
    private readonly options: ThreadedCheckOptions,
  ) {}

  /** Decides the parts; those that a cancellation leaves over are `unknown`. */
  async run(hard: readonly Part[], threadsMax: number): Promise<void> {
    const queue = [...hard];
    const count = Math.min(threadsMax, queue.length);
    const { signal } = this.options;
    const stop = (): void => {
      this.isStopped = true;
      queue.length = 0;
      for (const worker of this.workers) void worker.terminate();
    };
    signal?.addEventListener('abort', stop);
    if (signal?.aborted === true) stop();
    try {
      await Promise.all(Array.from({ length: count }, () => this.work(queue, count)));
    } finally {
      signal?.removeEventListener('abort', stop);
      stop();
    }
    for (const part of hard) {
      if (!this.decided.has(part)) this.giveUp(part, 'the check was cancelled');
    }
  }

  /** One thread after another, as long as there are parts: one that died is replaced. */
  private async work(queue: Part[], threads: number): Promise<void> {
    while (queue.length > 0) {
      const worker = startWorker();
      this.workers.add(worker);
      try {
        await this.serve(worker, queue, threads);
      } finally {
        this.workers.delete(worker);
        await worker.terminate();
      }
    }
  }

  private serve(worker: Worker, queue: Part[], threads: number): Promise<void> {
    return new Promise((resolve, reject) => {
      let part: Part | undefined;
      const next = (): void => {
        part = queue.shift();
        if (part === undefined) resolve();
        else worker.postMessage(this.orderFor(part, threads));
      };
      worker.on('message', (reply: PartReply) => {
        if ('progress' in reply) return this.tell(part!, reply.progress);
        this.decided.set(part!, decodeVerdict(part!, reply.verdict));
        next();
      });
      worker.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ERR_WORKER_OUT_OF_MEMORY') return reject(error);
        if (part !== undefined) this.giveUp(part, 'its thread ran out of memory');
        resolve();
      });
      // After an error or the end of the work this comes last, and changes nothing any more.
      worker.once('exit', (code) => {
        if (this.isStopped || part === undefined) resolve();
        else reject(new Error(`a thread of the check ended with ${code}`));
      });
      next();
    });
  }

  private orderFor(part: Part, threads: number): PartOrder {
    const { budgetMs = Infinity, nodesMax, bytesMax, deciders = true } = this.options;
    return {
      ...{ model: this.model, part, useDeciders: deciders },
      nodesMax: nodesMax ?? nodesMaxDefault,
      bytesMax: Math.floor((bytesMax ?? bytesMaxDefault) / threads),
      ...{ budgetMs, spentMs: this.whole.elapsedMs },
    };
  }

  private tell({ key }: Part, progress: SearchProgress): void {
    const parts = this.division.parts.length;
    this.options.onProgress?.({ ...progress, key, parts, partsDone: this.decided.size });
  }

  private giveUp(part: Part, reason: string): void {
    const { key, operations } = part;
    const facts = { key, method: 'search', operations: operations.length, nodes: 0 };
    this.decided.set(part, { ...facts, verdict: 'unknown', reason });
  }
}

/** The sources run as they are where the program does (tests), else what was compiled. */
function startWorker(): Worker {
  const ending = extname(__filename);
  const own = createRequire(__filename);
  const execArgv = ending === '.ts' ? ['-r', own.resolve('esbuild-register')] : [];
  return new Worker(join(__dirname, `partWorker${ending}`), { execArgv });
}

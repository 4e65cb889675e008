/**
 * What a model of ten lines costs beside the built-in model of the same object, both searched
 * without procedures of their own.
 *
 *   npm run bench:models
 *
 * A line of JSON a history: CPU ms, warm, and configurations of each. Then a summary with the sums
 * and their ratio.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkLinearizable, queue, register, set } from '../models';
import type { Model, Verdict } from '../models';
import { hardHistory } from '../properties/checker/hardHistories';
import { plainQueue, plainRegister, plainSet } from '../properties/checker/tenLineModels';
import type { History, Operation } from '../src/history';
import { generalItems } from './checkerCorpus';

const rounds = 9;
const budgetMs = 10_000;

interface Subject {
  readonly file: string;
  readonly model: string;
  readonly history: History | readonly Operation[];
}

type Check = (history: Subject['history']) => Verdict;

function checkOf<State>(model: Model<State>): Check {
  const limits = { deciders: false, now: () => performance.now(), budgetMs };
  return (history) => checkLinearizable(history, model, limits);
}

const checks: Readonly<Record<string, readonly [builtIn: Check, plain: Check]>> = {
  register: [checkOf(register()), checkOf(plainRegister)],
  set: [checkOf(set()), checkOf(plainSet)],
  queue: [checkOf(queue()), checkOf(plainQueue)],
};

function cpuMs(run: () => void): number {
  const start = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

function measure(check: Check, history: Subject['history']) {
  const { verdict, nodes } = check(history);
  const ms = median(Array.from({ length: rounds }, () => cpuMs(() => void check(history))));
  return { verdict, nodes, cpuMs: Math.round(ms * 100) / 100 };
}

/** Registers with few values and many clients, which no quick refutation settles. */
function casHistories(): readonly Subject[] {
  return [20, 50, 100].map((clients) => {
    const { operations } = hardHistory({
      ...{ seed: 7, clients, operations: 1000 },
      ...{ mix: [1, 1, 1] as const, domain: 5 },
    });
    return { file: `cas5-c${clients}-ok`, model: 'register', history: operations };
  });
}

function main(): void {
  const directory = mkdtempSync(join(tmpdir(), 'bench-models-'));
  const general = generalItems(directory)
    // With ten clients no search of a queue ends.
    .filter(({ file }) => !file.startsWith('queue-c10'))
    .map(({ file, model, load }) => ({ file, model, history: load() }));
  rmSync(directory, { recursive: true });
  const sums = [0, 0];
  for (const { file, model, history } of [...general, ...casHistories()]) {
    const [builtIn, plain] = checks[model]!.map((check) => measure(check, history));
    sums[0]! += builtIn!.cpuMs;
    sums[1]! += plain!.cpuMs;
    console.log(JSON.stringify({ file, model, builtIn, plain }));
  }
  const [builtInMs, plainMs] = sums.map((ms) => Math.round(ms * 100) / 100) as [number, number];
  const ratio = Math.round((100 * plainMs) / builtInMs) / 100;
  console.log(JSON.stringify({ summary: true, builtInMs, plainMs, ratio }));
}

main();

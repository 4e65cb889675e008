/**
 * How long it takes to explain a KV history in which every key is broken: 50 clients, 10 keys,
 * 2 024 operations, as `npm run bench:explain` prints it, a JSON line for each seed and a summary.
 */

import { loadavg } from 'node:os';
import { checkLinearizable, counterexamples, kv } from '../models';
import { kvHistory } from '../properties/checker/kvHistories';

const seeds = [1, 2, 3, 4, 5];
const rounds = 5;

function cpuMs(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

const worst: number[] = [];
for (const seed of seeds) {
  const operations = kvHistory({ seed, clients: 50, operations: 2_024, keys: 10, bad: true });
  const verdict = checkLinearizable(operations, kv());
  let found: ReturnType<typeof counterexamples> = [];
  const cold = cpuMs(() => {
    found = counterexamples(operations, kv(), verdict);
  });
  const warm = Array.from({ length: rounds }, () =>
    cpuMs(() => counterexamples(operations, kv(), verdict)),
  );
  const sizes = found.map((one) => one.operations.length);
  const isMinimal = found.every((one) => one.isMinimal);
  worst.push(Math.max(...warm, cold));
  const line = { seed, explained: found.length, isMinimal, sizes, cpuMsFirst: cold };
  process.stdout.write(`${JSON.stringify({ ...line, cpuMsMedian: median(warm) })}\n`);
}
const summary = { summary: true, cpuMsWorst: Math.max(...worst), load: loadavg()[0] };
process.stdout.write(`${JSON.stringify(summary)}\n`);

/**
 * What threads bring a history whose parts all need a real search: eight registers, deprived of
 * their own procedure, each with a stale read near its end so that all before it is searched.
 *
 *   npm run bench:threads
 *
 * A line of JSON for each number of threads: wall ms, the fastest of three rounds, and how often
 * faster than without threads. The machine must be quiet, with as many processors as threads.
 */

import { createRequire } from 'node:module';
import { availableParallelism, loadavg } from 'node:os';
import { hardHistory } from '../properties/checker/hardHistories';
import type * as Library from '../src';
import type { Operation } from '../src/history';

/** What was compiled, as sources would be compiled anew by every thread. */
const { checkInThreads, modelNamed } = createRequire(__filename)(
  '../dist/src/index.js',
) as typeof Library;

const parts = 8;
const clients = 12;
const operationsEach = 10_000;
const rounds = 2;

/** Registers that are used at the same times, each with a read of an old value near its end. */
function history(): readonly Operation[] {
  return Array.from({ length: parts }, (_, at) => {
    const { operations } = hardHistory({
      ...{ seed: at + 1, clients, operations: operationsEach },
      ...{ mix: [1, 1, 0] as const, domain: 0, bug: 'stale' as const },
    });
    return operations.map((one) => ({
      ...one,
      ...{ id: at * operationsEach + one.id, process: at * clients + one.process, key: `k${at}` },
      ...{ callIndex: undefined, returnIndex: undefined },
    }));
  }).flat();
}

async function main(): Promise<void> {
  const operations = history();
  const model = modelNamed('register')!;
  let alone = 0;
  for (const threads of [0, 1, 2, 4].filter((count) => count <= availableParallelism())) {
    const times: number[] = [];
    let nodes = 0;
    let verdict = '';
    for (let round = 0; round < rounds; round++) {
      const start = performance.now();
      const checked = await checkInThreads(operations, model, { deciders: false, threads });
      times.push(performance.now() - start);
      ({ nodes, verdict } = checked);
    }
    const wallMs = Math.round(Math.min(...times));
    if (threads === 0) alone = wallMs;
    const faster = Math.round((100 * alone) / wallMs) / 100;
    const load = Math.round(10 * loadavg()[0]!) / 10;
    console.log(JSON.stringify({ threads, verdict, parts, nodes, wallMs, faster, load }));
  }
}

void main();

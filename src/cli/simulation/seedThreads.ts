/**
 * The threads of a sweep. Each has one seed at a time, so that the slowest seed holds up nobody
 * and an interrupted sweep loses nothing that it has finished.
 */
import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { SeedOrder, SeedResult } from './runSeed';

/** Runs all orders on so many threads; results come as they are ready. */
export async function runOnThreads(
  orders: Iterator<SeedOrder>,
  threads: number,
  onResult: (result: SeedResult) => void,
): Promise<void> {
  const workers = Array.from({ length: threads }, startWorker);
  try {
    await Promise.all(workers.map((worker) => serve(worker, orders, onResult)));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function serve(
  worker: Worker,
  orders: Iterator<SeedOrder>,
  onResult: (result: SeedResult) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const next = (): void => {
      const order = orders.next();
      if (order.done === true) resolve();
      else worker.postMessage(order.value);
    };
    worker.on('message', (result: SeedResult) => {
      onResult(result);
      next();
    });
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`a thread of the sweep ended with ${code}`)));
    next();
  });
}

/** The sources run as they are where the program does (tests), else what was compiled. */
function startWorker(): Worker {
  const ending = extname(__filename);
  const execArgv = ending === '.ts' ? ['-r', require.resolve('esbuild-register')] : [];
  return new Worker(join(__dirname, `seedWorker${ending}`), { execArgv });
}

/** What runs in each thread of a sweep: takes orders, one seed each, and answers with results. */
import { parentPort } from 'node:worker_threads';
import { runSeed } from './runSeed';
import type { SeedOrder } from './runSeed';

const port = parentPort;
port?.on('message', (order: SeedOrder) => port.postMessage(runSeed(order)));

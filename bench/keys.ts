/**
 * A million keys: how fast they are loaded, what memory the member takes, how long a start takes,
 * and what ranges and counts cost. One member each, the same client.
 *
 *   npm run bench:keys -- [--keys N] [--value-bytes N] [--targets reference,reference-memory,etcd]
 *                         [--node-flags FLAGS] [--directory DIR]
 *
 * One JSON line for each target. `reference` has its state on disk, `reference-memory` in a tree
 * on the heap.
 */
import { randomBytes } from 'node:crypto';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { anonymousBytes, answered, inParallel, MeasuredStore } from './memory/store';

/** Puts in one transaction, as bulk loaders send them. */
const PUTS_PER_TXN = 100;
const WIDTH = 8;
const PAGES = 20;
const PAGE_KEYS = 1000;

const { values: flags } = parseArgs({
  options: {
    keys: { type: 'string', default: '1000000' },
    'value-bytes': { type: 'string', default: '1024' },
    targets: { type: 'string', default: 'reference' },
    'node-flags': { type: 'string', default: '' },
    directory: { type: 'string' },
  },
});

const keyOf = (i: number): string => `key-${String(i).padStart(9, '0')}`;

async function load(store: MeasuredStore, keys: number, value: Buffer): Promise<void> {
  const { client, leaderEndpoint: endpoint } = store;
  await inParallel(Math.ceil(keys / PUTS_PER_TXN), WIDTH, async (index) => {
    const first = index * PUTS_PER_TXN;
    const count = Math.min(PUTS_PER_TXN, keys - first);
    const success = Array.from({ length: count }, (_, i) => ({
      op: 'put' as const,
      key: keyOf(first + i),
      value,
    }));
    await answered(client.txn({ success }, { endpoint }));
  });
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

/** Runs `times` times and returns the middle one. */
async function medianMs(times: number, run: (i: number) => Promise<unknown>): Promise<number> {
  const all: number[] = [];
  for (let i = 0; i < times; i++) all.push(await timed(() => run(i)));
  return Number(all.sort((a, b) => a - b)[times >> 1]!.toFixed(2));
}

/** The longest of the puts that are sent, one after the other, while `run` goes on. */
async function slowestPutMs(store: MeasuredStore, run: Promise<unknown>): Promise<number> {
  const { client, leaderEndpoint: endpoint } = store;
  let going = true;
  const stop = run.finally(() => (going = false));
  let slowest = 0;
  while (going) {
    const put = client.put({ key: 'other', value: 'x' }, { endpoint });
    slowest = Math.max(slowest, await timed(() => answered(put)));
  }
  await stop;
  return Number(slowest.toFixed(2));
}

async function reads(store: MeasuredStore, keys: number) {
  const { client, leaderEndpoint: endpoint } = store;
  const at = (i: number): number => Math.floor(((i + 0.5) * (keys - PAGE_KEYS)) / PAGES);
  const all = { key: 'key-', rangeEnd: 'key.' };
  const countAll = () => answered(client.range({ ...all, countOnly: true }, { endpoint }));
  let counted = 0;
  // Nobody has counted at this revision, so every key is looked at.
  const countMs = await timed(async () => (counted = Number((await countAll()).value.count)));
  if (counted !== keys) throw new Error(`${counted} keys are there, not ${keys}`);
  const { raftTerm } = (await answered(client.status({ endpoint }))).value;
  await answered(client.put({ key: 'other', value: 'y' }, { endpoint }));
  const putDuringCountMs = await slowestPutMs(store, countAll());
  const after = await answered(client.status({ endpoint }));
  const revision = Number(after.revision);
  let from = all.key;
  const pages: number[] = [];
  for (let page = 0; page <= PAGES; page++) {
    const request = { key: from, rangeEnd: all.rangeEnd, limit: PAGE_KEYS, revision };
    const startMs = performance.now();
    const { value } = await answered(client.range(request, { endpoint }));
    pages.push(performance.now() - startMs);
    from = `${value.kvs.at(-1)!.key.toString()}\0`;
  }
  const [firstPageMs, ...laterPages] = pages;
  return {
    getMs: await medianMs(PAGES, (i) =>
      answered(client.range({ key: keyOf(at(i)) }, { endpoint })),
    ),
    range1000Ms: await medianMs(PAGES, (i) => {
      const range = { key: keyOf(at(i)), rangeEnd: keyOf(at(i) + PAGE_KEYS) };
      return answered(client.range(range, { endpoint }));
    }),
    countMs: Number(countMs.toFixed(2)),
    putDuringCountMs,
    termChanges: Number(after.value.raftTerm - raftTerm),
    firstPageMs: Number(firstPageMs!.toFixed(2)),
    laterPageMs: Number(laterPages.sort((a, b) => a - b)[PAGES >> 1]!.toFixed(2)),
  };
}

async function measure(target: string): Promise<void> {
  const keys = Number(flags.keys);
  const keysMin = (PAGES + 2) * PAGE_KEYS;
  if (!(keys >= keysMin)) throw new Error(`--keys ${flags.keys}: at least ${keysMin} are read`);
  const value = randomBytes(Number(flags['value-bytes']));
  await using store = await MeasuredStore.start({
    target: target === 'etcd' ? 'etcd' : 'reference',
    memberCount: 1,
    flags: target === 'reference-memory' ? ['--backend', 'memory'] : [],
    nodeFlags: flags['node-flags'].split(' ').filter((flag) => flag !== ''),
    directory: flags.directory,
  });
  let highest = 0;
  const look = (): void => {
    const pid = store.cluster.members()[0]?.pid;
    if (pid !== undefined) highest = Math.max(highest, anonymousBytes(pid));
  };
  const sampler = setInterval(look, 50);
  try {
    const loadMs = await timed(() => load(store, keys, value));
    const loadMax = highest;
    const readFigures = await reads(store, keys);
    const readMax = highest;
    store.assertUp();
    const { name } = store.cluster.members()[0]!;
    await store.cluster.stop(name);
    highest = 0;
    const startMs = await timed(async () => {
      await store.cluster.start(name);
      await untilServed(store);
    });
    look();
    console.log(
      JSON.stringify({
        case: 'keys',
        target,
        keys,
        valueBytes: value.length,
        loadSeconds: Number((loadMs / 1000).toFixed(1)),
        keysPerSecond: Math.round((keys / loadMs) * 1000),
        anonMaxLoadingBytes: loadMax,
        anonMaxReadingBytes: readMax,
        startSeconds: Number((startMs / 1000).toFixed(2)),
        anonMaxStartingBytes: highest,
        ...readFigures,
        loadAverages: loadavg().map((average) => Number(average.toFixed(2))),
      }),
    );
  } finally {
    clearInterval(sampler);
  }
}

/** Until a linearizable read is answered. */
async function untilServed(store: MeasuredStore): Promise<void> {
  for (;;) {
    const outcome = await store.client.range({ key: keyOf(0) }, { endpoint: 0, timeoutMs: 1000 });
    if (outcome.type === 'ok') return;
    store.client.reconnect(0);
  }
}

async function main(): Promise<void> {
  for (const target of flags.targets.split(',')) {
    if (!['reference', 'reference-memory', 'etcd'].includes(target)) {
      throw new Error(`there is no target ${target}: reference, reference-memory, etcd`);
    }
    await measure(target);
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});

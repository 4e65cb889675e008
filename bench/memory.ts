/**
 * Anonymous memory of members under writes, whatever the size of entries: the reference beside
 * etcd, the same client, the same run. Old revisions are compacted every 64 MiB on both, so what
 * is measured is the log and the process, not a state that grows.
 *
 *   npm run bench:memory -- [--cases LIST] [--targets LIST] [--bytes N] [--etcd-bytes N]
 *                           [--members N] [--node-flags FLAGS] [--directory DIR]
 *
 * One JSON line for each case and target. `anonMaxBytes` is the largest of any member at any
 * time; `slope` is in bytes of memory per byte written, over the member whose slope is largest,
 * by the criterion of `models/memory` (bounds of its interval beside it).
 */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { judgeMemory, median, mib, type MemorySample } from '../models/memory';
import { MEMORY_CASES, type MemoryCase } from './memory/cases';
import { answered, inParallel, MeasuredStore } from './memory/store';

const MIB = 2 ** 20;
/** Old revisions are dropped this often; these many stay. */
const COMPACT_EVERY_BYTES = 64 * MIB;
const REVISIONS_KEPT = 10;
/** As many in a short run as the criterion wants, and one in 16 MiB of a long one. */
const SAMPLES_MIN = 64;
const SAMPLE_EVERY_BYTES = 16 * MIB;

const { values: flags } = parseArgs({
  options: {
    cases: { type: 'string', default: Object.keys(MEMORY_CASES).join(',') },
    targets: { type: 'string', default: 'etcd,reference' },
    /** Payload of each case, for the reference and for etcd. Default: the case's own. */
    bytes: { type: 'string' },
    'etcd-bytes': { type: 'string' },
    members: { type: 'string', default: '3' },
    'node-flags': { type: 'string', default: '' },
    directory: { type: 'string' },
  },
});

/** A sample of every member each time so much was written, and the highest of all moments. */
class Sampler {
  readonly members: MemorySample[][];
  max = 0;
  private next = 0;
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly store: MeasuredStore,
    private readonly writtenBytes: () => number,
    private readonly everyBytes: number,
  ) {
    this.members = store.anonymous().map(() => []);
    // Often enough to see a peak between two samples by bytes.
    this.timer = setInterval(() => this.look(), 50);
  }

  look(): void {
    const now = this.store.anonymous();
    this.max = Math.max(this.max, ...now);
    const writtenBytes = this.writtenBytes();
    if (writtenBytes < this.next) return;
    this.next = writtenBytes + this.everyBytes;
    now.forEach((anonBytes, i) => this.members[i]?.push({ writtenBytes, anonBytes }));
  }

  stop(): void {
    clearInterval(this.timer);
  }
}

async function write(store: MeasuredStore, { load }: MemoryCase, bytes: number): Promise<Sampler> {
  const { client, leaderEndpoint } = store;
  let written = 0;
  let compacted = 0;
  const everyBytes = Math.min(SAMPLE_EVERY_BYTES, bytes / SAMPLES_MIN);
  const sampler = new Sampler(store, () => written, everyBytes);
  try {
    await inParallel(Math.ceil(bytes / load.requestBytes), load.width, async (index) => {
      const revision = await load.send(client, leaderEndpoint, index);
      written += load.requestBytes;
      if (written - compacted < COMPACT_EVERY_BYTES) return;
      compacted = written;
      const request = { revision: Math.max(1, revision - REVISIONS_KEPT) };
      await answered(client.compact(request, { endpoint: leaderEndpoint }));
    });
    sampler.look();
    store.assertUp();
  } finally {
    sampler.stop();
  }
  return sampler;
}

async function measure(name: string, target: 'reference' | 'etcd'): Promise<void> {
  const memoryCase = MEMORY_CASES[name]!;
  const asked = target === 'etcd' ? flags['etcd-bytes'] : flags.bytes;
  const usual = target === 'etcd' ? memoryCase.etcdBytes : memoryCase.bytes;
  const bytes = asked === undefined ? usual : Number(asked);
  await using store = await MeasuredStore.start({
    target,
    memberCount: Number(flags.members),
    nodeFlags: flags['node-flags'].split(' ').filter((flag) => flag !== ''),
    directory: flags.directory,
  });
  const before = store.anonymous();
  const startMs = performance.now();
  const sampler = await write(store, memoryCase, bytes);
  const seconds = (performance.now() - startMs) / 1000;
  // A quarter of a short run warms up; judgements of the criterion itself need 1.25 GiB.
  const judged = sampler.members.map((samples) =>
    judgeMemory(samples, { warmUpBytes: Math.min(256 * MIB, bytes / 4), samplesMin: 16 }),
  );
  const slopes = judged.flatMap(({ estimate }) => (estimate === undefined ? [] : [estimate]));
  const steepest = slopes.sort((a, b) => b.slope - a.slope)[0];
  const secondHalf = sampler.members.map((samples) =>
    median(samples.slice(samples.length >> 1).map(({ anonBytes }) => anonBytes)),
  );
  console.log(
    JSON.stringify({
      case: name,
      target,
      entryBytes: Math.round(memoryCase.load.requestBytes),
      writtenBytes: Math.round(bytes),
      anonStartBytes: Math.max(...before),
      anonMaxBytes: sampler.max,
      anonMedianBytes: Math.max(...secondHalf),
      anonMax: mib(sampler.max),
      slope: round(steepest?.slope),
      slopeLow: round(steepest?.low),
      slopeHigh: round(steepest?.high),
      growth: judged.map(({ growth }) => growth),
      mibPerSecond: round(bytes / MIB / seconds),
      loadAverages: loadavg().map((value) => round(value)),
    }),
  );
}

function round(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Number(value.toFixed(3));
}

async function main(): Promise<void> {
  const cases = flags.cases.split(',');
  const unknown = cases.find((name) => !(name in MEMORY_CASES));
  if (unknown !== undefined) {
    throw new Error(`there is no case ${unknown}: ${Object.keys(MEMORY_CASES).join(', ')}`);
  }
  for (const name of cases) {
    for (const target of flags.targets.split(',')) {
      if (target !== 'etcd' && target !== 'reference') {
        throw new Error(`there is no target ${target}: etcd, reference`);
      }
      await measure(name, target);
    }
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});

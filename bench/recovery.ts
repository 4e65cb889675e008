/**
 * A follower that is far behind comes back while writes go on: once by the log, once by a
 * snapshot. Whether the leader's memory stays where it was, and how long it takes.
 *
 *   npm run bench:recovery -- [--ways log,snapshot] [--behind-bytes N] [--target reference|etcd]
 *                             [--value-bytes N] [--node-flags FLAGS] [--directory DIR]
 *
 * One JSON line for each way. `leaderAnonBeforeBytes` is the largest that the leader had while it
 * took the same writes with a follower down; `leaderAnonRiseBytes` is how far it rose above that
 * until the follower had caught up.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { setTimeout as pass } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { anonymousBytes, answered, inParallel, MeasuredStore } from './memory/store';

const MIB = 2 ** 20;
/** Keys written in turn: the state stays this large whatever is written. */
const KEYS = 256;
const WIDTH = 8;
/** Written on while the follower recovers, a request at a time with a pause between. */
const PAUSE_MS = 20;
const COMPACT_EVERY_BYTES = 64 * MIB;
const RECOVERY_LIMIT_MS = 300_000;

const { values: flags } = parseArgs({
  options: {
    ways: { type: 'string', default: 'log,snapshot' },
    target: { type: 'string', default: 'reference' },
    'behind-bytes': { type: 'string', default: String(512 * MIB) },
    'value-bytes': { type: 'string', default: String(64 * 1024) },
    'node-flags': { type: 'string', default: '' },
    directory: { type: 'string' },
  },
});

type Way = 'log' | 'snapshot';

/** A window of log that covers what the follower misses, or one that does not. */
function windowFlags(way: Way, behindBytes: number): string[] {
  if (flags.target === 'etcd') return [];
  const bytes = way === 'log' ? 2 * behindBytes : Math.ceil(behindBytes / 8);
  return [
    ...['--snapshot-catchup-bytes', String(bytes)],
    ...['--snapshot-catchup-entries', String(1_000_000)],
  ];
}

class Writer {
  written = 0;
  private compacted = 0;
  private next = 0;
  private readonly value: Buffer;

  constructor(
    private readonly store: MeasuredStore,
    private readonly endpoint: number,
    valueBytes: number,
  ) {
    this.value = randomBytes(valueBytes);
  }

  async one(): Promise<void> {
    const { client } = this.store;
    const { value, endpoint } = this;
    const key = `key-${this.next++ % KEYS}`;
    const { revision } = await answered(client.put({ key, value }, { endpoint }));
    this.written += value.length;
    if (this.written - this.compacted < COMPACT_EVERY_BYTES) return;
    this.compacted = this.written;
    await answered(client.compact({ revision: Math.max(1, Number(revision) - 10) }, { endpoint }));
  }

  async bytes(bytes: number): Promise<void> {
    await inParallel(Math.ceil(bytes / this.value.length), WIDTH, () => this.one());
  }
}

async function measure(way: Way): Promise<void> {
  const behindBytes = Number(flags['behind-bytes']);
  const target = flags.target === 'etcd' ? 'etcd' : 'reference';
  await using store = await MeasuredStore.start({
    target,
    memberCount: 3,
    flags: windowFlags(way, behindBytes),
    nodeFlags: flags['node-flags'].split(' ').filter((flag) => flag !== ''),
    directory: flags.directory,
  });
  const { cluster, leaderEndpoint } = store;
  const members = cluster.members();
  const leaderPid = store.pidOf(leaderEndpoint);
  const lagging = members[(leaderEndpoint + 1) % members.length]!.name;
  const writer = new Writer(store, leaderEndpoint, Number(flags['value-bytes']));
  let highest = 0;
  const sampler = setInterval(() => (highest = Math.max(highest, anonymousBytes(leaderPid))), 20);
  try {
    // The level before: the same load, everybody up.
    await writer.bytes(64 * MIB);
    await cluster.stop(lagging);
    await writer.bytes(behindBytes);
    const before = highest;
    highest = 0;
    const startMs = performance.now();
    await cluster.start(lagging);
    const writtenBefore = writer.written;
    const took = await untilCaughtUp(store, lagging, writer, startMs);
    const logPath = cluster.log(lagging);
    const log = logPath !== undefined && existsSync(logPath) ? readFileSync(logPath, 'utf8') : '';
    const snapshots = log.match(/installed a snapshot|applied snapshot/g)?.length ?? 0;
    store.assertUp();
    console.log(
      JSON.stringify({
        case: `recover-by-${way}`,
        target,
        behindBytes,
        snapshots,
        seconds: Number((took / 1000).toFixed(1)),
        writtenMeanwhileBytes: writer.written - writtenBefore,
        leaderAnonBeforeBytes: before,
        leaderAnonMaxBytes: highest,
        leaderAnonRiseBytes: Math.max(0, highest - before),
        loadAverages: loadavg().map((value) => Number(value.toFixed(2))),
      }),
    );
    if (target === 'reference' && snapshots > 0 !== (way === 'snapshot')) {
      throw new Error(`the follower came back with ${snapshots} snapshots, not by ${way}`);
    }
  } finally {
    clearInterval(sampler);
  }
}

/** Goes on writing until the follower has what was written when it was asked. */
async function untilCaughtUp(
  store: MeasuredStore,
  name: string,
  writer: Writer,
  startMs: number,
): Promise<number> {
  const { cluster, client, leaderEndpoint } = store;
  const members = cluster.members();
  const endpoint = members.findIndex((member) => member.name === name);
  for (;;) {
    await writer.one();
    const leader = await answered(client.status({ endpoint: leaderEndpoint }));
    // A member that has just started may not answer yet.
    const follower = await client.range({ key: 'key-0', serializable: true }, { endpoint });
    const reached = follower.type === 'ok' ? Number(follower.revision) : 0;
    const took = performance.now() - startMs;
    if (reached >= Number(leader.revision) - WIDTH) return took;
    if (took > RECOVERY_LIMIT_MS) {
      throw new Error(`${name} is at revision ${reached} of ${leader.revision} after ${took} ms`);
    }
    await pass(PAUSE_MS);
  }
}

async function main(): Promise<void> {
  for (const way of flags.ways.split(',')) {
    if (way !== 'log' && way !== 'snapshot') {
      throw new Error(`there is no way ${way}: log, snapshot`);
    }
    await measure(way);
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});

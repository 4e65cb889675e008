/**
 * Slow watchers: streams that stop reading while much is written and then go on. Every event must
 * come once and in order, and what the server holds back for them must be bounded: what is behind
 * can be read again from the store.
 */
import { EtcdClient, type WatchStream } from '../../src/client';
import { mib } from '../../models/memory';
import type { PropertyResult } from '../../reports';
import { waitFor } from '../wait';
import { skipped, type Scenario } from './scenario';
import { Stage } from './stage';

const MIB = 2 ** 20;
const streamCount = 10;
const valueBytes = 64 * 1024;
const backlogBytes = 128 * MIB;
/** What the backlog may cost: buffers of all streams together, and some for each. */
const allowedBytes = 64 * MIB + 8 * MIB * streamCount;
const drainLimitMs = 120_000;
const colour = '#3c9d8f';

export const watchers: Scenario = {
  name: 'watchers',
  promise: 'Watchers that stop reading and resume get every event once, in order, at bounded cost',
  isTimed: false,
  run: async (context) => {
    const target = await context.cluster('watchers', { snapshotCount: 100, catchUpEntries: 500 });
    return [await Stage.play(context, 'watchers', target, script)];
  },
};

/** One stream and what it has seen. */
class SlowReader {
  readonly problems: string[] = [];
  seen = 0;
  private last = 0;
  private readonly client: EtcdClient;
  private readonly stream: WatchStream;
  isReady = false;

  constructor(
    private readonly name: string,
    clientUrl: string,
  ) {
    // A connection of its own: streams on one share its buffers.
    this.client = new EtcdClient({ endpoints: [clientUrl] });
    this.stream = this.client.watch({
      onResponse: ({ events, created, canceled, cancelReason }) => {
        if (created) this.isReady = true;
        if (canceled) this.problems.push(`${this.name} was canceled: ${cancelReason}`);
        for (const { kv } of events) this.observe(Number(kv?.modRevision ?? 0));
      },
      onEnd: ({ error, code }) => {
        if (code !== 'cancelled') this.problems.push(`${this.name} ended: ${error}`);
      },
    });
    this.stream.create({ key: 'w', rangeEnd: 'x' });
  }

  pause(): void {
    this.stream.pause();
  }

  resume(): void {
    this.stream.resume();
  }

  close(): void {
    this.stream.close();
    this.client.close();
  }

  private observe(revision: number): void {
    if (revision <= this.last) {
      this.problems.push(`${this.name}: revision ${revision} after ${this.last}`);
    }
    this.last = revision;
    this.seen += 1;
  }
}

async function script(stage: Stage): Promise<readonly PropertyResult[]> {
  const { cluster, context } = stage;
  const member = (await cluster.leader())!;
  const { clientUrl } = cluster.members().find(({ name }) => name === member)!;
  const readers = Array.from(
    { length: streamCount },
    (_, i) => new SlowReader(`watcher ${i}`, clientUrl),
  );
  try {
    await waitFor(() => (readers.every(({ isReady }) => isReady) ? true : undefined), {
      ...{ what: 'the watches to be created', limitMs: 10_000, signal: context.signal },
    });
    // Warm: what the server needs for the writes alone is not the watchers' cost.
    const write = (count: number) =>
      stage.write({ count, valueBytes, key: (i) => `w${i % 50}`, members: [member] });
    await write(512);
    await drained(readers, 512, context.signal);
    stage.sample();
    const before = stage.peakBytes(member);
    const count = backlogBytes / valueBytes;
    await stage.during('watchers stop reading', [member], colour, async () => {
      for (const reader of readers) reader.pause();
      await write(count);
    });
    context.onProgress('watchers: reading what they missed');
    const sampling = setInterval(() => stage.sample(), 100);
    try {
      for (const reader of readers) reader.resume();
      await drained(readers, 512 + count, context.signal);
    } finally {
      clearInterval(sampling);
    }
    stage.sample();
    return [complete(readers, 512 + count), bounded(stage, member, before)];
  } finally {
    for (const reader of readers) reader.close();
  }
}

/** Until all have seen everything, or the limit has passed: then the check says who has not. */
async function drained(
  readers: readonly SlowReader[],
  count: number,
  signal: AbortSignal,
): Promise<void> {
  const what = `all watchers to see ${count} events`;
  const isDone = (): true | undefined =>
    readers.every(({ seen, problems }) => seen >= count || problems.length > 0) || undefined;
  await waitFor(isDone, { what, limitMs: drainLimitMs, signal }).catch(() => undefined);
}

function complete(readers: readonly SlowReader[], count: number): PropertyResult {
  const problems = readers.flatMap((reader, i) => {
    const short = reader.seen === count ? [] : [`watcher ${i}: ${reader.seen} events of ${count}`];
    return [...reader.problems.slice(0, 3), ...short];
  });
  const base = {
    id: 'every-event-once',
    title: 'Watchers that were slow get every event once and in order',
    evidence: { counts: { watchers: readers.length, events: count } },
  };
  if (problems.length === 0) return { ...base, verdict: 'ok' };
  const counterexample = { title: problems[0]!, lines: problems.slice(0, 20) };
  return { ...base, verdict: 'fail', reason: problems[0]!, counterexample };
}

function bounded(stage: Stage, member: string, before: number): PropertyResult {
  const id = 'backlog-is-bounded';
  const title = `A backlog of ${mib(backlogBytes)} for ${streamCount} watchers costs the server no
    more than ${mib(allowedBytes)}`.replace(/\s+/g, ' ');
  const peak = stage.peakBytes(member);
  if (peak === 0) return skipped(id, title, 'the memory of the members cannot be seen');
  const cost = peak - before;
  const counts = { 'MiB before': Math.round(before / MIB), 'MiB at most': Math.round(peak / MIB) };
  const base = { id, title, evidence: { counts } };
  if (cost <= allowedBytes) return { ...base, verdict: 'ok' };
  return { ...base, verdict: 'fail', reason: `it cost ${mib(cost)}` };
}

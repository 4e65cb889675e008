/**
 * A snapshot is interrupted: its receiver is stopped, killed or cut off in the middle, while
 * clients go on writing. The cluster must converge without sending snapshots round and round, and
 * a receiver that stands still must not cost the leader memory.
 *
 * Every etcd up to now fails the last: it stops compacting its log, which is in memory, for as
 * long as a snapshot is on its way. The leader is compared with a healthy follower, which has the
 * same window, so that only what the stalled one costs is left.
 */
import { judgeMemory, mib, type MemorySample } from '../../models/memory';
import type { PropertyResult } from '../../reports';
import type { Cluster } from '../target';
import { snapshotsInstalled } from '../snapshotLog';
import { pause } from '../wait';
import { sameState } from './sameState';
import { isReference, skipped, type Scenario } from './scenario';
import { Stage } from './stage';

const MIB = 2 ** 20;
const valueBytes = 64 * 1024;
/** Keys of the state: a snapshot that takes a while. */
const keyCount = 2_000;
/** Slow enough that a snapshot is still on its way when its receiver is hit. */
const slowBytesPerSecond = 12 * MIB;
const intoTheSnapshotMs = 2_500;
/** What is written while the receiver stands still; a log in memory shows after much less. */
const stalledBytes = 512 * MIB;
/** In etcd a snapshot that stands still keeps all that is overwritten meanwhile on the disk. */
const quotaBytes = 8 * 1024 * MIB;
/** A snapshot of the whole state, on a machine that may be busy: 1 MiB a second will do. */
const madeGoodLimitMs = 180_000;
/** Snapshots per interruption; more would be a cycle. */
const snapshotsMax = 2;
const colour = '#c77d2e';

type Interruption = 'pause' | 'kill' | 'partition';

export const snapshot: Scenario = {
  name: 'snapshot',
  promise: 'An interrupted snapshot is no harm: the follower recovers, the leader stays small',
  isTimed: false,
  run: async (context) => {
    const target = await context.cluster('snapshot', {
      ...{ snapshotCount: 100, catchUpEntries: 200, quotaBytes },
    });
    const lacking = needs(target);
    if (lacking !== undefined) return [await nothing(context, target, lacking)];
    return [
      await Stage.play(context, 'snapshot', target, async (stage) => {
        const isOurs = isReference(target.description);
        const window = isOurs ? 200 : 5_000;
        await stage.write({ count: keyCount, valueBytes, key, compactBytes: 64 * MIB });
        const results: PropertyResult[] = [];
        for (const how of ['kill', 'partition', 'pause'] as const) {
          if (context.signal.aborted) break;
          context.onProgress(`snapshot: interrupted by ${how}`);
          results.push(...(await interrupt(stage, how, window)));
        }
        return [...results, await sameState(stage)];
      }),
    ];
  },
};

function key(i: number): string {
  return `k${i % keyCount}`;
}

function needs({ capabilities, missing }: Cluster): string | undefined {
  const lacking = (['kill', 'pause', 'partition'] as const).filter((one) => !capabilities.has(one));
  if (lacking.length === 0) return undefined;
  return lacking.map((one) => missing?.get(one) ?? `the target cannot ${one}`).join(', ');
}

function nothing(context: Parameters<Scenario['run']>[0], target: Cluster, reason: string) {
  return Stage.play(context, 'snapshot', target, () =>
    Promise.resolve([skipped('interrupted-snapshot', snapshot.promise, reason)]),
  );
}

async function interrupt(
  stage: Stage,
  how: Interruption,
  window: number,
): Promise<readonly PropertyResult[]> {
  const { cluster } = stage;
  await stage.untilHealed();
  const leader = (await cluster.leader())!;
  const [follower, healthy] = stage.names.filter((name) => name !== leader) as [string, string];
  const others = [leader, healthy];
  const before = snapshotsInstalled(cluster, follower);
  await cluster.kill(follower);
  await stage.write({ count: window + 300, valueBytes, key, members: others });
  if (cluster.capabilities.has('bandwidth')) {
    await cluster.shape(leader, follower, { bytesPerSecond: slowBytesPerSecond });
  }
  await cluster.start(follower);
  await pause(intoTheSnapshotMs, stage.context.signal);
  const inTheMiddle = snapshotsInstalled(cluster, follower) === before;
  const excess: MemorySample[] = [];
  await stage.during(`${how} receiver of a snapshot`, [follower], colour, async () => {
    if (how === 'kill') await cluster.kill(follower);
    else if (how === 'pause') await cluster.pause(follower);
    else for (const other of others) await cutBoth(stage, other, follower);
    const from = stage.writtenBytes;
    const bytes = how === 'pause' ? stalledBytes : stalledBytes / 8;
    while (stage.writtenBytes - from < bytes) {
      await stage.write({ count: 128, valueBytes, key, members: others, compactBytes: 64 * MIB });
      const [of, than] = [stage.curve(leader).at(-1), stage.curve(healthy).at(-1)];
      if (!of || !than) continue;
      const anonBytes = of.anonBytes - than.anonBytes;
      excess.push({ writtenBytes: of.writtenBytes - from, anonBytes });
    }
    if (how === 'kill') await cluster.start(follower);
    else if (how === 'pause') await cluster.resume(follower);
    await cluster.mendAll();
  });
  await stage.untilHealed(madeGoodLimitMs);
  const converged = await converges(stage, follower, how, inTheMiddle);
  const count = (snapshotsInstalled(cluster, follower) ?? 0) - (before ?? 0);
  return [
    converged,
    noCycle(how, count),
    ...(how === 'pause' ? [leaderStaysSmall(excess, inTheMiddle)] : []),
  ];
}

async function cutBoth({ cluster }: Stage, a: string, b: string): Promise<void> {
  await cluster.cut(a, b);
  await cluster.cut(b, a);
}

async function converges(
  stage: Stage,
  follower: string,
  how: Interruption,
  inTheMiddle: boolean,
): Promise<PropertyResult> {
  const base = {
    id: `converges-${how}`,
    title: `A snapshot whose receiver meets "${how}" in the middle is made good`,
  };
  const start = performance.now();
  const same = await sameState(stage, madeGoodLimitMs);
  const seconds = (performance.now() - start) / 1_000;
  const evidence = { faults: 1, seconds };
  if (same.verdict !== 'ok') {
    const reason = `${follower}: ${same.reason ?? 'differs'}`;
    return { ...base, evidence, verdict: same.verdict, reason };
  }
  if (inTheMiddle) return { ...base, evidence, verdict: 'ok' };
  const reason = 'the snapshot was installed before its receiver was hit';
  return { ...base, evidence, verdict: 'unknown', reason };
}

function noCycle(how: Interruption, count: number): PropertyResult {
  const base = {
    id: `no-cycle-${how}`,
    title: `After "${how}" no more than ${snapshotsMax} snapshots are needed`,
    evidence: { counts: { snapshots: count } },
  };
  if (count > snapshotsMax) {
    return { ...base, verdict: 'fail', reason: `${count} snapshots were installed` };
  }
  return { ...base, verdict: 'ok' };
}

function leaderStaysSmall(excess: readonly MemorySample[], inTheMiddle: boolean): PropertyResult {
  const id = 'stalled-receiver-costs-nothing';
  const title = 'A receiver that stands still in the middle of a snapshot costs the leader nothing';
  if (excess.length === 0) return skipped(id, title, 'the memory of the members cannot be seen');
  const judged = judgeMemory(excess, { warmUpBytes: 0, levelMaxBytes: 256 * MIB });
  const most = Math.max(...excess.map(({ anonBytes }) => anonBytes));
  const counts = { samples: excess.length, 'MiB more than a follower': Math.round(most / MIB) };
  const base = { id, title, evidence: { counts } };
  if (!inTheMiddle) {
    return { ...base, verdict: 'unknown', reason: 'the snapshot was over before that' };
  }
  if (judged.verdict === 'ok') return { ...base, verdict: 'ok' };
  const reason = `${judged.because}; at most ${mib(most)} more than a healthy follower`;
  return { ...base, verdict: judged.verdict, reason };
}

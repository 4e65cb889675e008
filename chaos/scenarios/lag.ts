/**
 * A follower falls behind and comes back: by what it missed, from the log or with a snapshot.
 *
 * Before it leaves, the cluster is idle and the follower has everything, so what it has is known;
 * up to where the others have forgotten their logs is read off when it is back. `lagRules` says
 * what must follow. At the end all members must hold the same, revision by revision.
 */
import { mib } from '../../models/memory';
import type { PropertyResult } from '../../reports';
import { compactedIndex } from '../logWindow';
import { snapshotsInstalled } from '../snapshotLog';
import { waitFor } from '../wait';
import {
  asPredicted,
  predict,
  recovered,
  stepsOf,
  windowKept,
  type Cause,
  type Outcome,
  type Step,
} from './lagRules';
import { referenceBytesMax } from './memory';
import { sameState } from './sameState';
import { isReference, skipped, type Scenario } from './scenario';
import { Stage } from './stage';

const valueBytes = 512;
const recoverLimitMs = 60_000;
const idleLimitMs = 20_000;
/** Writes between two looks at whether the follower's last entry is forgotten. */
const lookEvery = 50;
/** The log may be held for a while for a snapshot (M7); beyond, it would grow for ever. */
const forgottenEntriesMax = 40_000;
const colour = '#8a63d2';

export const lag: Scenario = {
  name: 'lag',
  promise: 'A follower that fell behind catches up, from the log or by a snapshot as promised',
  isTimed: false,
  run: async (context) => {
    const target = await context.cluster('lag', { snapshotCount: 200, catchUpEntries: 400 });
    // etcd keeps 5000 entries whatever it is told.
    const isOurs = isReference(target.description);
    const window = { entries: isOurs ? 400 : 5_000, between: 200 };
    const steps = stepsOf(window, context.isShort);
    const possible = steps.filter(({ cause }) => target.capabilities.has(cause));
    const run = await Stage.play(context, 'lag', target, async (stage) => {
      const outcomes: Outcome[] = [];
      await write(stage, window.between + 50);
      for (const [i, step] of possible.entries()) {
        const { cause, distance } = step;
        const far = distance === 'forgotten' ? 'until it is forgotten' : `for ${distance}`;
        context.onProgress(`lag: ${i + 1} of ${possible.length}, ${cause} ${far}`);
        outcomes.push(await fallBehind(stage, step));
      }
      return [
        recovered(outcomes, recoverLimitMs),
        asPredicted(outcomes),
        windowKept(outcomes, window),
        await sameState(stage),
        leaderBounded(stage),
      ];
    });
    const missing = [...new Set(steps.map(({ cause }) => cause))].filter(
      (cause) => !target.capabilities.has(cause),
    );
    const because = (cause: Cause) =>
      `the target cannot ${cause}: ${target.missing?.get(cause) ?? 'not possible'}`;
    return [
      {
        ...run,
        properties: [
          ...run.properties,
          ...missing.map((one) => skipped(`lag-${one}`, `Lag by ${one}`, because(one))),
        ],
      },
    ];
  },
};

function write(stage: Stage, count: number, members?: readonly string[]): Promise<void> {
  const among = members === undefined ? {} : { members };
  const key = (i: number): string => `k${i % 100}`;
  return stage.write({ count, valueBytes, key, concurrency: 32, ...among });
}

async function fallBehind(stage: Stage, step: Step): Promise<Outcome> {
  const { cluster } = stage;
  await stage.untilHealed();
  const leader = (await cluster.leader())!;
  const follower = stage.names.find((name) => name !== leader)!;
  const others = stage.names.filter((name) => name !== follower);
  const match = await idle(stage);
  const installedBefore = snapshotsInstalled(cluster, follower);
  const title = `${step.cause}, lag ${step.distance}`;
  return stage.during(title, [follower], colour, async () => {
    await leave(stage, step.cause, follower, others);
    if (step.distance === 'forgotten') await writeUntilForgotten(stage, leader, others, match);
    else await write(stage, step.distance, others);
    const missed = Number((await cluster.status(leader, idleLimitMs)).raftIndex) - match;
    const isReset = step.cause === 'partition' && cluster.capabilities.has('reset');
    if (isReset) await cluster.breakConnections(follower);
    const keepsConnections = step.cause !== 'kill' && !isReset;
    const before = await compactedOf(stage, others);
    const start = performance.now();
    await comeBack(stage, step.cause, follower);
    const caughtUp = await catchUp(stage, follower);
    const recoveredMs = caughtUp ? performance.now() - start : undefined;
    stage.sample();
    // Where the leader is another one than before, it may be any of the others.
    const isSame = (await cluster.leader()) === leader;
    const after = await compactedOf(stage, others);
    const may = others.flatMap((name, i) =>
      isSame && name !== leader ? [] : [before[i], after[i]],
    );
    const installed = snapshotsInstalled(cluster, follower);
    const isKnown = installedBefore !== undefined && installed !== undefined;
    const seen = !isKnown ? 'unknown' : installed > installedBefore ? 'snapshot' : 'log';
    const expected = predict(keepsConnections, match, may);
    return { ...step, lag: missed, expected, seen, recoveredMs };
  });
}

/** Waits until all members have all entries, and returns the last one. */
async function idle({ cluster, names, context }: Stage): Promise<number> {
  return waitFor(
    async () => {
      const all = await Promise.all(names.map((name) => cluster.status(name)));
      const [first] = all;
      return all.every(({ raftIndex }) => raftIndex === first!.raftIndex)
        ? Number(first!.raftIndex)
        : undefined;
    },
    { what: 'all members to have all entries', limitMs: idleLimitMs, signal: context.signal },
  );
}

function compactedOf({ cluster }: Stage, names: readonly string[]) {
  return Promise.all(names.map((name) => compactedIndex(cluster, name)));
}

/** Leaves the follower just behind the edge, where that can be seen; else far behind it. */
async function writeUntilForgotten(
  stage: Stage,
  leader: string,
  others: readonly string[],
  match: number,
): Promise<void> {
  for (let written = 0; written < forgottenEntriesMax; written += lookEvery) {
    await write(stage, lookEvery, others);
    const compacted = await compactedIndex(stage.cluster, leader);
    if (compacted === undefined ? written > 6_000 : compacted > match) return;
  }
  throw new Error(`${leader} keeps more than ${forgottenEntriesMax} entries`);
}

async function leave(
  { cluster }: Stage,
  cause: Cause,
  follower: string,
  others: readonly string[],
): Promise<void> {
  if (cause === 'kill') await cluster.kill(follower);
  else if (cause === 'pause') await cluster.pause(follower);
  else {
    for (const other of others) {
      await cluster.cut(other, follower);
      await cluster.cut(follower, other);
    }
  }
}

async function comeBack({ cluster }: Stage, cause: Cause, follower: string): Promise<void> {
  if (cause === 'kill') await cluster.start(follower);
  else if (cause === 'pause') await cluster.resume(follower);
  else await cluster.mendAll();
}

/** Whether the member itself shows the last write within the limit. */
async function catchUp(stage: Stage, follower: string): Promise<boolean> {
  const { signal } = stage.context;
  const endpoint = stage.names.indexOf(follower);
  const { revision } = stage;
  stage.client.reconnect(endpoint);
  try {
    await waitFor(
      async () => {
        // Its own state, without asking the leader. (Status stays stale after a snapshot.)
        const read = await stage.client.range(
          { key: 'k0', serializable: true },
          { endpoint, timeoutMs: 2_000 },
        );
        return read.type === 'ok' && read.revision >= revision ? true : undefined;
      },
      {
        ...{ what: `${follower} to show revision ${revision}`, limitMs: recoverLimitMs },
        ...{ intervalMs: 20, signal },
      },
    );
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

function leaderBounded(stage: Stage): PropertyResult {
  const peaks = stage.names.map((name) => stage.peakBytes(name));
  const peak = Math.max(...peaks);
  const id = 'memory-while-lagging';
  const title = `No member needs more than ${mib(referenceBytesMax)} while a follower lags`;
  if (peak === 0) return skipped(id, title, 'the memory of the members cannot be seen');
  const base = { id, title, evidence: { counts: { 'MiB at most': Math.round(peak / 2 ** 20) } } };
  if (peak <= referenceBytesMax) return { ...base, verdict: 'ok' };
  return { ...base, verdict: 'fail', reason: `one had ${mib(peak)}` };
}

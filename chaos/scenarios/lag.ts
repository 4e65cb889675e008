/**
 * A follower falls behind and comes back: by what it missed, from the log or with a snapshot.
 *
 * A store keeps a window of entries behind its last snapshot. A lag inside of it is made up from
 * the log, one beyond it plus the distance between snapshots takes a snapshot, and in between it
 * depends on when the last one was taken. The follower is killed or cut off, so that what it had
 * is known exactly; a paused one still gets what was in its sockets, so there only the outcome is
 * asserted. At the end all members must hold the same, revision by revision.
 */
import { mib } from '../../models/memory';
import type { PropertyResult } from '../../reports';
import { snapshotsInstalled } from '../snapshotLog';
import { waitFor } from '../wait';
import { referenceBytesMax } from './memory';
import { isReference, skipped, type Scenario } from './scenario';
import { Stage } from './stage';

/** Entries that are neither puts of ours nor sure to be there: elections, leader changes. */
const slackEntries = 20;
const valueBytes = 1_024;
const recoverLimitMs = 60_000;

type Cause = 'kill' | 'partition' | 'pause';

interface Window {
  /** Entries that are kept behind a snapshot. */
  readonly entries: number;
  /** Applied entries between two snapshots. */
  readonly between: number;
  /** What may be kept at most: a lag beyond it must take a snapshot. */
  readonly most: number;
}

interface Step {
  readonly cause: Cause;
  readonly lag: number;
  readonly expected: 'log' | 'snapshot' | 'either';
}

interface Outcome extends Step {
  readonly seen: 'log' | 'snapshot' | 'unknown';
  readonly recoveredMs: number | undefined;
}

const causes: readonly Cause[] = ['kill', 'partition', 'pause'];
const colour = '#8a63d2';

export function stepsOf({ entries, between, most }: Window, isLarge: boolean): readonly Step[] {
  const beyond = most + slackEntries;
  const lags: readonly (readonly [number, Step['expected']])[] = [
    [0, 'log'],
    [Math.floor(entries / 2), 'log'],
    [entries - slackEntries, 'log'],
    [entries + Math.floor(between / 2), 'either'],
    [beyond, 'snapshot'],
    [isLarge ? 2 * beyond : 5 * beyond, 'snapshot'],
  ];
  return causes.flatMap((cause, at) =>
    lags
      // A large window takes long to fill: there each cause gets other lags, and kill all.
      .filter((_, i) => !isLarge || cause === 'kill' || i === at + 3 || i === 1)
      .map(([lag, expected]) => {
        return { cause, lag, expected: cause === 'pause' && lag > 0 ? 'either' : expected };
      }),
  );
}

export const lag: Scenario = {
  name: 'lag',
  promise: 'A follower that fell behind catches up, from the log or by a snapshot as promised',
  isTimed: false,
  run: async (context) => {
    const target = await context.cluster('lag', { snapshotCount: 200, catchUpEntries: 400 });
    // etcd keeps 5000 entries whatever it is told.
    const isOurs = isReference(target.description);
    // The reference may keep twice the window (M2); etcd cuts at each snapshot.
    const window = isOurs
      ? { entries: 400, between: 200, most: 2 * 400 + 200 }
      : { entries: 5_000, between: 200, most: 5_000 + 200 };
    const steps = stepsOf(window, !isOurs);
    const possible = steps.filter(({ cause }) => target.capabilities.has(cause));
    const run = await Stage.play(context, 'lag', target, async (stage) => {
      const outcomes: Outcome[] = [];
      await stage.write({ count: window.between + 50, valueBytes, key: keyOf });
      for (const [i, step] of possible.entries()) {
        context.onProgress(`lag: ${i + 1} of ${possible.length}, ${step.cause} for ${step.lag}`);
        outcomes.push(await fallBehind(stage, step));
        if (context.signal.aborted) break;
      }
      return [
        recovered(outcomes),
        asPredicted(outcomes, window),
        await sameState(stage),
        leaderBounded(stage),
      ];
    });
    const missing = causes.filter((cause) => !target.capabilities.has(cause));
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

function keyOf(i: number): string {
  return `k${i % 100}`;
}

async function fallBehind(stage: Stage, step: Step): Promise<Outcome> {
  const { cluster } = stage;
  await stage.untilHealed();
  const leader = (await cluster.leader())!;
  const follower = stage.names.find((name) => name !== leader)!;
  const others = stage.names.filter((name) => name !== follower);
  const before = snapshotsInstalled(cluster, follower);
  const title = `lag ${step.lag} by ${step.cause}`;
  return stage.during(title, [follower], colour, async () => {
    await leave(stage, step.cause, follower, others);
    await stage.write({ count: step.lag, valueBytes, key: keyOf, members: others });
    const start = performance.now();
    await comeBack(stage, step.cause, follower);
    const caughtUp = await catchUp(stage, follower);
    stage.sample();
    const after = snapshotsInstalled(cluster, follower);
    const isKnown = before !== undefined && after !== undefined;
    const seen = !isKnown ? 'unknown' : after > before ? 'snapshot' : 'log';
    return { ...step, seen, recoveredMs: caughtUp ? performance.now() - start : undefined };
  });
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
      { what: `${follower} to show revision ${revision}`, limitMs: recoverLimitMs, intervalMs: 20 },
    );
    return true;
  } catch {
    return false;
  }
}

function line({ cause, lag: entries, expected, seen, recoveredMs }: Outcome): string {
  const time = recoveredMs === undefined ? 'never' : `after ${Math.round(recoveredMs)} ms`;
  return `${cause}, ${entries} entries behind: ${seen} (expected ${expected}), caught up ${time}`;
}

function recovered(outcomes: readonly Outcome[]): PropertyResult {
  const late = outcomes.filter(({ recoveredMs }) => recoveredMs === undefined);
  const slowest = Math.max(0, ...outcomes.map(({ recoveredMs }) => recoveredMs ?? 0));
  const base = {
    id: 'catches-up',
    title: `However far behind it is, a follower catches up within ${recoverLimitMs / 1_000} s`,
    evidence: { faults: outcomes.length, counts: { 'ms at most': Math.round(slowest) } },
  };
  if (late.length === 0) return { ...base, verdict: 'ok' };
  const reason = `${late.length} of ${outcomes.length} times it did not`;
  const counterexample = { title: reason, lines: late.map(line) };
  return { ...base, verdict: 'fail', reason, counterexample };
}

function asPredicted(outcomes: readonly Outcome[], { entries, most }: Window): PropertyResult {
  const surprising = outcomes.filter(
    ({ expected, seen }) => expected !== 'either' && seen !== 'unknown' && seen !== expected,
  );
  const known = outcomes.filter(({ seen }) => seen !== 'unknown');
  const count = (seen: Outcome['seen']): number =>
    outcomes.filter((one) => one.seen === seen).length;
  const base = {
    id: 'log-or-snapshot',
    title:
      `A lag of up to ${entries} entries is made up from the log, ` +
      `one of more than ${most} by a snapshot`,
    evidence: {
      faults: outcomes.length,
      counts: { 'from the log': count('log'), 'by snapshot': count('snapshot') },
    },
  };
  if (surprising.length > 0) {
    const reason = `${surprising.length} of ${outcomes.length} came otherwise`;
    const counterexample = { title: reason, lines: outcomes.map(line) };
    return { ...base, verdict: 'fail', reason, counterexample };
  }
  if (known.length === 0) {
    return { ...base, verdict: 'unknown', reason: 'the members print nothing that tells' };
  }
  if (count('snapshot') === 0) {
    return { ...base, verdict: 'unknown', reason: 'no snapshot was ever installed' };
  }
  return { ...base, verdict: 'ok' };
}

/** All revisions hashed at every member; where there is no such call, what they return. */
export async function sameState(stage: Stage): Promise<PropertyResult> {
  await stage.untilHealed();
  const { revision } = stage;
  const prints = await Promise.all(
    stage.names.map(async (name, endpoint) => {
      const hash = await waitFor(
        async () => {
          const answer = await stage.client.hashKv(revision, { endpoint });
          return answer.type === 'ok' ? answer.value : undefined;
        },
        { what: `the hash of ${name} at revision ${revision}`, limitMs: recoverLimitMs },
      );
      return `${hash.hash} since revision ${hash.compactRevision}`;
    }),
  );
  const base = {
    id: 'same-state',
    title: 'All members hold the same, by a hash of all revisions',
    evidence: { counts: { members: prints.length, revisions: revision } },
  };
  if (new Set(prints).size === 1) return { ...base, verdict: 'ok' };
  const lines = prints.map((print, i) => `${stage.names[i]}: ${print}`);
  const reason = `the members differ at revision ${revision}`;
  return { ...base, verdict: 'fail', reason, counterexample: { title: reason, lines } };
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

/**
 * How a follower that fell behind must be helped, and whether it was: what is said of a lag, away
 * from any cluster.
 *
 * Whoever leads when the follower is back sends entries as long as it has the one after the
 * follower's last; when it has forgotten that one, a snapshot. Both indexes can be read off
 * from outside, so the way is predicted exactly, but for two cases: who keeps its connections (a
 * paused follower, one that was cut off by dropping packets) still reads what lies in the sockets,
 * and leaders that change may have forgotten different entries.
 */
import type { PropertyResult } from '../../reports';

export type Cause = 'kill' | 'partition' | 'pause';
export type Way = 'log' | 'snapshot';

/** How long the follower stays away: so many writes, or until its last entry is forgotten. */
export type Distance = number | 'forgotten';

export interface Step {
  readonly cause: Cause;
  readonly distance: Distance;
}

export interface Outcome extends Step {
  /** Entries that it missed. */
  readonly lag: number;
  readonly expected: Way | 'either';
  readonly seen: Way | 'unknown';
  readonly recoveredMs: number | undefined;
}

export interface LogWindow {
  /** Entries that a store promises to keep behind a snapshot. */
  readonly entries: number;
  /** Applied entries between two snapshots. */
  readonly between: number;
}

/** Entries that are no writes of ours: elections, what the store proposes by itself. */
const slackEntries = 20;
const causes: readonly Cause[] = ['kill', 'partition', 'pause'];

/** Each cause with lags inside the window, at its edge, and several windows long. */
export function stepsOf({ entries, between }: LogWindow, isShort: boolean): readonly Step[] {
  const few: readonly Distance[] = [Math.floor(entries / 10), 'forgotten'];
  const inside = [0, Math.floor(entries / 2), entries - slackEntries];
  const all: readonly Distance[] = [...inside, 'forgotten', 5 * (entries + between)];
  // A large window takes long to fill, and longer when a snapshot was sent before.
  const isLarge = entries > 1_000;
  const distances = isShort || isLarge ? few : all;
  const steps = causes.flatMap((cause) => distances.map((distance) => ({ cause, distance })));
  if (!isShort || !isLarge) return steps;
  return steps.filter(({ cause, distance }) => cause === 'kill' || distance !== 'forgotten');
}

/**
 * @param keepsConnections whether what was sent before and meanwhile may still arrive.
 * @param match the follower's last entry when it left.
 * @param compacted up to where those that may lead have forgotten their logs; undefined: unknown.
 */
export function predict(
  keepsConnections: boolean,
  match: number,
  compacted: readonly (number | undefined)[],
): Outcome['expected'] {
  if (compacted.length === 0 || compacted.includes(undefined)) return 'either';
  const known = compacted as readonly number[];
  if (match >= Math.max(...known)) return 'log';
  if (!keepsConnections && match < Math.min(...known)) return 'snapshot';
  return 'either';
}

function line({ cause, lag, expected, seen, recoveredMs }: Outcome): string {
  const time = recoveredMs === undefined ? 'never' : `after ${Math.round(recoveredMs)} ms`;
  return `${cause}, ${lag} entries behind: ${seen} (expected ${expected}), caught up ${time}`;
}

export function recovered(outcomes: readonly Outcome[], limitMs: number): PropertyResult {
  const late = outcomes.filter(({ recoveredMs }) => recoveredMs === undefined);
  const slowest = Math.max(0, ...outcomes.map(({ recoveredMs }) => recoveredMs ?? 0));
  const base = {
    id: 'catches-up',
    title: `However far behind it is, a follower catches up within ${limitMs / 1_000} s`,
    evidence: { faults: outcomes.length, counts: { 'ms at most': Math.round(slowest) } },
  };
  if (late.length === 0) return { ...base, verdict: 'ok' };
  const reason = `${late.length} of ${outcomes.length} times it did not`;
  const counterexample = { title: reason, lines: late.map(line) };
  return { ...base, verdict: 'fail', reason, counterexample };
}

export function asPredicted(outcomes: readonly Outcome[]): PropertyResult {
  const count = (seen: Outcome['seen']): number =>
    outcomes.filter((one) => one.seen === seen).length;
  const decided = outcomes.filter(({ expected, seen }) => {
    return expected !== 'either' && seen !== 'unknown';
  });
  const surprising = decided.filter(({ expected, seen }) => seen !== expected);
  const base = {
    id: 'log-or-snapshot',
    title: 'A follower is helped from the log as far as it is kept, and else by a snapshot',
    evidence: {
      faults: outcomes.length,
      counts: {
        'from the log': count('log'),
        'by snapshot': count('snapshot'),
        'predicted exactly': decided.length,
      },
    },
  };
  if (surprising.length > 0) {
    const reason = `${surprising.length} of ${outcomes.length} came otherwise`;
    const counterexample = { title: reason, lines: outcomes.map(line) };
    return { ...base, verdict: 'fail', reason, counterexample };
  }
  const ways = new Set(decided.map(({ expected }) => expected));
  if (ways.size === 2) return { ...base, verdict: 'ok' };
  const reason =
    count('unknown') > 0
      ? 'the members print nothing that tells'
      : `of both ways only ${[...ways].join('') || 'none'} could be predicted`;
  return { ...base, verdict: 'unknown', reason };
}

/** Never less is kept than promised: a shorter lag never took a snapshot. */
export function windowKept(outcomes: readonly Outcome[], window: LogWindow): PropertyResult {
  const { entries } = window;
  const early = outcomes.filter(({ seen, lag }) => seen === 'snapshot' && lag < entries);
  const lags = outcomes.filter(({ seen }) => seen === 'snapshot').map(({ lag }) => lag);
  const base = {
    id: 'window-kept',
    title: `The newest ${entries} entries are always kept for followers`,
    evidence: {
      faults: outcomes.length,
      counts: lags.length > 0 ? { 'shortest lag with a snapshot': Math.min(...lags) } : {},
    },
  };
  if (early.length === 0) return { ...base, verdict: 'ok' };
  const reason = `${early.length} of ${outcomes.length} lags were shorter and took a snapshot`;
  const counterexample = { title: reason, lines: early.map(line) };
  return { ...base, verdict: 'fail', reason, counterexample };
}

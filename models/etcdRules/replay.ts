/**
 * The full history of a store, from which its state at every revision can be told.
 *
 * It is made from one complete watch from the first revision, or from the changes a run recorded.
 * Every rule about watches and past reads compares with it, so `problem` says at once when it is
 * itself impossible: a revision that goes back, a key twice in one, a deletion of nothing.
 */

import type { EtcdKeyValue, History, WatchEvent } from '../../src/history';
import type { WatchedChange, WatchLog } from '../../src/history';

/** A change with what is known of the key after it. */
export interface ReplayedEvent {
  readonly type: 'put' | 'delete';
  readonly key: string;
  readonly value: string | undefined;
  readonly rev: number;
  readonly isCreate: boolean;
  /** The key before it; undefined when it was missing. */
  readonly before: ReplayedValue | undefined;
}

export type ReplayedValue = Pick<EtcdKeyValue, 'key' | 'value' | 'mod' | 'version'> & {
  readonly create: number;
};

interface KeyVersion {
  readonly rev: number;
  readonly kv: ReplayedValue | undefined;
}

export class Replay {
  readonly events: readonly ReplayedEvent[];
  /** The last revision of the history. */
  readonly revision: number;
  /** What is impossible in it; undefined when nothing is. */
  readonly problem: string | undefined;
  private readonly versions = new Map<string, KeyVersion[]>();

  constructor(changes: readonly WatchedChange[], initialRevision = 1) {
    const events: ReplayedEvent[] = [];
    let revision = initialRevision;
    for (const { rev, key, value } of changes) {
      if (rev < revision) {
        this.problem ??= `the full history goes back from revision ${revision} to ${rev} at ${key}`;
      }
      const versions = this.versions.get(key) ?? [];
      const before = versions.at(-1)?.kv;
      if (versions.at(-1)?.rev === rev) {
        this.problem ??= `the full history has ${key} twice at revision ${rev}`;
      }
      const isDeletion = value === null || value === undefined;
      if (isDeletion && before === undefined) {
        this.problem ??= `the full history deletes the missing ${key} at revision ${rev}`;
      }
      const text = isDeletion ? undefined : textOf(value);
      const isCreate = !isDeletion && before === undefined;
      events.push({ type: isDeletion ? 'delete' : 'put', key, value: text, rev, isCreate, before });
      versions.push({ rev, kv: text === undefined ? undefined : nextOf(key, text, rev, before) });
      this.versions.set(key, versions);
      revision = Math.max(revision, rev);
    }
    this.events = events;
    this.revision = revision;
  }

  /** The key at a revision; undefined when it was missing then. */
  at(key: string, revision: number): ReplayedValue | undefined {
    const versions = this.versions.get(key) ?? [];
    let low = 0;
    let high = versions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (versions[middle]!.rev <= revision) low = middle + 1;
      else high = middle;
    }
    return versions[low - 1]?.kv;
  }

  /** The existing keys of a range at a revision, in order. */
  range(from: string, end: string | undefined, revision: number): readonly ReplayedValue[] {
    if (end === undefined || end === '') {
      const kv = this.at(from, revision);
      return kv === undefined ? [] : [kv];
    }
    return [...this.versions.keys()]
      .filter((key) => key >= from && (end === '\0' || key < end))
      .sort()
      .flatMap((key) => this.at(key, revision) ?? []);
  }

  /** Position of the first event at or after a revision. */
  firstFrom(revision: number): number {
    let low = 0;
    let high = this.events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.events[middle]!.rev < revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function nextOf(
  key: string,
  value: string,
  rev: number,
  before: ReplayedValue | undefined,
): ReplayedValue {
  const version = (before?.version ?? 0) + 1;
  return { key, value, mod: rev, create: before?.create ?? rev, version };
}

/** Whether a watch asked for everything from the first revision on. */
export function isFullWatch({ request }: WatchLog): boolean {
  const { key, end, revision = 0, filters = [] } = request;
  const isEverything = (key === '' || key === '\0') && end === '\0';
  return isEverything && (revision === 1 || revision === 2) && filters.length === 0;
}

export function changesOfWatch({ responses }: WatchLog): readonly WatchedChange[] {
  return responses.flatMap(({ events }) => events.map(changeOf));
}

function changeOf({ type, key, value, rev }: WatchEvent): WatchedChange {
  return { rev, key, value: type === 'delete' ? null : (value ?? '') };
}

/** What each watch of everything from revision 1 delivered. */
function fullWatches(logs: readonly WatchLog[]): readonly (readonly WatchedChange[])[] {
  return logs.filter(isFullWatch).map(changesOfWatch);
}

function longestOf(full: readonly (readonly WatchedChange[])[]): readonly WatchedChange[] {
  return full.reduce((best, one) => (one.length > best.length ? one : best));
}

/**
 * The replay of a history: its recorded changes, else the longest full watch; undefined when
 * there is neither.
 */
export function replayOf(
  watch: readonly WatchedChange[] | undefined,
  logs: readonly WatchLog[],
): Replay | undefined {
  if (watch !== undefined) return new Replay(watch);
  const full = fullWatches(logs);
  return full.length === 0 ? undefined : new Replay(longestOf(full));
}

/**
 * All changes in the order of their revisions, for a model to go by: those a run recorded, else
 * what full watches delivered. A watch is an answer of the store and can be wrong itself, so it
 * is used only when it could be true: every revision from the second on is there, all full
 * watches agree, and the history is one that a store can have.
 */
export function orderOfChanges(
  history: Pick<History, 'watch' | 'watches'>,
): readonly WatchedChange[] | undefined {
  if (history.watch !== undefined) return history.watch;
  const full = fullWatches(history.watches ?? []);
  if (full.length === 0) return undefined;
  const longest = longestOf(full);
  if (longest.length === 0 || !isUnbroken(longest)) return undefined;
  const agree = full.every((one) => one.every((change, i) => isSameChange(change, longest[i]!)));
  if (!agree || new Replay(longest).problem !== undefined) return undefined;
  // The last revision may have had more changes than were delivered before the watch ended.
  const last = longest.at(-1)!.rev;
  return longest.filter(({ rev }) => rev < last);
}

function isUnbroken(changes: readonly WatchedChange[]): boolean {
  let last = 1;
  for (const { rev } of changes) {
    if (rev !== last && rev !== last + 1) return false;
    last = rev;
  }
  return true;
}

function isSameChange(a: WatchedChange, b: WatchedChange): boolean {
  return a.rev === b.rev && a.key === b.key && a.value === b.value;
}

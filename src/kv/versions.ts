/**
 * One version of a key, looked up: at a revision, before another version, or the newest.
 *
 * A version travels as the store has it (prefix, store key, record) and is decoded only when
 * somebody wants to see it: counting a million keys decodes none.
 */
import { headOfNewest, isVersionOf, newestKey, newestSuffix, versionKeyOfNewest } from './layout';
import type { LoadValue, OrderedReader } from './orderedStore';
import type { Revision } from './types';

/** A version as it is stored; whether it is a tombstone is in the record. */
export interface StoredVersion {
  readonly prefix: string;
  readonly storeKey: string;
  readonly record: Uint8Array;
}

/**
 * A version in a scan. What is not loaded is not read; `head` is the record without its value
 * where that is to be had for less. Return false to stop.
 */
export type VisitVersion = (
  prefix: string,
  storeKey: string,
  load: LoadValue,
  head: LoadValue,
) => boolean | void;

/** [from, to) as prefixes of versions; one key when `single`. */
export interface KeyRange {
  readonly from: string;
  readonly to: string;
  readonly single: boolean;
}

/** How much of the store may be looked at before somebody else gets a chance. */
export interface ScanBudget {
  readonly entries: number;
  /** Of keys and values; the entry that goes beyond it is the last. */
  readonly bytes: number;
}

/** One pass over the live keys of a range, in as many parts as the caller likes. */
export interface LiveCursor {
  /** Goes on within a budget; every part must see the same entries. True while there are more. */
  advance(reader: OrderedReader, budget: ScanBudget): boolean;
}

/** The version of a key at or before `revision`, be it a tombstone. */
export function versionAt(
  reader: OrderedReader,
  prefix: string,
  revision: Revision,
): StoredVersion | undefined {
  return versionFrom(reader, prefix, prefix + newestSuffix(revision));
}

function versionFrom(
  reader: OrderedReader,
  prefix: string,
  from: string,
): StoredVersion | undefined {
  const found = reader.ceiling(from);
  if (found === undefined || !isVersionOf(found.key, prefix)) return undefined;
  return { prefix, storeKey: found.key, record: found.value };
}

/** The version just before the one at `storeKey`. */
export function versionBefore(
  reader: OrderedReader,
  prefix: string,
  storeKey: string,
): StoredVersion | undefined {
  return versionFrom(reader, prefix, `${storeKey}\0`);
}

/** The newest version of a key, if it is live; its record has no value. */
export function newestHead(reader: OrderedReader, prefix: string): StoredVersion | undefined {
  const newest = reader.get(newestKey(prefix));
  if (newest === undefined) return undefined;
  const storeKey = versionKeyOfNewest(prefix, newest);
  return { prefix, storeKey, record: headOfNewest(newest) };
}

/** The newest version of a key, if it is live. */
export function newestVersion(reader: OrderedReader, prefix: string): StoredVersion | undefined {
  const newest = reader.get(newestKey(prefix));
  if (newest === undefined) return undefined;
  const storeKey = versionKeyOfNewest(prefix, newest);
  return { prefix, storeKey, record: recordAt(reader, storeKey) };
}

/** Throws when there is none: whoever asks was told by another entry that there is. */
export function recordAt(
  reader: OrderedReader,
  storeKey: string,
  isBorrowed?: boolean,
): Uint8Array {
  const record = reader.get(storeKey, isBorrowed);
  if (record !== undefined) return record;
  throw new Error(`the store lacks the version ${JSON.stringify(storeKey)}`);
}

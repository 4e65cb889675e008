/**
 * The past in revision order, for watchers that start behind or fell behind: whole revisions,
 * in bounded pages, read straight from the store.
 */

import { deletedKv, decodeChange, isTombstone, lastChangeKey, revisionOfChange } from './layout';
import { changeKey, versionPrefix, versionSuffix } from './layout';
import type { OrderedReader } from './orderedStore';
import { toKeyValue } from './reads';
import { versionBefore } from './versions';
import type { KeyValue, KvEvent, Revision } from './types';

/** All changes of one revision, in their order. */
export interface RevisionEvents {
  readonly revision: Revision;
  readonly events: readonly KvEvent[];
}

export interface HistoryPage {
  readonly revisions: readonly RevisionEvents[];
  /** The first revision that is not in the page. */
  readonly next: Revision;
  /** Bytes of keys and values in the page, previous values included. */
  readonly bytes: number;
}

export interface HistoryOptions {
  /** At most so many revisions, at least one. Default 1000. */
  readonly revisionsMax?: number;
  /** Stop behind the revision that reaches so many bytes. Default 4 MiB. */
  readonly bytesMax?: number;
  /** The last revision wanted. Default: the newest. */
  readonly to?: Revision;
  /** What the changes replaced is read too, which costs as much again. Default true. */
  readonly prevKv?: boolean;
}

const REVISIONS_MAX = 1000;
const BYTES_MAX = 4 * 2 ** 20;

/**
 * Revisions from `from` on. Previous values, if asked for, are there unless they were compacted
 * away, that is, unless the revision before the change is older than `compacted`.
 */
export function readHistory(
  reader: OrderedReader,
  state: { readonly revision: Revision; readonly compacted: Revision },
  from: Revision,
  options: HistoryOptions,
): HistoryPage {
  const to = Math.min(options.to ?? state.revision, state.revision);
  const revisionsMax = options.revisionsMax ?? REVISIONS_MAX;
  const bytesMax = options.bytesMax ?? BYTES_MAX;
  const prevFrom = (options.prevKv ?? true) ? state.compacted : Infinity;
  const revisions: { revision: Revision; events: KvEvent[] }[] = [];
  let bytes = 0;
  let next = to + 1;
  let resume: string | undefined = changeKey(Math.max(from, 0), 0);
  const end = `${lastChangeKey(to)}\0`;
  while (resume !== undefined) {
    // Changes are collected first: a visit must not read the store it is visiting.
    const changes = readChanges(reader, resume, end);
    resume = changes.length < CHANGES_AT_ONCE ? undefined : `${changes.at(-1)!.storeKey}\0`;
    for (const { storeKey, value } of changes) {
      const { revision, sub } = revisionOfChange(storeKey);
      let page = revisions.at(-1);
      if (page?.revision !== revision) {
        if (revisions.length >= revisionsMax || bytes >= bytesMax) {
          next = revision;
          resume = undefined;
          break;
        }
        page = { revision, events: [] };
        revisions.push(page);
      }
      const event = eventOf(reader, prevFrom, decodeChange(value).key, revision, sub);
      page.events.push(event);
      bytes += bytesOfEvent(event);
    }
  }
  return { revisions, next: Math.max(next, from), bytes };
}

/** What an event costs somebody who holds on to it. */
export function bytesOfEvent(event: KvEvent): number {
  return bytesOfKv(event.kv) + (event.prevKv === undefined ? 0 : bytesOfKv(event.prevKv));
}

/** Key and value, and as much again as the object around them. */
function bytesOfKv(kv: KeyValue): number {
  return kv.key.length + kv.value.length + 64;
}

const CHANGES_AT_ONCE = 256;

function readChanges(reader: OrderedReader, from: string, end: string) {
  const changes: { readonly storeKey: string; readonly value: Uint8Array }[] = [];
  reader.scan(from, end, (storeKey, value) => {
    changes.push({ storeKey, value });
    return changes.length < CHANGES_AT_ONCE;
  });
  return changes;
}

function eventOf(
  reader: OrderedReader,
  prevFrom: Revision,
  key: string,
  revision: Revision,
  sub: number,
): KvEvent {
  const prefix = versionPrefix(key);
  const storeKey = prefix + versionSuffix(revision, sub);
  const record = reader.get(storeKey);
  if (record === undefined) {
    throw new Error(`the change (${revision}, ${sub}) is in the store without its version`);
  }
  const before = revision > prevFrom ? versionBefore(reader, prefix, storeKey) : undefined;
  const prevKv =
    before === undefined || isTombstone(before.record) ? undefined : toKeyValue(before);
  return isTombstone(record)
    ? { type: 'delete', kv: deletedKv(key, revision), prevKv }
    : { type: 'put', kv: toKeyValue({ prefix, storeKey, record }), prevKv };
}

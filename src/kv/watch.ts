/**
 * What a watch is, and which events are for it: keys, filters, start revision.
 *
 * The rules that watchers rely on, and that the hub (`watchHub.ts`) keeps: events arrive in the
 * order of revisions, each exactly once, none missing from the start revision on, all of a
 * revision in one response (or its fragments); after a progress response with revision R
 * nothing at or before R arrives; a watch that cannot be continued is canceled and says why.
 */

import type { RevisionEvents } from './history';
import type { Key, KvEvent, Revision } from './types';

/** Unique within its stream; chosen by the client or counted up from 0. */
export type WatchId = bigint;

/** In responses that belong to no watch: a refused creation, progress of the whole stream. */
export const NO_WATCH: WatchId = -1n;

export interface WatchRequest {
  /** '' begins at the smallest key. */
  readonly key: Key;
  /** As in a range request. */
  readonly rangeEnd: Key;
  /** 0: only what comes from now on. May be in the future. */
  readonly startRevision: Revision;
  /** Wants to hear the revision now and then while nothing happens. */
  readonly progressNotify: boolean;
  readonly noPut: boolean;
  readonly noDelete: boolean;
  readonly prevKv: boolean;
  /** 0: the stream chooses. */
  readonly watchId: WatchId;
  /** Large responses may be cut into fragments. */
  readonly fragment: boolean;
}

export interface WatchResponse {
  readonly watchId: WatchId;
  /** Everything up to here was delivered, be it with this response. */
  readonly revision: Revision;
  readonly created: boolean;
  readonly canceled: boolean;
  /** Not 0: the watch was canceled because it needs a revision before this one. */
  readonly compactRevision: Revision;
  readonly cancelReason: string;
  /** More fragments of the same response follow. */
  readonly fragment: boolean;
  readonly events: readonly KvEvent[];
}

export function response(
  watchId: WatchId,
  revision: Revision,
  more: Partial<WatchResponse> = {},
): WatchResponse {
  return {
    watchId,
    revision,
    created: false,
    canceled: false,
    compactRevision: 0,
    cancelReason: '',
    fragment: false,
    events: [],
    ...more,
  };
}

/** The keys [from, to) of a watch; `to` undefined is the end of all keys. */
export interface WatchedKeys {
  readonly from: Key;
  readonly to: Key | undefined;
  readonly single: boolean;
}

/** Undefined when the range is empty, which etcd refuses. */
export function watchedKeys({ key, rangeEnd }: WatchRequest): WatchedKeys | undefined {
  const from = key === '' ? '\0' : key;
  if (rangeEnd === '') return { from, to: `${from}\0`, single: true };
  if (rangeEnd === '\0') return { from, to: undefined, single: false };
  return from < rangeEnd ? { from, to: rangeEnd, single: false } : undefined;
}

export function watches(keys: WatchedKeys, key: Key): boolean {
  return keys.single
    ? key === keys.from
    : key >= keys.from && (keys.to === undefined || key < keys.to);
}

/** The events of the revisions from `from` on that a watch wants, as it wants them. */
export function eventsFor(
  request: WatchRequest,
  keys: WatchedKeys,
  revisions: readonly RevisionEvents[],
  from: Revision,
): readonly KvEvent[] {
  const wanted: KvEvent[] = [];
  for (const { revision, events } of revisions) {
    if (revision < from) continue;
    for (const event of events) {
      if (event.type === 'put' ? request.noPut : request.noDelete) continue;
      if (!watches(keys, event.kv.key)) continue;
      const keep = request.prevKv || event.prevKv === undefined;
      wanted.push(keep ? event : { ...event, prevKv: undefined });
    }
  }
  return wanted;
}

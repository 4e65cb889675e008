/**
 * Reading versions: the newest of a key, the live keys of a range at a revision, and etcd's
 * range request with its limits, filters and orders on top.
 *
 * Every read goes through a `VersionSource`, so that a transaction reads its own earlier writes
 * by laying them over the store.
 */

import { compareBytes, NO_BYTES } from './bytes';
import { decodePut, keyOfPrefix, kindEnd, lastOfPrefix, versionPrefix, VERSIONS } from './layout';
import { NewestCursor } from './newestCursor';
import type { OrderedReader } from './orderedStore';
import { PastCursor } from './pastCursor';
import type { Key, KeyValue, RangeRequest, RangeResult, Revision } from './types';
import { newestVersion, versionAt } from './versions';
import type { KeyRange, LiveCursor, ScanBudget, StoredVersion, VisitVersion } from './versions';

/** The keys as they are at one moment. */
export interface VersionSource {
  /** The newest version of a key, be it a tombstone; of a deleted key there may be none. */
  newest(prefix: string): StoredVersion | undefined;
  /** Visits, in key order, what is live in the range. */
  scanLive(range: KeyRange, visit: VisitVersion): void;
}

/** etcd's rules: '' is the one key, '\0' everything from the key on; an inverted range is empty. */
export function keyRange(key: Key, rangeEnd: Key): KeyRange {
  const from = versionPrefix(key);
  if (rangeEnd === '') return { from, to: lastOfPrefix(from), single: true };
  if (rangeEnd === '\0') return { from, to: kindEnd(VERSIONS), single: false };
  return { from, to: versionPrefix(rangeEnd), single: false };
}

export function toKeyValue(version: StoredVersion): KeyValue {
  return decodePut(keyOfPrefix(version.prefix), version.storeKey, version.record);
}

/** What the store holds, at its newest or at an older revision. */
export class StoreSource implements VersionSource {
  constructor(
    private readonly reader: OrderedReader,
    private readonly revision: Revision | undefined,
  ) {}

  newest(prefix: string): StoredVersion | undefined {
    const { reader, revision } = this;
    return revision === undefined
      ? newestVersion(reader, prefix)
      : versionAt(reader, prefix, revision);
  }

  scanLive(range: KeyRange, visit: VisitVersion): void {
    liveCursor(range, this.revision, visit).advance(this.reader, NO_BUDGET);
  }
}

const NO_BUDGET: ScanBudget = { entries: Infinity, bytes: Infinity };

/** `revision` undefined is the newest. Borrowed records are good until the next one is loaded. */
export function liveCursor(
  range: KeyRange,
  revision: Revision | undefined,
  visit: VisitVersion,
  borrows = false,
): LiveCursor {
  return revision === undefined
    ? new NewestCursor(range, visit, borrows)
    : new PastCursor(range, revision, visit);
}

/** Answers a range request whose revision was already checked and is what `source` shows. */
export function readRange(source: VersionSource, request: RangeRequest): RangeResult {
  const answer = new RangeAnswer(request, undefined);
  source.scanLive(keyRange(request.key, request.rangeEnd), answer.visit);
  return answer.finish();
}

/** Takes the keys of an answer one by one, instead of a list of them all. */
export interface KeySink {
  /** An answer begins; what came before was none. */
  begin(): void;
  /** The value is good only during the call. */
  add(kv: KeyValue): void;
}

/** Collects what a range request asks for from the live keys of its range, in their order. */
export class RangeAnswer {
  /** Keys that wait for their order, or for whoever asked. */
  private readonly kept: KeyValue[] = [];
  /** Keys found, one more than the limit at most where the first ones are the answer. */
  private found = 0;
  /** Keys go to the sink as they are found. */
  readonly isDirect: boolean;
  private last: Key | undefined;
  private readonly fetchMax: number;
  private readonly filter: ((kv: KeyValue) => boolean) | undefined;
  /** The first keys of the range are the answer, whatever they are sorted by afterwards. */
  private readonly takesFirst: boolean;
  private readonly isWithoutValues: boolean;
  private count = 0;

  /**
   * `knownCount`: so many keys are in the range; then nobody has to visit them all. With a sink
   * the answer's keys are there and not in the result.
   */
  constructor(
    private readonly request: RangeRequest,
    private readonly knownCount: number | undefined,
    private readonly sink?: KeySink,
  ) {
    const { limit, sortOrder } = request;
    this.filter = filterOf(request);
    this.isWithoutValues = request.keysOnly && !needsValues(request);
    // An explicit order or a filter needs every key before the limit; etcd's implied order does
    // not: without `sortOrder` the first keys are taken first and only those are sorted.
    this.takesFirst = sortOrder === 'none' && this.filter === undefined && limit > 0;
    this.fetchMax = request.countOnly ? 0 : this.takesFirst ? limit + 1 : Infinity;
    this.isDirect = sink !== undefined && request.sortTarget === 'key' && sortOrder !== 'descend';
    sink?.begin();
  }

  /** The last key of a complete answer, if it has any. */
  get lastKey(): Key | undefined {
    return this.last;
  }

  /** Keys in a complete answer. */
  get keys(): number {
    const { limit } = this.request;
    return this.hasMore ? limit : this.found;
  }

  /** Nothing that could still be visited changes the answer. */
  get isComplete(): boolean {
    return this.knownCount !== undefined && this.found >= this.fetchMax;
  }

  /** The answer ends at a key that the rest of the range follows. */
  get isPage(): boolean {
    return this.takesFirst && this.request.sortTarget === 'key';
  }

  readonly visit: VisitVersion = (prefix, storeKey, load, head) => {
    this.count++;
    if (this.found >= this.fetchMax) return !this.isComplete;
    const record = this.isWithoutValues ? head() : load();
    const kv = decodePut(keyOfPrefix(prefix), storeKey, record);
    if (this.filter === undefined || this.filter(kv)) this.take(kv);
    return !this.isComplete;
  };

  finish(): RangeResult {
    const { kept, request, sink, hasMore: more } = this;
    const kvs: KeyValue[] = [];
    if (!this.isDirect) {
      sortBy(kept, request);
      const cut = more ? kept.slice(0, request.limit) : kept;
      this.last = cut.at(-1)?.key;
      const isStripped = request.keysOnly && needsValues(request);
      for (const kv of cut) {
        const shown = isStripped ? { ...kv, value: NO_BYTES } : kv;
        if (sink === undefined) kvs.push(shown);
        else sink.add(shown);
      }
    }
    return { kind: 'range', kvs, more, count: this.knownCount ?? this.count };
  }

  private get hasMore(): boolean {
    const { limit } = this.request;
    return limit > 0 && this.found > limit;
  }

  private take(found: KeyValue): void {
    this.found++;
    const isBare = this.isWithoutValues && found.value.length > 0;
    const kv = isBare ? { ...found, value: NO_BYTES } : found;
    if (!this.isDirect) this.kept.push(kv);
    else if (!this.hasMore) {
      this.last = kv.key;
      this.sink!.add(kv);
    }
  }
}

/** Whether the order of an answer without values depends on them. */
function needsValues({ sortTarget }: RangeRequest): boolean {
  return sortTarget === 'value';
}

function filterOf(request: RangeRequest): ((kv: KeyValue) => boolean) | undefined {
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
  if (
    minModRevision === 0 &&
    maxModRevision === 0 &&
    minCreateRevision === 0 &&
    maxCreateRevision === 0
  ) {
    return undefined;
  }
  return (kv) =>
    (minModRevision === 0 || kv.modRevision >= minModRevision) &&
    (maxModRevision === 0 || kv.modRevision <= maxModRevision) &&
    (minCreateRevision === 0 || kv.createRevision >= minCreateRevision) &&
    (maxCreateRevision === 0 || kv.createRevision <= maxCreateRevision);
}

/** Keys arrive in ascending order and equal ones stay in it. */
function sortBy(kvs: KeyValue[], { sortOrder, sortTarget }: RangeRequest): void {
  if (sortTarget === 'key') {
    if (sortOrder === 'descend') kvs.reverse();
    return;
  }
  const ascending = COMPARATORS[sortTarget];
  kvs.sort(sortOrder === 'descend' ? (a, b) => ascending(b, a) : ascending);
}

const COMPARATORS = {
  version: (a: KeyValue, b: KeyValue) => a.version - b.version,
  create: (a: KeyValue, b: KeyValue) => a.createRevision - b.createRevision,
  mod: (a: KeyValue, b: KeyValue) => a.modRevision - b.modRevision,
  value: (a: KeyValue, b: KeyValue) => compareBytes(a.value, b.value),
} as const;

/**
 * Reading versions: the newest of a key, the live keys of a range at a revision, and etcd's
 * range request with its limits, filters and orders on top.
 *
 * Every read goes through a `VersionSource`, so that a transaction reads its own earlier writes
 * by laying them over the store. A version travels as the store has it (prefix, store key,
 * record) and is decoded only when somebody wants to see it: counting a million keys decodes none.
 */

import { compareBytes, NO_BYTES } from './bytes';
import {
  decodePut,
  isTombstone,
  isVersionOf,
  keyOfPrefix,
  kindEnd,
  lastOfPrefix,
  newestSuffix,
  prefixOfVersion,
  revisionOfVersion,
  versionPrefix,
  VERSIONS,
} from './layout';
import type { LoadValue, OrderedReader } from './orderedStore';
import type { Key, KeyValue, RangeRequest, RangeResult, Revision } from './types';

/** A version as it is stored; whether it is a tombstone is in the record. */
export interface StoredVersion {
  readonly prefix: string;
  readonly storeKey: string;
  readonly record: Uint8Array;
}

/** Return false to stop. */
export type VisitVersion = (prefix: string, storeKey: string, record: Uint8Array) => boolean | void;

/** The keys as they are at one moment. */
export interface VersionSource {
  /** The newest version of a key, be it a tombstone. */
  newest(prefix: string): StoredVersion | undefined;
  /** Visits, in key order, what is live in the range. */
  scanLive(range: KeyRange, visit: VisitVersion): void;
}

/** [from, to) as prefixes of versions; one key when `single`. */
export interface KeyRange {
  readonly from: string;
  readonly to: string;
  readonly single: boolean;
}

/** Older versions that a scan steps over one by one before it seeks past them. */
const STEPS_BEFORE_SEEK = 16;
/** So many show that keys are overwritten: from then on values are copied only when wanted. */
const STEPS_BEFORE_KEYS = 2;

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

/** What the store holds, at its newest or at an older revision. */
export class StoreSource implements VersionSource {
  constructor(
    private readonly reader: OrderedReader,
    private readonly revision: Revision | undefined,
  ) {}

  newest(prefix: string): StoredVersion | undefined {
    const { reader, revision } = this;
    return versionFrom(
      reader,
      prefix,
      revision === undefined ? prefix : prefix + newestSuffix(revision),
    );
  }

  scanLive(range: KeyRange, visit: VisitVersion): void {
    new LiveCursor(range, this.revision, visit).advance(this.reader, NO_BUDGET);
  }
}

/** How much of the store may be looked at before somebody else gets a chance. */
export interface ScanBudget {
  readonly entries: number;
  /** Of keys and values; the entry that goes beyond it is the last. */
  readonly bytes: number;
}

const NO_BUDGET: ScanBudget = { entries: Infinity, bytes: Infinity };

/**
 * One pass over the live keys of a range, in as many parts as the caller likes. Newest first
 * within a key, so the first version that is old enough is the one.
 */
export class LiveCursor {
  private at: string;
  /** Where to go on when the scan was stopped to step over many versions at once. */
  private seek: string | undefined = undefined;
  private prefix = '';
  private decided = false;
  private steps = 0;
  private entriesLeft = 0;
  private bytesLeft = 0;
  private stopped = false;
  private byKeys = false;

  constructor(
    private readonly range: KeyRange,
    private readonly revision: Revision | undefined,
    private readonly visit: VisitVersion,
  ) {
    this.at = range.from;
  }

  /** Goes on within a budget; every part must see the same entries. True while there are more. */
  advance(reader: OrderedReader, budget: ScanBudget): boolean {
    const { range, revision } = this;
    if (range.single) {
      const found = new StoreSource(reader, revision).newest(range.from);
      if (found !== undefined && !isTombstone(found.record)) {
        this.visit(found.prefix, found.storeKey, found.record);
      }
      return false;
    }
    this.entriesLeft = budget.entries;
    this.bytesLeft = budget.bytes;
    while (this.at < range.to && !this.stopped) {
      if (this.entriesLeft <= 0 || this.bytesLeft <= 0) return true;
      this.seek = undefined;
      if (this.byKeys) reader.scanKeys(this.at, range.to, this.stepKey);
      else reader.scan(this.at, range.to, this.step);
      if (this.seek === undefined) return false;
      this.at = this.seek;
    }
    return false;
  }

  private readonly step = (storeKey: string, record: Uint8Array): boolean =>
    this.pass(storeKey, this.wants(storeKey) ? record : undefined, record.length);

  private readonly stepKey = (storeKey: string, load: LoadValue): boolean => {
    const record = this.wants(storeKey) ? load() : undefined;
    return this.pass(storeKey, record, record?.length ?? 0);
  };

  /** Whether an entry is the version of its key that is looked for. */
  private wants(storeKey: string): boolean {
    if (this.prefix === '' || !isVersionOf(storeKey, this.prefix)) {
      this.prefix = prefixOfVersion(storeKey);
      this.decided = false;
      this.steps = 0;
    }
    const { revision } = this;
    return !this.decided && (revision === undefined || revisionOfVersion(storeKey) <= revision);
  }

  private pass(storeKey: string, wanted: Uint8Array | undefined, valueBytes: number): boolean {
    this.entriesLeft--;
    this.bytesLeft -= storeKey.length + valueBytes;
    if (!(wanted === undefined ? this.stepOver(storeKey) : this.take(storeKey, wanted))) {
      return false;
    }
    if (this.entriesLeft > 0 && this.bytesLeft > 0) return true;
    this.seek = `${storeKey}\0`;
    return false;
  }

  private take(storeKey: string, record: Uint8Array): boolean {
    this.decided = true;
    this.steps = 0;
    this.stopped = !isTombstone(record) && this.visit(this.prefix, storeKey, record) === false;
    return !this.stopped;
  }

  private stepOver(storeKey: string): boolean {
    const { revision } = this;
    this.steps++;
    if (!this.byKeys && this.steps > STEPS_BEFORE_KEYS) {
      this.byKeys = true;
      this.seek = `${storeKey}\0`;
      return false;
    }
    if (this.steps <= STEPS_BEFORE_SEEK) return true;
    this.steps = 0;
    this.seek =
      this.decided || revision === undefined
        ? lastOfPrefix(this.prefix)
        : this.prefix + newestSuffix(revision);
    return false;
  }
}

/** Answers a range request whose revision was already checked and is what `source` shows. */
export function readRange(source: VersionSource, request: RangeRequest): RangeResult {
  const answer = new RangeAnswer(request, undefined);
  source.scanLive(keyRange(request.key, request.rangeEnd), answer.visit);
  return answer.finish();
}

/** Collects what a range request asks for from the live keys of its range, in their order. */
export class RangeAnswer {
  private readonly found: KeyValue[] = [];
  private readonly fetchMax: number;
  private readonly filter: ((kv: KeyValue) => boolean) | undefined;
  /** The first keys of the range are the answer, whatever they are sorted by afterwards. */
  private readonly takesFirst: boolean;
  private count = 0;

  /** `knownCount`: so many keys are in the range; then nobody has to visit them all. */
  constructor(
    private readonly request: RangeRequest,
    private readonly knownCount: number | undefined,
  ) {
    const { limit, sortOrder } = request;
    this.filter = filterOf(request);
    // An explicit order or a filter needs every key before the limit; etcd's implied order does
    // not: without `sortOrder` the first keys are taken first and only those are sorted.
    this.takesFirst = sortOrder === 'none' && this.filter === undefined && limit > 0;
    this.fetchMax = request.countOnly ? 0 : this.takesFirst ? limit + 1 : Infinity;
  }

  /** Nothing that could still be visited changes the answer. */
  get isComplete(): boolean {
    return this.knownCount !== undefined && this.found.length >= this.fetchMax;
  }

  /** The answer ends at a key that the rest of the range follows. */
  get isPage(): boolean {
    return this.takesFirst && this.request.sortTarget === 'key';
  }

  readonly visit: VisitVersion = (prefix, storeKey, record) => {
    this.count++;
    if (this.found.length >= this.fetchMax) return !this.isComplete;
    const kv = decodePut(keyOfPrefix(prefix), storeKey, record);
    if (this.filter === undefined || this.filter(kv)) this.found.push(this.kept(kv));
    return !this.isComplete;
  };

  finish(): RangeResult {
    const { found, request } = this;
    const { limit } = request;
    sortBy(found, request);
    const more = limit > 0 && found.length > limit;
    const cut = more ? found.slice(0, limit) : found;
    const kvs =
      request.keysOnly && needsValues(request)
        ? cut.map((kv) => ({ ...kv, value: NO_BYTES }))
        : cut;
    return { kind: 'range', kvs, more, count: this.knownCount ?? this.count };
  }

  private kept(kv: KeyValue): KeyValue {
    return this.request.keysOnly && !needsValues(this.request) ? { ...kv, value: NO_BYTES } : kv;
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

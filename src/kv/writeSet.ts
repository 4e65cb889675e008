/**
 * What one command is about to change: store operations, events and counters, collected apart
 * from the store so that they take effect together or, when the command is refused half way,
 * not at all.
 *
 * All changes of a command carry the same new revision; `sub` is their order within it. Reads
 * through a write set see its own writes over the store's newest versions.
 */

import { NO_BYTES } from './bytes';
import { addLanes, ZERO_LANES } from './contentHash';
import type { Lanes } from './contentHash';
import { countersAt } from './counters';
import type { Counters } from './counters';
import {
  attachmentPrefix,
  changeKey,
  decodePut,
  deletedKv,
  encodeChange,
  encodeNewest,
  encodePut,
  encodeTombstone,
  hashOfRecord,
  isTombstone,
  keyOfPrefix,
  leaseKey,
  newestKey,
  revisionOfVersion,
  versionPrefix,
  versionSuffix,
} from './layout';
import type { EncodedVersion } from './layout';
import type { NewestCache } from './newestCache';
import type { OrderedStore, StoreOp } from './orderedStore';
import { keyRange, StoreSource, toKeyValue } from './reads';
import type { VersionSource } from './reads';
import { newestHead } from './versions';
import type { KeyRange, StoredVersion, VisitVersion } from './versions';
import { refusals } from './refusals';
import { NO_LEASE } from './types';
import type {
  DeleteRangeRequest,
  DeleteRangeResult,
  Key,
  KeyValue,
  KvEvent,
  LeaseId,
  PutRequest,
  PutResult,
  Revision,
} from './types';

export interface WriteSetOptions {
  /** Reads through the set have to see its writes, as in a transaction. */
  readonly readsItself: boolean;
  /** Events carry the values that their changes replaced. */
  readonly previousWanted: boolean;
}

export class WriteSet implements VersionSource {
  readonly ops: StoreOp[] = [];
  readonly events: KvEvent[] = [];
  /** What was written, in order: the last one of a key is its newest. */
  readonly versions: StoredVersion[] = [];
  /** The revision of the changes, if there are any. */
  readonly revision: Revision;

  private readonly source: StoreSource;
  /** The newest own version by prefix; absent where nothing reads what it wrote. */
  private readonly own: Map<string, StoredVersion> | undefined;
  private sub = 0;
  private keys: number;
  private bytes: number;
  private written: Lanes;
  private dead: Lanes;
  private deadNext: Lanes;

  constructor(
    private readonly store: OrderedStore,
    private readonly before: Counters,
    private readonly cache: NewestCache,
    private readonly options: WriteSetOptions,
  ) {
    this.own = options.readsItself ? new Map() : undefined;
    this.source = new StoreSource(store, undefined);
    this.revision = before.revision + 1;
    this.keys = before.keys;
    this.bytes = before.bytes;
    this.written = before.written;
    // What died with the previous revision itself (tombstones) may go once this one exists.
    this.dead = addLanes(before.dead, before.deadNext);
    this.deadNext = ZERO_LANES;
  }

  /** The counters once the set is written. */
  after(appliedIndex: number): Counters {
    if (this.sub === 0) return countersAt(this.before, appliedIndex);
    const { revision, keys, bytes, written, dead, deadNext } = this;
    return { appliedIndex, revision, keys, bytes, written, dead, deadNext };
  }

  newest(prefix: string): StoredVersion | undefined {
    return this.own?.get(prefix) ?? this.cache.get(prefix) ?? this.source.newest(prefix);
  }

  /** The same, its value left out where that is to be had for less. */
  private newestHead(prefix: string): StoredVersion | undefined {
    return this.own?.get(prefix) ?? this.cache.get(prefix) ?? newestHead(this.store, prefix);
  }

  scanLive(range: KeyRange, visit: VisitVersion): void {
    const own = this.ownWithin(range);
    if (own.length === 0) {
      this.source.scanLive(range, visit);
      return;
    }
    let next = 0;
    let going = true;
    const visitOwn = (version: StoredVersion): void => {
      next++;
      if (isTombstone(version.record)) return;
      const load = (): Uint8Array => version.record;
      going = visit(version.prefix, version.storeKey, load, load) !== false;
    };
    this.source.scanLive(range, (prefix, storeKey, load, head) => {
      while (going && next < own.length && own[next]!.prefix < prefix) visitOwn(own[next]!);
      if (!going) return false;
      if (next < own.length && own[next]!.prefix === prefix) visitOwn(own[next]!);
      else going = visit(prefix, storeKey, load, head) !== false;
      return going;
    });
    while (going && next < own.length) visitOwn(own[next]!);
  }

  /** Throws Refused, and then the whole set must be dropped. */
  put(request: PutRequest): PutResult {
    if (request.lease !== NO_LEASE && this.store.get(leaseKey(request.lease)) === undefined) {
      throw refusals.leaseNotFound();
    }
    const prefix = versionPrefix(request.key);
    const isValueWanted = this.options.previousWanted || request.prevKv || request.ignoreValue;
    const newest = isValueWanted ? this.newest(prefix) : this.newestHead(prefix);
    const prev = newest === undefined || isTombstone(newest.record) ? undefined : newest;
    const prevKv = prev === undefined ? undefined : toKeyValue(prev);
    if ((request.ignoreValue || request.ignoreLease) && prevKv === undefined) {
      throw refusals.keyNotFound();
    }
    const lease = request.ignoreLease ? prevKv!.lease : request.lease;
    const kv: KeyValue = {
      key: request.key,
      createRevision: prevKv?.createRevision ?? this.revision,
      modRevision: this.revision,
      version: (prevKv?.version ?? 0) + 1,
      value: request.ignoreValue ? prevKv!.value : request.value,
      lease,
    };
    this.attach(request.key, prevKv?.lease ?? NO_LEASE, lease);
    const stored = this.write(prefix, request.key, encodePut(prefix, kv, this.sub), prev);
    if (prev === undefined) this.keys++;
    const event = decodePut(request.key, stored.storeKey, stored.record);
    this.events.push({ type: 'put', kv: event, prevKv: isValueWanted ? prevKv : undefined });
    return { kind: 'put', prevKv: request.prevKv ? prevKv : undefined };
  }

  deleteRange(request: DeleteRangeRequest): DeleteRangeResult {
    const found: StoredVersion[] = [];
    const isValueWanted = this.options.previousWanted || request.prevKv;
    this.scanLive(keyRange(request.key, request.rangeEnd), (prefix, storeKey, load, head) => {
      found.push({ prefix, storeKey, record: isValueWanted ? load() : head() });
    });
    const prevKvs: KeyValue[] = [];
    for (const version of found) {
      const prevKv = this.deleteLive(version, isValueWanted);
      if (request.prevKv) prevKvs.push(prevKv);
    }
    return { kind: 'deleteRange', deleted: found.length, prevKvs };
  }

  /** Deletes one key if it is live. */
  deleteKey(key: Key): void {
    const { previousWanted } = this.options;
    const prefix = versionPrefix(key);
    const newest = previousWanted ? this.newest(prefix) : this.newestHead(prefix);
    if (newest !== undefined && !isTombstone(newest.record)) {
      this.deleteLive(newest, previousWanted);
    }
  }

  /** `isWhole`: the record of `prev` has its value. */
  private deleteLive(prev: StoredVersion, isWhole: boolean): KeyValue {
    const { prefix } = prev;
    const key = keyOfPrefix(prefix);
    const prevKv = toKeyValue(prev);
    this.attach(key, prevKv.lease, NO_LEASE);
    const tombstone = encodeTombstone(prefix, this.revision, this.sub);
    this.write(prefix, key, tombstone, prev);
    // A tombstone stays for watchers until a compaction *behind* it.
    this.deadNext = addLanes(this.deadNext, tombstone.hash);
    this.keys--;
    const kv = deletedKv(key, this.revision);
    this.events.push({ type: 'delete', kv, prevKv: isWhole ? prevKv : undefined });
    return prevKv;
  }

  private write(
    prefix: string,
    key: Key,
    { record, hash }: EncodedVersion,
    superseded: StoredVersion | undefined,
  ): StoredVersion {
    const storeKey = prefix + versionSuffix(this.revision, this.sub);
    this.written = addLanes(this.written, hash);
    if (superseded !== undefined) {
      const old = hashOfRecord(superseded.record);
      if (revisionOfVersion(superseded.storeKey) === this.revision) {
        this.deadNext = addLanes(this.deadNext, old);
      } else {
        this.dead = addLanes(this.dead, old);
      }
    }
    const stored = { prefix, storeKey, record };
    const order = changeKey(this.revision, this.sub);
    const change = encodeChange(key, this.written, this.dead);
    this.ops.push(
      { key: storeKey, value: record },
      { key: order, value: change },
      {
        key: newestKey(prefix),
        value: isTombstone(record) ? undefined : encodeNewest(storeKey, record),
      },
    );
    this.own?.set(prefix, stored);
    this.versions.push(stored);
    this.bytes += storeKey.length + record.length + order.length + change.length;
    this.sub++;
    return stored;
  }

  private attach(key: Key, from: LeaseId, to: LeaseId): void {
    if (from === to) return;
    if (from !== NO_LEASE) this.ops.push({ key: attachmentPrefix(from) + key, value: undefined });
    if (to !== NO_LEASE) this.ops.push({ key: attachmentPrefix(to) + key, value: NO_BYTES });
  }

  private ownWithin(range: KeyRange): StoredVersion[] {
    if (this.own === undefined || this.own.size === 0) return [];
    const within: StoredVersion[] = [];
    for (const version of this.own.values()) {
      const { prefix } = version;
      if (range.single ? prefix === range.from : prefix >= range.from && prefix < range.to) {
        within.push(version);
      }
    }
    return within.sort((a, b) => (a.prefix < b.prefix ? -1 : 1));
  }
}

/**
 * The whole state as a stream of bytes, and back.
 *
 * A source reads a consistent view of the store while commands go on, one chunk at a time, and
 * leaves out what a compaction still has to drop: members whose compaction got differently far
 * send the same bytes. The stream is a head (magic, counters), the entries in key order, and an
 * end (count, checksum). It may be cut anywhere, so chunks have exactly the size asked for.
 *
 * A restorer fills an empty store as chunks arrive and hands it over only when everything was
 * there and right: the checksum of the stream, and the content itself, whose hash sums are added up
 * again record by record and must come to what the counters say.
 */

import { ByteWriter, DamagedBytes } from './bytes';
import { addLanes, Hasher } from './contentHash';
import type { Lanes } from './contentHash';
import { encodeCounters, encodeSlowCounters, writeLanes } from './counters';
import type { Counters, SlowCounters } from './counters';
import {
  ATTACHMENTS,
  CHANGES,
  CLUSTER,
  isTombstone,
  isVersionOf,
  kindEnd,
  LEASES,
  prefixOfVersion,
  revisionOfChange,
  revisionOfVersion,
  VERSIONS,
} from './layout';
import type { StoreEntry, StoreView } from './orderedStore';
import type { Revision } from './types';
import type { Index } from '../raft/types';

export interface SnapshotSource {
  /** The applied index that the snapshot stands for. */
  readonly index: Index;
  /** The stream from its beginning, each time the same; chunks have `bytesMax` but the last. */
  chunks(bytesMax: number): Iterable<Uint8Array>;
  /** Gives the view back; idempotent. Chunks may not be asked for any more. */
  release(): void;
}

/** The first bytes of every snapshot: name and version of the format. */
export const SNAPSHOT_MAGIC = 'CRKV1';

/** The kinds of entries in a snapshot, in the order of their keys. */
const SNAPSHOT_KINDS = [ATTACHMENTS, CLUSTER, VERSIONS, LEASES, CHANGES] as const;

const ENTRIES_AT_ONCE = 512;

export class StoreSnapshot implements SnapshotSource {
  readonly index: Index;

  constructor(
    private readonly view: StoreView,
    private readonly counters: Counters,
    private readonly slow: SlowCounters,
  ) {
    this.index = counters.appliedIndex;
  }

  *chunks(bytesMax: number): Iterable<Uint8Array> {
    if (!(bytesMax >= 1)) throw new RangeError(`a chunk has at least 1 byte, not ${bytesMax}`);
    const packer = new Packer(bytesMax);
    const head = encodeHead(this.counters, this.slow);
    const checksum = new StreamChecksum(head);
    const writer = new ByteWriter(256);
    packer.add(head);
    for (const page of this.pages(bytesMax)) {
      for (const entry of page) {
        checksum.add(entry.key, entry.value);
        packer.add(encodeEntry(writer, entry));
      }
      yield* packer.takeFull();
    }
    packer.add(encodeEnd(checksum));
    yield* packer.takeFull();
    const rest = packer.takeRest();
    if (rest.length > 0) yield rest;
  }

  /** What belongs to the snapshot, a bounded part of the store at a time. */
  *pages(bytesMax: number): Iterable<readonly StoreEntry[]> {
    const filter = snapshotFilter(this.slow.compacted);
    for (const kind of SNAPSHOT_KINDS) {
      let from: string | undefined = kind;
      while (from !== undefined) {
        const { entries, next } = this.read(from, kindEnd(kind), bytesMax);
        yield entries.filter(({ key, value }) => filter(key, value));
        from = next;
      }
    }
  }

  release(): void {
    this.view.release();
  }

  private read(from: string, to: string, bytesMax: number) {
    const entries: StoreEntry[] = [];
    let bytes = 0;
    this.view.scan(from, to, (key, value) => {
      entries.push({ key, value });
      bytes += key.length + value.length;
      return bytes < bytesMax && entries.length < ENTRIES_AT_ONCE;
    });
    const full = bytes >= bytesMax || entries.length >= ENTRIES_AT_ONCE;
    return { entries, next: full ? `${entries.at(-1)!.key}\0` : undefined };
  }
}

type EntryFilter = (key: string, value: Uint8Array) => boolean;

/** Which entries belong to a snapshot compacted at `compacted`; refuses what is of no kind. */
export function snapshotFilter(compacted: Revision): EntryFilter {
  const versions = keptVersions(compacted);
  return (key, value) => {
    const kind = key[0]!;
    if (kind === VERSIONS) return versions(key, value);
    if (kind === CHANGES) return revisionOfChange(key).revision >= compacted;
    if (kind === ATTACHMENTS || kind === CLUSTER || kind === LEASES) return true;
    throw new DamagedBytes(`an entry of the unknown kind ${JSON.stringify(kind)} in a snapshot`);
  };
}

/**
 * Tells, for versions in store order (newest first within a key), which a compaction keeps: all
 * from the compacted revision on, and the newest before it unless that is a tombstone.
 */
function keptVersions(compacted: Revision): EntryFilter {
  let prefix = '';
  let decided = false;
  return (key, record) => {
    if (prefix === '' || !isVersionOf(key, prefix)) {
      prefix = prefixOfVersion(key);
      decided = false;
    }
    const revision = revisionOfVersion(key);
    const kept = revision >= compacted || (!decided && !isTombstone(record));
    if (revision <= compacted) decided = true;
    return kept;
  };
}

function encodeHead(counters: Counters, slow: SlowCounters): Uint8Array {
  const w = new ByteWriter(256);
  w.string(SNAPSHOT_MAGIC);
  // The bytes depend on how far compaction has got; the receiver counts its own.
  w.bytes(encodeCounters({ ...counters, bytes: 0 }));
  w.bytes(encodeSlowCounters({ ...slow, cursor: undefined }));
  return w.finish();
}

/** Valid until the next entry. */
function encodeEntry(w: ByteWriter, { key, value }: StoreEntry): Uint8Array {
  w.reset();
  w.string(key);
  w.bytes(value);
  return w.release();
}

/** An entry without a key: no entry of the store is. */
function encodeEnd(checksum: StreamChecksum): Uint8Array {
  const w = new ByteWriter();
  w.string('');
  w.varint(checksum.count);
  writeLanes(w, checksum.sum);
  return w.finish();
}

/** A checksum over the head and the entries in their order. */
export class StreamChecksum {
  count = 0;
  sum: Lanes;
  private readonly hasher = new Hasher();

  constructor(head: Uint8Array) {
    this.sum = this.hasher.bytes(head).finish();
  }

  add(key: string, value: Uint8Array): void {
    const hash = this.hasher.reset().number(this.count).string(key).bytes(value).finish();
    this.sum = addLanes(this.sum, hash);
    this.count++;
  }
}

/** What a chunk begins with when chunks are larger. */
const PACKER_BYTES = 4096;

/** Cuts a sequence of byte arrays into chunks of one size. */
class Packer {
  /** Grows up to the size of a chunk: a small state pays for its own bytes only. */
  private chunk: Uint8Array;
  private used = 0;
  private full: Uint8Array[] = [];

  constructor(private readonly chunkBytes: number) {
    this.chunk = new Uint8Array(Math.min(chunkBytes, PACKER_BYTES));
  }

  add(bytes: Uint8Array): void {
    const { length } = bytes;
    if (this.used + length < this.chunkBytes) {
      this.put(bytes);
      return;
    }
    let from = 0;
    while (from < length) {
      const to = Math.min(length, from + this.chunkBytes - this.used);
      this.put(bytes.subarray(from, to));
      from = to;
      if (this.used < this.chunkBytes) return;
      this.full.push(this.chunk);
      this.chunk = new Uint8Array(this.chunkBytes);
      this.used = 0;
    }
  }

  private put(bytes: Uint8Array): void {
    const end = this.used + bytes.length;
    if (end > this.chunk.length) {
      const larger = new Uint8Array(Math.min(this.chunkBytes, Math.max(end, 2 * this.used)));
      larger.set(this.chunk.subarray(0, this.used));
      this.chunk = larger;
    }
    this.chunk.set(bytes, this.used);
    this.used = end;
  }

  takeFull(): readonly Uint8Array[] {
    const { full } = this;
    this.full = [];
    return full;
  }

  takeRest(): Uint8Array {
    return this.chunk.subarray(0, this.used);
  }
}

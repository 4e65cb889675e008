/**
 * The stable log of a member: segments on disk, a bounded tail in memory, eight bytes of index
 * for each live entry. The core reads it synchronously; an entry that fell out of the cache is
 * read from its segment and its checksum verified again.
 *
 * Durability is in the caller's hands and is cheap to group: any number of `append`s, then one
 * `sync`. What one append writes is one batch: all of it survives a crash or nothing does, the
 * cutting of a conflicting suffix included, because a batch that starts at index i replaces
 * everything from i on when it is replayed. A sync that failed is never tried again: the system
 * may have dropped the pages and call the next sync a success. The store then refuses all work.
 */
import type {
  ConfState,
  Entry,
  HardState,
  Index,
  LogReader,
  SnapshotMetadata,
  Term,
} from '../raft/types';
import type { BatchPlace, NewRecord } from './batch';
import { NO_MEMBERS } from './confCodec';
import type { Checksum } from './crc32';
import { checksumOf } from './crc32';
import type { Disk, SyncDone } from './disk';
import { EntryCache } from './entryCache';
import { EntryFiles } from './entryFiles';
import { assertUse, StorageError } from './errors';
import { LogState } from './logState';
import { RECORD_HEADER_BYTES, RECORD_TYPES, TYPE_OF_ENTRY } from './record';
import { recoverLog } from './recovery';
import type { Segment } from './segment';
import { compactRecord, hardRecord, snapshotRecord } from './segment';
import { SegmentLog } from './segmentLog';

export const SEGMENT_BYTES_MAX = 64 * 1024 * 1024;
export const CACHE_BYTES_MAX = 16 * 1024 * 1024;
/** Offsets are 32 bits wide; the rest is room for the batch that overshoots. */
const SEGMENT_BYTES_LIMIT = 1024 * 1024 * 1024;

export interface LogStoreOptions {
  /** Membership of a new log, used when the directory is empty. Default: nobody (a joiner). */
  readonly bootstrap?: ConfState | undefined;
  /**
   * A segment that holds this many bytes is closed. Default 64 MiB: few files, and little waits
   * to be removed. While a sync is under way it may grow to twice that.
   */
  readonly segmentBytesMax?: number | undefined;
  /** Bytes of the newest entries kept in memory, object overhead included. Default 16 MiB. */
  readonly cacheBytesMax?: number | undefined;
}

/** What one persist step writes; all of it or nothing survives a crash. */
export interface LogWork {
  readonly hard?: HardState | undefined;
  /** Contiguous; replace every stored entry from the first one's index on. */
  readonly entries?: readonly Entry[] | undefined;
  /** Replaces the whole log; its data must already be durable in the snapshot store. */
  readonly snapshot?: SnapshotMetadata | undefined;
}

export class LogStore implements LogReader {
  private readonly cache: EntryCache;
  private readonly files: EntryFiles;

  private constructor(
    private readonly directory: string,
    private readonly state: LogState,
    private readonly log: SegmentLog,
    readonly cacheBytesMax: number,
    checksum: Checksum,
  ) {
    this.cache = new EntryCache(cacheBytesMax);
    this.files = new EntryFiles(state.entries, log.segments, checksum);
  }

  /**
   * Reads the log in `directory` back, or begins one there. A torn tail is cut and the cut made
   * durable. Throws CorruptionError for damage, StorageError when the disk fails.
   */
  static open(disk: Disk, directory: string, options: LogStoreOptions = {}): LogStore {
    const segmentBytesMax = options.segmentBytesMax ?? SEGMENT_BYTES_MAX;
    const cacheBytesMax = options.cacheBytesMax ?? CACHE_BYTES_MAX;
    assertUse(
      segmentBytesMax > 0 && segmentBytesMax <= SEGMENT_BYTES_LIMIT,
      directory,
      () => `segmentBytesMax ${segmentBytesMax} is not in 1..${SEGMENT_BYTES_LIMIT}`,
    );
    const checksum = checksumOf(disk);
    let log: SegmentLog | undefined;
    try {
      disk.createDirectory(directory);
      const { state, segments } =
        recoverLog(disk, directory, checksum) ?? newLog(options.bootstrap ?? NO_MEMBERS);
      log = new SegmentLog(disk, directory, state, segments, segmentBytesMax, checksum);
      const store = new LogStore(directory, state, log, cacheBytesMax, checksum);
      if (segments.length === 0) log.begin();
      else log.removeDead();
      return store;
    } catch (error) {
      log?.close();
      throw StorageError.from(`opening the log in ${directory}`, error);
    }
  }

  get hardState(): HardState {
    return this.state.hard;
  }

  /** Bytes of all segments on disk. */
  get bytes(): number {
    return this.log.bytes;
  }

  /** Bytes written since the store was opened, what was removed again included. */
  get bytesWritten(): number {
    return this.log.bytesWritten;
  }

  /** Bytes that the cached entries cost; never more than `cacheBytesMax`. */
  get cachedBytes(): number {
    return this.cache.bytes;
  }

  /** Bytes of data of the entries between firstIndex and lastIndex. */
  get retainedBytes(): number {
    return this.state.entries.bytes;
  }

  /** `conf` is the newest snapshot's (or the bootstrap's): later changes stand in the entries. */
  initialState(): {
    readonly hard: HardState;
    readonly conf: ConfState;
    readonly confIndex: Index;
  } {
    const { hard, snapshot } = this.state;
    return { hard, conf: snapshot.conf, confIndex: snapshot.index };
  }

  firstIndex(): Index {
    return this.state.baseIndex + 1;
  }

  lastIndex(): Index {
    return this.state.lastIndex;
  }

  term(index: Index): Term | undefined {
    return this.state.term(index);
  }

  /** Undefined as long as there is none but the bootstrap's, which has no data to send. */
  snapshot(): SnapshotMetadata | undefined {
    return this.state.snapshot.index === 0 ? undefined : this.state.snapshot;
  }

  entries(low: Index, high: Index, bytesMax: number): readonly Entry[] | undefined {
    if (low < this.firstIndex() || high > this.lastIndex() + 1) return undefined;
    if (low >= high) return [];
    const end = low + this.state.entries.countWithin(low, high, bytesMax);
    const cached = this.cache.first;
    const result: Entry[] = [];
    try {
      this.files.read(low, Math.min(end, cached), result);
    } catch (error) {
      throw StorageError.from(`reading entries ${low} to ${end - 1}`, error);
    }
    for (let index = Math.max(low, cached); index < end; index++) {
      result.push(this.cache.get(index));
    }
    return result;
  }

  /**
   * The smallest index behind which at most `entriesMax` entries with at most `bytesMax` bytes
   * follow: compacting up to it keeps that window for slow followers.
   */
  windowStart(entriesMax: number, bytesMax: number): Index {
    let bytes = 0;
    let index = this.lastIndex();
    const oldest = Math.max(this.state.baseIndex, index - entriesMax);
    while (index > oldest && (bytes += this.state.entries.length(index)) <= bytesMax) index--;
    return index;
  }

  /** Writes to the page cache; durable after the next `sync`. Work that is empty writes nothing. */
  append(work: LogWork): void {
    this.log.assertUsable();
    const { hard, entries = [], snapshot } = work;
    this.checkWork(work);
    const records: NewRecord[] = [];
    if (snapshot) records.push(snapshotRecord(RECORD_TYPES.install, snapshot));
    if (hard) records.push(hardRecord(hard));
    const before = records.length;
    for (const entry of entries) {
      const { index, term, data } = entry;
      records.push({ type: TYPE_OF_ENTRY[entry.type], index, term, payload: data });
    }
    if (records.length === 0) return;
    const place = this.log.write(records);
    if (snapshot) {
      this.state.install(snapshot);
      this.cache.clear();
    }
    if (hard) this.state.hard = hard;
    this.remember(entries, records, before, place);
    if (snapshot) this.log.dropSegments();
  }

  /**
   * Makes everything appended so far durable, then calls `done`; never before this call returns.
   * Calls that arrive while the device works share the next round. Throws when the store failed.
   */
  sync(done: SyncDone): void {
    this.log.assertUsable();
    this.log.sync(done);
  }

  /** Records that a newer snapshot of this log is durable. An older one changes nothing. */
  setSnapshot(metadata: SnapshotMetadata): void {
    this.log.assertUsable();
    if (metadata.index <= this.state.snapshot.index) return;
    const problem = this.state.snapshotProblem(metadata.index);
    assertUse(problem === undefined, this.directory, () => problem!);
    this.log.write([snapshotRecord(RECORD_TYPES.snapshot, metadata)]);
    this.state.snapshot = metadata;
  }

  /**
   * Forgets entries up to `index`, at most up to the newest snapshot. Segments that hold nothing
   * else are removed once the record of this is durable.
   */
  compact(index: Index): void {
    this.log.assertUsable();
    const target = Math.min(index, this.state.snapshot.index);
    if (target <= this.state.baseIndex) return;
    const term = this.state.term(target)!;
    this.log.write([compactRecord(target, term)]);
    this.state.compact(target, term);
    this.cache.dropBefore(target + 1);
    this.log.dropSegments();
  }

  /** Entries are read from disk until new ones come: for a time in which nobody asks for them. */
  forgetCached(): void {
    this.cache.clear();
  }

  /** Closes all files. What no sync covered may be lost; callers of a sync under way still hear. */
  close(): void {
    this.cache.clear();
    this.log.close();
  }

  /** Throws before anything is written, so that the caller's bug costs nothing on disk. */
  private checkWork({ hard, entries = [], snapshot }: LogWork): void {
    const { state } = this;
    const check = (problem: string | undefined): void =>
      assertUse(problem === undefined, this.directory, () => `cannot append: ${problem}`);
    if (snapshot) check(state.installProblem(snapshot));
    if (hard) check(state.hardProblem(hard));
    const base = snapshot ?? state.snapshot;
    const first = entries[0];
    const termMax = (hard ?? state.hard).term;
    let last = snapshot ? snapshot.index : state.lastIndex;
    let lastTerm = base.term;
    if (first !== undefined) {
      const { index } = first;
      if (index <= base.index) check(`entry ${index} is not after the snapshot at ${base.index}`);
      if (index > last + 1) check(`entry ${index} does not follow ${last}`);
      last = index - 1;
      if (last > base.index) lastTerm = state.term(last)!;
    }
    for (const { index, term } of entries) {
      if (index !== last + 1) check(`entry ${index} does not follow ${last}`);
      if (term < lastTerm || term > termMax) {
        check(`entry ${index} has term ${term}, not in ${lastTerm}..${termMax}`);
      }
      last = index;
      lastTerm = term;
    }
    const commit = (hard ?? state.hard).commit;
    if (commit > last) check(`the commit index ${commit} is past the last entry ${last}`);
  }

  private remember(
    entries: readonly Entry[],
    records: readonly NewRecord[],
    before: number,
    place: BatchPlace,
  ): void {
    if (entries.length === 0) return;
    let { offset } = place;
    for (let i = 0; i < before; i++) offset += RECORD_HEADER_BYTES + records[i]!.payload.length;
    this.cache.dropFrom(entries[0]!.index);
    for (const entry of entries) {
      const { index, term, data } = entry;
      this.state.addEntry(index, term, place.segment, offset, data.length);
      this.cache.push(entry);
      offset += RECORD_HEADER_BYTES + data.length;
    }
  }
}

function newLog(conf: ConfState): { state: LogState; segments: Segment[] } {
  return { state: new LogState(0, 0, { index: 0, term: 0, conf }, 0), segments: [] };
}

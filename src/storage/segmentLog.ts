/**
 * The segments of a log as they are written: one batch after the other at the end of the newest
 * segment, a new segment when that one is full, old ones removed when nothing in them is needed.
 * The first failure is final: what the device holds is no longer known, so nothing more is tried.
 */
import type { BatchPlace, NewRecord } from './batch';
import { BatchEncoder } from './batch';
import type { Checksum } from './crc32';
import type { Disk, SyncDone } from './disk';
import { StorageError } from './errors';
import type { LogState } from './logState';
import type { Segment } from './segment';
import { headerBatch, segmentPath } from './segment';
import { SyncQueue } from './syncQueue';

export class SegmentLog {
  private readonly batches: BatchEncoder;
  private readonly syncs: SyncQueue;
  private failure: StorageError | undefined;
  private written = 0;

  constructor(
    private readonly disk: Disk,
    private readonly directory: string,
    private readonly state: LogState,
    /** Oldest first, without gaps; the last one is written to. */
    readonly segments: Segment[],
    private readonly segmentBytesMax: number,
    checksum: Checksum,
  ) {
    this.batches = new BatchEncoder(checksum);
    this.syncs = new SyncQueue(
      () => this.current,
      (error) => this.fail(error),
    );
  }

  get bytes(): number {
    return this.segments.reduce((sum, segment) => sum + segment.file.size, 0);
  }

  /** Bytes of all batches written since this log was opened. */
  get bytesWritten(): number {
    return this.written;
  }

  assertUsable(): void {
    if (this.failure !== undefined) throw this.failure;
  }

  sync(done: SyncDone): void {
    this.syncs.add(done);
  }

  /** The first segment of a new log; durable when this returns. */
  begin(): void {
    this.beginSegment(1);
  }

  /** Appends one batch; on failure the segment is cut back to where it was, if that works. */
  write(records: readonly NewRecord[]): BatchPlace {
    try {
      const { file } = this.current;
      if (file.size >= this.segmentBytesMax) this.roll();
    } catch (error) {
      throw this.fail(error);
    }
    const { file, number, synced } = this.current;
    const place = { segment: number, offset: file.size, synced };
    try {
      file.append(...this.batches.encode(records, place));
      this.written += file.size - place.offset;
    } catch (error) {
      cutBack(this.current, place.offset);
      throw this.fail(error);
    }
    return place;
  }

  /** Removes what is not needed any more, once everything written so far is durable. */
  dropSegments(): void {
    const needed = this.state.firstSegmentNeeded(this.current.number);
    if (needed === this.segments[0]!.number) return;
    this.syncs.add((error) => {
      if (error !== undefined || this.failure !== undefined) return;
      try {
        this.removeSegmentsBelow(needed);
      } catch (failed) {
        this.fail(failed);
      }
    });
  }

  /** After a recovery, when everything is durable: the same at once. */
  removeDead(): void {
    this.removeSegmentsBelow(this.state.firstSegmentNeeded(this.current.number));
  }

  /** What no sync covered may be lost; callers of a sync under way still hear of it. */
  close(): void {
    this.failure ??= new StorageError('CLOSED', this.directory, `${this.directory} is closed`);
    for (const segment of this.segments) segment.file.close();
  }

  /**
   * Begins the next segment once the old one is durable to its last byte: a recovery counts on
   * that. Waiting in place is left for the segment that never gets quiet.
   */
  private roll(): void {
    const { file, synced, number } = this.current;
    if (synced < file.size && file.size < 2 * this.segmentBytesMax) return;
    if (synced < file.size) file.syncNow();
    this.current.synced = file.size;
    this.beginSegment(number + 1);
  }

  /** The new segment and its name are durable when this returns. */
  private beginSegment(number: number): void {
    const sizeBefore = number === 1 ? 0 : this.current.file.size;
    const path = segmentPath(this.directory, number);
    const file = this.disk.create(path);
    const records = headerBatch(number, sizeBefore, this.state);
    try {
      file.append(...this.batches.encode(records, { segment: number, offset: 0, synced: 0 }));
      file.syncNow();
      this.disk.syncDirectoryNow(this.directory);
    } catch (error) {
      file.close();
      throw error;
    }
    this.segments.push({ number, path, file, synced: file.size });
  }

  /** A removal that does not survive a crash is made good at the next opening. */
  private removeSegmentsBelow(needed: number): void {
    while (this.segments.length > 1 && this.segments[0]!.number < needed) {
      const { file, path } = this.segments.shift()!;
      file.close();
      this.disk.remove(path);
    }
  }

  private get current(): Segment {
    return this.segments[this.segments.length - 1]!;
  }

  private fail(error: unknown): StorageError {
    this.failure ??= StorageError.from(`the log in ${this.directory}`, error);
    return this.failure;
  }
}

/** If even cutting fails, the recovery cuts: a batch without its end is nothing to it. */
function cutBack(segment: Segment, size: number): void {
  try {
    segment.file.truncate(size);
  } catch {
    // The append's own error is the one to report.
  }
}

/**
 * Reads the records of one segment in order, through a window of bounded size, so that the
 * recovery of a log of any length takes a few megabytes of memory.
 */
import { viewOf } from './bytes';
import type { Checksum } from './crc32';
import type { DiskFile } from './disk';
import type { RecordHeader } from './record';
import { readRecordHeader, RECORD_HEADER_BYTES, recordIsIntact } from './record';

const WINDOW_BYTES = 4 * 1024 * 1024;

export interface ScannedRecord {
  readonly header: RecordHeader;
  /** A view into the window: copy what must outlive the next read. */
  readonly payload: Uint8Array;
}

export class SegmentScanner {
  private window: Uint8Array = new Uint8Array(0);
  private view = viewOf(this.window);
  private windowStart = 0;

  constructor(
    private readonly file: DiskFile,
    private readonly segment: number,
    private readonly checksum: Checksum,
  ) {}

  /** The intact record at `offset`, or undefined when there is none. */
  recordAt(offset: number): ScannedRecord | undefined {
    if (!this.load(offset, RECORD_HEADER_BYTES)) return undefined;
    const header = readRecordHeader(this.view, offset - this.windowStart);
    if (header === undefined) return undefined;
    if (!this.load(offset, RECORD_HEADER_BYTES + header.length)) return undefined;
    const at = offset - this.windowStart;
    const { segment, checksum, window, view } = this;
    if (!recordIsIntact(window, view, at, header.length, segment, offset, checksum)) {
      return undefined;
    }
    const start = at + RECORD_HEADER_BYTES;
    return { header, payload: window.subarray(start, start + header.length) };
  }

  /**
   * Offset of an intact record behind `bad` that says that bytes from `bad` on were durable, or
   * undefined when nobody vouches for them. Looks at every offset: where a record is
   * unreadable, the place of the next one is unknown.
   */
  findWitness(bad: number): number | undefined {
    let offset = bad;
    while (offset + RECORD_HEADER_BYTES <= this.file.size) {
      const record = this.recordAt(offset);
      if (record === undefined) offset++;
      else if (record.header.synced > bad) return offset;
      else offset += RECORD_HEADER_BYTES + record.header.length;
    }
    return undefined;
  }

  /** Makes [offset, offset + length) available in the window; false when the file ends before. */
  private load(offset: number, length: number): boolean {
    if (offset + length > this.file.size) return false;
    const end = this.windowStart + this.window.length;
    if (offset >= this.windowStart && offset + length <= end) return true;
    this.window = this.file.read(offset, Math.max(length, WINDOW_BYTES));
    this.view = viewOf(this.window);
    this.windowStart = offset;
    return this.window.length >= length;
  }
}

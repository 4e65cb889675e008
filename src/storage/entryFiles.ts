/**
 * Reads entries back from their segments. Neighbours are fetched in one read, a few small
 * records of other kinds between them included; every entry is checked against its checksum,
 * its place and what the index knows of it before anybody sees it.
 */
import type { Entry, Index } from '../raft/types';
import { viewOf } from './bytes';
import type { Checksum } from './crc32';
import type { EntryIndex } from './entryIndex';
import { CorruptionError } from './errors';
import { entryTypeOf, readRecordHeader, RECORD_HEADER_BYTES, recordIsIntact } from './record';
import type { Segment } from './segment';

/** Reading over a gap of this size is cheaper than a read of its own. */
const GAP_BYTES_MAX = 4096;
/** One read covers at most this, or one entry. Entries of one read share its buffer. */
const READ_BYTES_MAX = 256 * 1024;

export class EntryFiles {
  constructor(
    private readonly index: EntryIndex,
    /** The store's own list: segments come and go. */
    private readonly segments: readonly Segment[],
    private readonly checksum: Checksum,
  ) {}

  /** Adds entries [low, high) to `result`. Throws CorruptionError or DiskError. */
  read(low: Index, high: Index, result: Entry[]): void {
    for (let next = low; next < high;) {
      const end = this.groupEnd(next, high);
      this.readGroup(next, end, result);
      next = end;
    }
  }

  /** The entries from `low` on that one read can fetch. */
  private groupEnd(low: Index, high: Index): Index {
    const { index } = this;
    const segment = index.segment(low);
    const start = index.offset(low);
    let end = this.recordEnd(low);
    let next = low + 1;
    while (next < high && index.segment(next) === segment) {
      const offset = index.offset(next);
      const nextEnd = this.recordEnd(next);
      if (offset - end > GAP_BYTES_MAX || nextEnd - start > READ_BYTES_MAX) break;
      end = nextEnd;
      next++;
    }
    return next;
  }

  private readGroup(low: Index, high: Index, result: Entry[]): void {
    const segment = this.segmentOf(low);
    const start = this.index.offset(low);
    const bytes = segment.file.read(start, this.recordEnd(high - 1) - start);
    const view = viewOf(bytes);
    for (let index = low; index < high; index++) {
      const offset = this.index.offset(index);
      const at = offset - start;
      const header = readRecordHeader(view, at);
      const type = header && entryTypeOf(header.type);
      if (
        header === undefined ||
        type === undefined ||
        header.index !== index ||
        header.length !== this.index.length(index) ||
        !recordIsIntact(bytes, view, at, header.length, segment.number, offset, this.checksum)
      ) {
        throw new CorruptionError(segment.path, offset, `entry ${index} cannot be read back`);
      }
      const from = at + RECORD_HEADER_BYTES;
      const data = bytes.subarray(from, from + header.length);
      result.push({ term: header.term, index, type, data });
    }
  }

  private recordEnd(index: Index): number {
    return this.index.offset(index) + RECORD_HEADER_BYTES + this.index.length(index);
  }

  private segmentOf(index: Index): Segment {
    return this.segments[this.index.segment(index) - this.segments[0]!.number]!;
  }
}

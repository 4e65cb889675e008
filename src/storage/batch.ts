/**
 * Turns the records of one append into bytes. Only the last record carries the end-of-batch
 * flag: a batch that was cut short anywhere has no end, and the recovery forgets all of it.
 *
 * Headers and small payloads are gathered in one buffer that is used again and again; a large
 * payload is passed on as it is, so that a megabyte is not copied on its way to the disk.
 */
import type { Checksum } from './crc32';
import { viewOf } from './bytes';
import { putRecordHeader, RECORD_HEADER_BYTES, sealRecord } from './record';

/** Copying this much costs less than one more part of a vectored write. */
const INLINE_BYTES_MAX = 4096;
const SCRATCH_BYTES = 64 * 1024;
/** A buffer grown beyond this by one huge batch is given back. */
const SCRATCH_KEPT_MAX = 1024 * 1024;

export interface NewRecord {
  readonly type: number;
  readonly index: number;
  readonly term: number;
  readonly payload: Uint8Array;
}

/** Where a batch goes: its segment's number and size, and how much of that is durable. */
export interface BatchPlace {
  readonly segment: number;
  readonly offset: number;
  readonly synced: number;
}

export class BatchEncoder {
  private scratch = new Uint8Array(SCRATCH_BYTES);
  private view = viewOf(this.scratch);

  constructor(private readonly checksum: Checksum) {}

  /** The parts are valid until the next call. */
  encode(records: readonly NewRecord[], place: BatchPlace): Uint8Array[] {
    this.makeRoom(records);
    const parts: Uint8Array[] = [];
    let partStart = 0;
    let at = 0;
    let offset = place.offset;
    for (let i = 0; i < records.length; i++) {
      const record = records[i]!;
      const length = record.payload.length;
      const inline = length <= INLINE_BYTES_MAX;
      const end = at + RECORD_HEADER_BYTES + (inline ? length : 0);
      putRecordHeader(this.view, at, {
        type: record.type,
        endOfBatch: i === records.length - 1,
        synced: place.synced,
        index: record.index,
        term: record.term,
        length,
      });
      if (inline) this.scratch.set(record.payload, at + RECORD_HEADER_BYTES);
      const rest = inline ? undefined : record.payload;
      const { segment } = place;
      sealRecord(this.scratch, this.view, at, end, rest, segment, offset, this.checksum);
      at = end;
      offset += RECORD_HEADER_BYTES + length;
      if (rest !== undefined) {
        parts.push(this.scratch.subarray(partStart, at), rest);
        partStart = at;
      }
    }
    if (at > partStart) parts.push(this.scratch.subarray(partStart, at));
    return parts;
  }

  private makeRoom(records: readonly NewRecord[]): void {
    let needed = 0;
    for (const { payload } of records) {
      needed += RECORD_HEADER_BYTES + (payload.length <= INLINE_BYTES_MAX ? payload.length : 0);
    }
    const size = this.scratch.length;
    if (needed <= size && (size <= SCRATCH_KEPT_MAX || needed > SCRATCH_KEPT_MAX)) return;
    this.scratch = new Uint8Array(Math.max(needed, SCRATCH_BYTES));
    this.view = viewOf(this.scratch);
  }
}

/**
 * One record of a log segment:
 *
 *   0 crc     u32   over everything below, seeded with the segment's number and the offset
 *   4 length  u32   bytes of payload
 *   8 magic   u16
 *  10 type    u8
 *  11 flags   u8    1 = last record of its batch
 *  12 synced  u32   bytes of this segment that were durable when the record was written
 *  16 index   u64
 *  24 term    u64
 *  32 payload
 *
 * The seed makes a record valid in one place only: a misdirected write, or an old record that
 * shows up again elsewhere, fails its checksum. `synced` is what tells damage from a torn tail:
 * a valid record that says "the bytes before X are durable" turns an unreadable byte before X
 * into corruption; without such a witness it was never promised to anybody and is cut.
 */
import type { EntryType } from '../raft/types';
import { getUint64, putUint64 } from './bytes';
import type { Checksum } from './crc32';

export const RECORD_HEADER_BYTES = 32;
const MAGIC = 0xc52a;
const END_OF_BATCH = 1;

/** Numbers on disk: never reuse one. */
export const RECORD_TYPES = {
  entry: 1,
  changeEntry: 2,
  changeV2Entry: 3,
  /** index = commit, term = term, payload = vote (u64). */
  hard: 4,
  /** A snapshot is durable beside the log. Payload = its configuration. */
  snapshot: 5,
  /** A snapshot replaced the whole log. Payload = its configuration. */
  install: 6,
  /** Everything up to (index, term) is forgotten. */
  compact: 7,
  /** First record of a segment: index = its number, payload see `segmentHeader.ts`. */
  segment: 8,
} as const;

const LAST_TYPE = RECORD_TYPES.segment;

export interface RecordHeader {
  readonly type: number;
  readonly endOfBatch: boolean;
  readonly synced: number;
  readonly index: number;
  readonly term: number;
  readonly length: number;
}

export const TYPE_OF_ENTRY: Readonly<Record<EntryType, number>> = {
  normal: RECORD_TYPES.entry,
  change: RECORD_TYPES.changeEntry,
  changeV2: RECORD_TYPES.changeV2Entry,
};

export function entryTypeOf(type: number): EntryType | undefined {
  switch (type) {
    case RECORD_TYPES.entry:
      return 'normal';
    case RECORD_TYPES.changeEntry:
      return 'change';
    case RECORD_TYPES.changeV2Entry:
      return 'changeV2';
    default:
      return undefined;
  }
}

/** Different for each place: multiplying by an odd constant spreads the segment's number. */
function seedOf(segment: number, offset: number): number {
  return (Math.imul(segment, 0x9e3779b1) ^ offset) >>> 0;
}

/** Writes all of a header but its checksum, which `sealRecord` adds. */
export function putRecordHeader(view: DataView, at: number, header: RecordHeader): void {
  view.setUint32(at + 4, header.length, true);
  view.setUint16(at + 8, MAGIC, true);
  view.setUint8(at + 10, header.type);
  view.setUint8(at + 11, header.endOfBatch ? END_OF_BATCH : 0);
  view.setUint32(at + 12, header.synced, true);
  putUint64(view, at + 16, header.index);
  putUint64(view, at + 24, header.term);
}

/**
 * Adds the checksum to the record at [at, end) of `bytes`, which will stand at `offset` of
 * `segment`; `rest` is the part of its payload that is not in `bytes`.
 */
export function sealRecord(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  rest: Uint8Array | undefined,
  segment: number,
  offset: number,
  checksum: Checksum,
): void {
  const head = checksum(bytes, seedOf(segment, offset), at + 4, end);
  view.setUint32(at, rest === undefined ? head : checksum(rest, head), true);
}

/** The header at `at` if it can be one, its checksum not yet looked at. */
export function readRecordHeader(view: DataView, at: number): RecordHeader | undefined {
  if (at + RECORD_HEADER_BYTES > view.byteLength) return undefined;
  if (view.getUint16(at + 8, true) !== MAGIC) return undefined;
  const type = view.getUint8(at + 10);
  const flags = view.getUint8(at + 11);
  const index = getUint64(view, at + 16);
  const term = getUint64(view, at + 24);
  if (type < 1 || type > LAST_TYPE || flags > END_OF_BATCH) return undefined;
  if (index === undefined || term === undefined) return undefined;
  return {
    type,
    endOfBatch: flags === END_OF_BATCH,
    synced: view.getUint32(at + 12, true),
    index,
    term,
    length: view.getUint32(at + 4, true),
  };
}

/** Whether the whole record at `at` of `bytes` is what was written at `offset` of `segment`. */
export function recordIsIntact(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  length: number,
  segment: number,
  offset: number,
  checksum: Checksum,
): boolean {
  const end = at + RECORD_HEADER_BYTES + length;
  if (end > bytes.length) return false;
  const actual = checksum(bytes, seedOf(segment, offset), at + 4, end);
  return actual === view.getUint32(at, true);
}

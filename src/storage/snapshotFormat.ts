/**
 * A snapshot file. All chunks but the last are full, so that the place of every payload byte is
 * known without an index, and a reader can start anywhere:
 *
 *   header   magic u32, crc u32, version u32, chunkBytes u32, confBytes u32, 0 u32,
 *            index u64, term u64, configuration
 *   chunk    crc u32, length u32, payload offset u64, payload     (any number of times)
 *   footer   magic u32, crc u32, chunks u64, payload bytes u64
 *
 * The checksum of a chunk or footer starts from the header's, so that a piece of another
 * snapshot never fits, and covers length and offset, so that a piece in the wrong place does
 * not fit either. A file without its footer is not finished.
 */
import type { SnapshotMetadata } from '../raft/types';
import { getUint64, putUint64, viewOf } from './bytes';
import { decodeConf, encodeConf } from './confCodec';
import type { Checksum } from './crc32';

export const SNAPSHOT_VERSION = 1;
export const CHUNK_HEADER_BYTES = 16;
export const FOOTER_BYTES = 24;
export const CHUNK_BYTES_LIMIT = 16 * 1024 * 1024;

const HEADER_FIXED_BYTES = 40;
const HEADER_MAGIC = 0x504e5352;
const FOOTER_MAGIC = 0x444e4553;
/** A configuration of tens of thousands of members; more is damage. */
const CONF_BYTES_MAX = 1024 * 1024;

export interface SnapshotHeader {
  readonly metadata: SnapshotMetadata;
  readonly chunkBytes: number;
  /** Where the first chunk begins. */
  readonly size: number;
  /** Checksum of the header, from which every other one starts. */
  readonly crc: number;
}

export interface SnapshotFooter {
  readonly chunks: number;
  readonly totalBytes: number;
}

export function encodeSnapshotHeader(
  metadata: SnapshotMetadata,
  chunkBytes: number,
  checksum: Checksum,
): { readonly bytes: Uint8Array; readonly header: SnapshotHeader } {
  const conf = encodeConf(metadata.conf);
  const bytes = new Uint8Array(HEADER_FIXED_BYTES + conf.length);
  const view = viewOf(bytes);
  view.setUint32(0, HEADER_MAGIC, true);
  view.setUint32(8, SNAPSHOT_VERSION, true);
  view.setUint32(12, chunkBytes, true);
  view.setUint32(16, conf.length, true);
  putUint64(view, 24, metadata.index);
  putUint64(view, 32, metadata.term);
  bytes.set(conf, HEADER_FIXED_BYTES);
  const crc = checksum(bytes.subarray(8), 0);
  view.setUint32(4, crc, true);
  return { bytes, header: { metadata, chunkBytes, size: bytes.length, crc } };
}

/** `read` gives bytes of the file. Returns the header or what is wrong with it. */
export function decodeSnapshotHeader(
  read: (offset: number, length: number) => Uint8Array,
  checksum: Checksum,
): SnapshotHeader | string {
  const fixed = read(0, HEADER_FIXED_BYTES);
  if (fixed.length < HEADER_FIXED_BYTES) return 'too short for a header';
  const start = viewOf(fixed);
  if (start.getUint32(0, true) !== HEADER_MAGIC) return 'not a snapshot';
  const confBytes = start.getUint32(16, true);
  if (confBytes > CONF_BYTES_MAX) return `a configuration of ${confBytes} bytes`;
  const bytes = read(0, HEADER_FIXED_BYTES + confBytes);
  const view = viewOf(bytes);
  const crc = checksum(bytes.subarray(8), 0);
  if (crc !== view.getUint32(4, true)) return 'the header fails its checksum';
  const version = view.getUint32(8, true);
  if (version !== SNAPSHOT_VERSION) {
    return `format version ${version}; this program reads ${SNAPSHOT_VERSION}`;
  }
  const chunkBytes = view.getUint32(12, true);
  const index = getUint64(view, 24);
  const term = getUint64(view, 32);
  const conf = decodeConf(bytes.subarray(HEADER_FIXED_BYTES));
  const sane = chunkBytes > 0 && chunkBytes <= CHUNK_BYTES_LIMIT;
  if (!sane || index === undefined || term === undefined || conf === undefined) {
    return 'the header makes no sense';
  }
  return { metadata: { index, term, conf }, chunkBytes, size: bytes.length, crc };
}

export function encodeChunkHeader(
  header: SnapshotHeader,
  offset: number,
  payload: Uint8Array,
  checksum: Checksum,
): Uint8Array {
  const bytes = new Uint8Array(CHUNK_HEADER_BYTES);
  const view = viewOf(bytes);
  view.setUint32(4, payload.length, true);
  putUint64(view, 8, offset);
  view.setUint32(0, checksum(payload, checksum(bytes.subarray(4), header.crc)), true);
  return bytes;
}

/** `bytes` is a whole chunk as it stands in the file. */
export function chunkIsIntact(
  header: SnapshotHeader,
  offset: number,
  bytes: Uint8Array,
  checksum: Checksum,
): boolean {
  if (bytes.length < CHUNK_HEADER_BYTES) return false;
  const view = viewOf(bytes);
  return (
    view.getUint32(4, true) === bytes.length - CHUNK_HEADER_BYTES &&
    getUint64(view, 8) === offset &&
    view.getUint32(0, true) === checksum(bytes.subarray(4), header.crc)
  );
}

export function encodeFooter(
  header: SnapshotHeader,
  footer: SnapshotFooter,
  checksum: Checksum,
): Uint8Array {
  const bytes = new Uint8Array(FOOTER_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, FOOTER_MAGIC, true);
  putUint64(view, 8, footer.chunks);
  putUint64(view, 16, footer.totalBytes);
  view.setUint32(4, checksum(bytes.subarray(8), header.crc), true);
  return bytes;
}

export function decodeFooter(
  header: SnapshotHeader,
  bytes: Uint8Array,
  checksum: Checksum,
): SnapshotFooter | undefined {
  if (bytes.length !== FOOTER_BYTES) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(0, true) !== FOOTER_MAGIC) return undefined;
  if (view.getUint32(4, true) !== checksum(bytes.subarray(8), header.crc)) return undefined;
  const chunks = getUint64(view, 8);
  const totalBytes = getUint64(view, 16);
  if (chunks === undefined || totalBytes === undefined) return undefined;
  if (chunks !== Math.ceil(totalBytes / header.chunkBytes)) return undefined;
  return { chunks, totalBytes };
}

/** Where chunk `n` begins. */
export function chunkPosition(header: SnapshotHeader, n: number): number {
  return header.size + n * (CHUNK_HEADER_BYTES + header.chunkBytes);
}

/** Where the footer begins behind that much payload. */
export function footerPosition(header: SnapshotHeader, totalBytes: number): number {
  const chunks = Math.ceil(totalBytes / header.chunkBytes);
  return header.size + chunks * CHUNK_HEADER_BYTES + totalBytes;
}

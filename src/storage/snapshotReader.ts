/**
 * Reads a finished snapshot file at any payload offset, one chunk at a time: the memory it takes
 * is one chunk and the answer, whatever the snapshot's size. Every byte it hands out has passed
 * the checksum of its chunk.
 */
import type { SnapshotMetadata } from '../raft/types';
import type { Checksum } from './crc32';
import type { DiskFile } from './disk';
import { CorruptionError } from './errors';
import type { SnapshotHeader } from './snapshotFormat';
import {
  CHUNK_HEADER_BYTES,
  chunkIsIntact,
  chunkPosition,
  decodeFooter,
  decodeSnapshotHeader,
  FOOTER_BYTES,
  footerPosition,
} from './snapshotFormat';

export class SnapshotReader {
  private constructor(
    private readonly file: DiskFile,
    private readonly header: SnapshotHeader,
    /** Bytes of the payload. */
    readonly totalBytes: number,
    private readonly checksum: Checksum,
  ) {}

  /** Checks header, footer and size. Throws CorruptionError; the file is then still open. */
  static open(file: DiskFile, checksum: Checksum): SnapshotReader {
    const header = decodeSnapshotHeader((offset, length) => file.read(offset, length), checksum);
    if (typeof header === 'string') throw new CorruptionError(file.path, 0, header);
    const at = Math.max(0, file.size - FOOTER_BYTES);
    const footer = decodeFooter(header, file.read(at, FOOTER_BYTES), checksum);
    if (footer === undefined) throw new CorruptionError(file.path, at, 'no footer');
    if (footerPosition(header, footer.totalBytes) !== at) {
      const reason = `the footer says ${footer.totalBytes} bytes of payload`;
      throw new CorruptionError(file.path, at, reason);
    }
    return new SnapshotReader(file, header, footer.totalBytes, checksum);
  }

  get metadata(): SnapshotMetadata {
    return this.header.metadata;
  }

  /** Payload bytes [offset, offset + lengthMax), shorter at the end. Throws CorruptionError. */
  read(offset: number, lengthMax: number): Uint8Array {
    const { chunkBytes } = this.header;
    const end = Math.min(this.totalBytes, offset + lengthMax);
    if (offset >= end) return new Uint8Array(0);
    const result = new Uint8Array(end - offset);
    for (let at = offset; at < end;) {
      const n = Math.floor(at / chunkBytes);
      const payload = this.chunk(n);
      const from = at - n * chunkBytes;
      const piece = payload.subarray(from, Math.min(payload.length, end - n * chunkBytes));
      result.set(piece, at - offset);
      at += piece.length;
    }
    return result;
  }

  /** Reads the whole payload once. Throws CorruptionError for the first damaged chunk. */
  verify(): void {
    const chunks = Math.ceil(this.totalBytes / this.header.chunkBytes);
    for (let n = 0; n < chunks; n++) this.chunk(n);
  }

  close(): void {
    this.file.close();
  }

  private chunk(n: number): Uint8Array {
    const { header, file } = this;
    const offset = n * header.chunkBytes;
    const length = Math.min(header.chunkBytes, this.totalBytes - offset);
    const position = chunkPosition(header, n);
    const bytes = file.read(position, CHUNK_HEADER_BYTES + length);
    const whole = bytes.length === CHUNK_HEADER_BYTES + length;
    if (!whole || !chunkIsIntact(header, offset, bytes, this.checksum)) {
      throw new CorruptionError(file.path, position, `chunk ${n} fails its checksum`);
    }
    return bytes.subarray(CHUNK_HEADER_BYTES);
  }
}

/**
 * Writes a snapshot file chunk by chunk under a temporary name, holding one chunk in memory.
 * Committing is the order that makes it atomic: the file's bytes durable, then its name changed,
 * then the directory durable; a crash in between leaves a file that nobody takes for a snapshot.
 */
import type { Checksum } from './crc32';
import type { Disk, DiskFile, SyncDone } from './disk';
import { assertUse, StorageError } from './errors';
import type { SnapshotHeader } from './snapshotFormat';
import {
  CHUNK_HEADER_BYTES,
  chunkIsIntact,
  chunkPosition,
  encodeChunkHeader,
  encodeFooter,
} from './snapshotFormat';

export interface SnapshotTarget {
  readonly disk: Disk;
  readonly directory: string;
  readonly temporary: string;
  readonly final: string;
  readonly checksum: Checksum;
  /** Called when the snapshot is durable under its final name. */
  readonly installed: () => void;
  /** Called once when this writer has nothing more to do. */
  readonly released: () => void;
}

/** What the buffer of a writer begins with when chunks are larger. */
const FIRST_BUFFER_BYTES = 4096;

export class SnapshotWriter {
  /** Grows up to the size of a chunk: a small snapshot pays for its own bytes only. */
  private buffer: Uint8Array;
  private buffered = 0;
  private state: 'writing' | 'committing' | 'ended' = 'writing';

  private constructor(
    private readonly target: SnapshotTarget,
    private readonly file: DiskFile,
    private readonly header: SnapshotHeader,
    private fullChunks: number,
    /** Payload bytes that the file must have in the end; undefined when nobody knows yet. */
    private readonly expectedBytes: number | undefined,
  ) {
    this.buffer = new Uint8Array(Math.min(header.chunkBytes, FIRST_BUFFER_BYTES));
  }

  static begin(
    target: SnapshotTarget,
    bytes: Uint8Array,
    header: SnapshotHeader,
    expectedBytes: number | undefined,
  ): SnapshotWriter {
    try {
      const file = target.disk.create(target.temporary);
      const writer = new SnapshotWriter(target, file, header, 0, expectedBytes);
      writer.attempt(() => file.append(bytes));
      return writer;
    } catch (error) {
      throw StorageError.from('beginning a snapshot', error);
    }
  }

  /** Goes on with a partial file: keeps its intact full chunks and cuts the rest. */
  static resume(
    target: SnapshotTarget,
    file: DiskFile,
    header: SnapshotHeader,
    expectedBytes: number,
  ): SnapshotWriter {
    const { checksum } = target;
    const most = Math.floor(expectedBytes / header.chunkBytes);
    let chunks = 0;
    while (chunks < most) {
      const position = chunkPosition(header, chunks);
      const bytes = file.read(position, CHUNK_HEADER_BYTES + header.chunkBytes);
      const full = bytes.length === CHUNK_HEADER_BYTES + header.chunkBytes;
      if (!full || !chunkIsIntact(header, chunks * header.chunkBytes, bytes, checksum)) break;
      chunks++;
    }
    file.truncate(chunkPosition(header, chunks));
    return new SnapshotWriter(target, file, header, chunks, expectedBytes);
  }

  /** Payload bytes taken so far. */
  get offset(): number {
    return this.fullChunks * this.header.chunkBytes + this.buffered;
  }

  /** Throws StorageError when the disk fails (the writer is then aborted) or after its end. */
  append(chunk: Uint8Array): void {
    this.assertWriting();
    const limit = this.expectedBytes ?? Infinity;
    assertUse(
      this.offset + chunk.length <= limit,
      this.target.final,
      () => `a snapshot of ${limit} bytes cannot take ${chunk.length} more at ${this.offset}`,
    );
    const { chunkBytes } = this.header;
    for (let at = 0; at < chunk.length;) {
      const piece = chunk.subarray(at, at + chunkBytes - this.buffered);
      this.put(piece);
      at += piece.length;
      if (this.buffered === chunkBytes) this.flush();
    }
  }

  /** Makes the snapshot durable and visible; `done` without an error means both. */
  commit(done: SyncDone): void {
    this.assertWriting();
    const totalBytes = this.offset;
    assertUse(
      totalBytes === (this.expectedBytes ?? totalBytes),
      this.target.final,
      () => `a snapshot of ${this.expectedBytes} bytes ends at ${totalBytes}`,
    );
    if (this.buffered > 0) this.flush();
    const { header, target } = this;
    const footer = { chunks: Math.ceil(totalBytes / header.chunkBytes), totalBytes };
    this.attempt(() => this.file.append(encodeFooter(header, footer, target.checksum)));
    this.state = 'committing';
    const synced: SyncDone = (error) => {
      try {
        if (error !== undefined) throw error;
        this.rename(done);
      } catch (failed) {
        this.fail(done, failed);
      }
    };
    this.attempt(() => this.file.sync(synced));
  }

  /** Forgets what was written. Does nothing once a commit has begun, or twice. */
  abort(): void {
    if (this.state === 'writing') this.discard();
  }

  /** Ends the writer but keeps the partial file for a later life. */
  suspend(): void {
    if (this.state !== 'writing') return;
    this.state = 'ended';
    this.file.close();
    this.target.released();
  }

  private put(piece: Uint8Array): void {
    const end = this.buffered + piece.length;
    if (end > this.buffer.length) {
      const size = Math.min(this.header.chunkBytes, Math.max(end, 2 * this.buffer.length));
      const larger = new Uint8Array(size);
      larger.set(this.buffer.subarray(0, this.buffered));
      this.buffer = larger;
    }
    this.buffer.set(piece, this.buffered);
    this.buffered = end;
  }

  private flush(): void {
    const payload = this.buffer.subarray(0, this.buffered);
    const { header, target } = this;
    const offset = this.fullChunks * header.chunkBytes;
    const head = encodeChunkHeader(header, offset, payload, target.checksum);
    this.attempt(() => this.file.append(head, payload));
    // A shorter chunk is the last one: it counts as buffered for good.
    if (this.buffered < header.chunkBytes) return;
    this.fullChunks++;
    this.buffered = 0;
  }

  private rename(done: SyncDone): void {
    const { disk, directory, temporary, final } = this.target;
    this.file.close();
    disk.rename(temporary, final);
    disk.syncDirectory(directory, (error) => {
      if (error !== undefined) return this.fail(done, error);
      this.state = 'ended';
      this.target.installed();
      this.target.released();
      done(undefined);
    });
  }

  private fail(done: SyncDone, error: unknown): void {
    this.discard();
    done(StorageError.from(`committing ${this.target.final}`, error));
  }

  private attempt(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.discard();
      throw StorageError.from(`writing ${this.target.temporary}`, error);
    }
  }

  private discard(): void {
    this.state = 'ended';
    this.file.close();
    try {
      const { disk, temporary } = this.target;
      if (disk.exists(temporary)) disk.remove(temporary);
    } catch {
      // The next opening of the store removes it.
    }
    this.target.released();
  }

  private assertWriting(): void {
    assertUse(this.state === 'writing', this.target.final, () => `the writer is ${this.state}`);
  }
}

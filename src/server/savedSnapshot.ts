/**
 * The state as one file that `etcdctl snapshot save` fetches and `crucible restore` reads.
 *
 *   head      512 bytes: one line of JSON, the rest spaces
 *   content   the state machine's own snapshot stream
 *   padding   zeros up to a multiple of 512
 *   trailer   SHA-256 of everything before it, 32 bytes
 *
 * That a file has 32 bytes more than a multiple of 512 is how etcdctl tells that there is a
 * checksum; the content is not etcd's database and only this program can restore it.
 */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const BLOCK_BYTES = 512;
const TRAILER_BYTES = 32;
const FORMAT = 'crucible-snapshot-1';
const READ_BYTES = 1024 * 1024;

/** What is to be saved, readable in pieces. */
export interface SnapshotContent {
  readonly index: number;
  readonly totalBytes: number;
  read(offset: number, bytesMax: number): Uint8Array;
}

export interface SavedHead {
  readonly clusterId: string;
  readonly index: number;
  readonly revision: number;
  readonly contentBytes: number;
}

/** A saved snapshot that can't be used; the text says what is wrong with it. */
export class SavedSnapshotError extends Error {
  constructor(path: string, reason: string) {
    super(`${path}: ${reason}`);
    this.name = 'SavedSnapshotError';
  }
}

/** The file in pieces of one size, but for the last before the trailer, and the trailer. */
export class SavedSnapshotWriter {
  private readonly hash: Hash = createHash('sha256');
  private readonly head: Buffer;
  private readonly totalBytes: number;
  private position = 0;
  private isOver = false;

  constructor(
    private readonly content: SnapshotContent,
    clusterId: bigint,
    revision: number,
    private readonly pieceBytes: number,
  ) {
    const { index, totalBytes } = content;
    const head = { clusterId: clusterId.toString(16), index, revision, contentBytes: totalBytes };
    const line = JSON.stringify({ format: FORMAT, ...head });
    this.head = Buffer.from(line.padEnd(BLOCK_BYTES - 1) + '\n');
    this.totalBytes = BLOCK_BYTES + padded(totalBytes);
  }

  /** Undefined at the end. `remaining` counts what follows, but for the trailer, as etcd does. */
  next(): { readonly blob: Buffer; readonly remaining: number } | undefined {
    if (this.isOver) return undefined;
    if (this.position === this.totalBytes) {
      this.isOver = true;
      return { blob: this.hash.digest(), remaining: 0 };
    }
    const end = Math.min(this.totalBytes, this.position + this.pieceBytes);
    const blob = Buffer.alloc(end - this.position);
    this.fill(blob);
    this.hash.update(blob);
    this.position = end;
    return { blob, remaining: this.totalBytes - end };
  }

  private fill(blob: Buffer): void {
    if (this.position < BLOCK_BYTES) this.head.copy(blob, 0, this.position);
    const from = Math.max(this.position, BLOCK_BYTES);
    const wanted = this.position + blob.length - from;
    if (wanted <= 0) return;
    const { content } = this;
    const offset = from - BLOCK_BYTES;
    if (offset < content.totalBytes) blob.set(content.read(offset, wanted), from - this.position);
  }
}

/** A saved snapshot whose checksum is right. */
export class SavedSnapshotFile {
  private constructor(
    private readonly fd: number,
    readonly head: SavedHead,
  ) {}

  /** Reads all of it once. Throws SavedSnapshotError. */
  static open(path: string): SavedSnapshotFile {
    let fd: number;
    try {
      fd = openSync(path, 'r');
    } catch (error) {
      throw new SavedSnapshotError(path, (error as Error).message);
    }
    try {
      return new SavedSnapshotFile(fd, check(path, fd));
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  get totalBytes(): number {
    return this.head.contentBytes;
  }

  read(offset: number, bytesMax: number): Uint8Array {
    const length = Math.min(bytesMax, this.head.contentBytes - offset);
    return readExactly(this.fd, BLOCK_BYTES + offset, length);
  }

  close(): void {
    closeSync(this.fd);
  }
}

function check(path: string, fd: number): SavedHead {
  const { size } = fstatSync(fd);
  if (size < BLOCK_BYTES + TRAILER_BYTES || size % BLOCK_BYTES !== TRAILER_BYTES) {
    throw new SavedSnapshotError(path, `${size} bytes are no snapshot with a checksum`);
  }
  const end = size - TRAILER_BYTES;
  const hash = createHash('sha256');
  for (let at = 0; at < end; at += READ_BYTES) {
    hash.update(readExactly(fd, at, Math.min(READ_BYTES, end - at)));
  }
  if (!hash.digest().equals(readExactly(fd, end, TRAILER_BYTES))) {
    throw new SavedSnapshotError(path, 'its checksum (SHA-256) does not fit its content');
  }
  let head: Partial<SavedHead & { readonly format: string }>;
  try {
    head = JSON.parse(readExactly(fd, 0, BLOCK_BYTES).toString()) as typeof head;
  } catch {
    head = {};
  }
  if (head.format !== FORMAT) {
    throw new SavedSnapshotError(path, `not saved from this store (no ${FORMAT} head)`);
  }
  if (end !== BLOCK_BYTES + padded(head.contentBytes!)) {
    throw new SavedSnapshotError(path, `its head promises ${head.contentBytes} bytes of content`);
  }
  return head as SavedHead;
}

function padded(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}

function readExactly(fd: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length;) {
    const count = readSync(fd, bytes, at, length - at, position + at);
    if (count === 0) throw new Error(`the file ends at ${position + at}`);
    at += count;
  }
  return bytes;
}

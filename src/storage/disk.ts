/**
 * The disk as storage sees it. Writes go to the operating system at once (synchronous, as a
 * page-cache write is); only `sync` waits for the device. So the order of writes is the order
 * of calls, and what survives a power failure is exactly what a finished `sync` covered.
 *
 * Two implementations pass the same behavioural suite (`suite.ts`): `fileDisk.ts` and the
 * simulated disk, which loses, tears and corrupts what was not synced.
 */

/** `error` is undefined on success. Called exactly once, never before the call returns. */
export type SyncDone = (error: DiskError | undefined) => void;

/** A failed disk call: `code` is the system's (`ENOSPC`, `EIO`, `ENOENT`, ...). */
export class DiskError extends Error {
  constructor(
    readonly code: string,
    readonly path: string,
    message: string,
  ) {
    super(message);
    this.name = 'DiskError';
  }
}

export interface DiskFile {
  readonly path: string;
  /** Bytes in the file, those of unsynced appends included. */
  readonly size: number;
  /**
   * Appends all parts, in order, at the end. Throws DiskError; then `size` says how much got in.
   * The parts are the caller's again when the call returns.
   */
  append(...parts: readonly Uint8Array[]): void;
  /** Bytes [offset, offset + length), shorter at the file's end. The result is the caller's. */
  read(offset: number, length: number): Uint8Array;
  /** Cuts the file to `size` bytes; durable after the next `sync`. */
  truncate(size: number): void;
  /** Makes everything written before this call durable (fdatasync). */
  sync(done: SyncDone): void;
  /** The same, waiting in place: for the rare steps that must be durable before the next write. */
  syncNow(): void;
  /** A sync that is still under way reports as if the file were open. */
  close(): void;
}

export interface Disk {
  /** Names (not paths) of the files and directories in a directory, sorted. */
  list(directory: string): readonly string[];
  exists(path: string): boolean;
  /** Creates a directory and its parents, durably; fine when it is there. */
  createDirectory(path: string): void;
  /** `create` makes a new empty file (an old one of that name is emptied); `open` wants one. */
  create(path: string): DiskFile;
  open(path: string): DiskFile;
  /** Within one directory; a file that already has the new name is replaced in the same step. */
  rename(from: string, to: string): void;
  remove(path: string): void;
  /** Makes creations, renames and removals in this directory durable (fsync of the directory). */
  syncDirectory(directory: string, done: SyncDone): void;
  /** The same, waiting in place. */
  syncDirectoryNow(directory: string): void;
  /** A CRC-32 (zlib's) faster than the portable one for long inputs, where the platform has it. */
  readonly crc32?: (bytes: Uint8Array, previous: number) => number;
}

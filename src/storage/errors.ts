/**
 * What storage reports to the member above it. A StorageError is final for the store that threw
 * it: whatever was promised is on the disk, nothing more can be, and the member has to stop (or,
 * for `ENOSPC`, free space and open the store again). The `code` is the system's, or `CORRUPT`
 * for bytes that fail their checksum, `CLOSED`, or `MISUSE` for a call that breaks the contract.
 */
import { DiskError } from './disk';

export class StorageError extends DiskError {
  constructor(code: string, path: string, message: string, cause?: unknown) {
    super(code, path, message);
    this.name = 'StorageError';
    this.cause = cause;
  }

  /** Wraps what a disk call threw; anything but a DiskError is a bug and goes on as it is. */
  static from(doing: string, error: unknown): StorageError {
    if (error instanceof StorageError) return error;
    if (!(error instanceof DiskError)) throw error;
    return new StorageError(error.code, error.path, `${doing}: ${error.message}`, error);
  }
}

/** Durable bytes are not what was written. Never repaired by guessing: an operator decides. */
export class CorruptionError extends StorageError {
  constructor(
    path: string,
    /** Byte offset in the file at which the damage was found. */
    readonly offset: number,
    reason: string,
  ) {
    super('CORRUPT', path, `${path} is damaged at byte ${offset}: ${reason}`);
    this.name = 'CorruptionError';
  }
}

/** A broken contract of the caller: wrong order, index out of range, use after close. */
export function assertUse(condition: boolean, path: string, message: () => string): void {
  if (!condition) throw new StorageError('MISUSE', path, message());
}

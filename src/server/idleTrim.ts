/**
 * Gives memory back when a load is over: once in each quiet time, and never while there is work.
 *
 * Quiet is a log that hardly grows, so that the heartbeats of leases and the like of an otherwise
 * idle cluster do not count as a load, and neither does what is too little to have left anything.
 */
import type { Runtime, Timer } from '../runtime/runtime';

export interface IdleTrimParts {
  readonly runtime: Runtime;
  /** So long it must be quiet. */
  readonly quietMs: number;
  /** Bytes written to the log since the start; never less than before. */
  readonly bytesWritten: () => number;
  readonly trim: () => void;
}

/** Written in one quiet time at most. */
const QUIET_BYTES = 256 * 1024;
/** Written since the last time that memory was given back at least. */
const LOAD_BYTES = 4 * 1024 * 1024;

export class IdleTrim {
  private timer: Timer | undefined;
  private lookedAt = 0;
  private trimmedAt = 0;

  constructor(private readonly parts: IdleTrimParts) {
    this.lookAgain();
  }

  stop(): void {
    this.timer?.cancel();
  }

  private look(): void {
    const written = this.parts.bytesWritten();
    const isQuiet = written - this.lookedAt <= QUIET_BYTES;
    this.lookedAt = written;
    if (isQuiet && written - this.trimmedAt >= LOAD_BYTES) {
      this.trimmedAt = written;
      this.parts.trim();
    }
    this.lookAgain();
  }

  private lookAgain(): void {
    this.timer = this.parts.runtime.after(this.parts.quietMs, () => this.look());
  }
}

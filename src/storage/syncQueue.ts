/**
 * Group commit: at most one sync is under way, and whoever asks meanwhile shares the next one.
 * A waiting caller is served by a sync that *started* after its request, so everything it
 * appended is covered. After a failure everybody who waits hears of it and nothing is retried.
 */
import type { SyncDone } from './disk';
import type { StorageError } from './errors';
import type { Segment } from './segment';

export class SyncQueue {
  private waiting: SyncDone[] = [];
  private running = false;

  constructor(
    /** The segment that is written to when a sync starts. */
    private readonly current: () => Segment,
    /** Makes a failure final for the store. */
    private readonly fail: (error: unknown) => StorageError,
  ) {}

  /** Throws when the disk does not even take the request; `done` is not called then. */
  add(done: SyncDone): void {
    if (this.running) {
      this.waiting.push(done);
      return;
    }
    try {
      this.start([done]);
    } catch (error) {
      throw this.fail(error);
    }
  }

  private start(callers: readonly SyncDone[]): void {
    const segment = this.current();
    const { size } = segment.file;
    segment.file.sync((error) => {
      this.running = false;
      if (error !== undefined) {
        this.refuse(callers, this.fail(error));
        return;
      }
      segment.synced = Math.max(segment.synced, size);
      // The device works again while these are told; their own requests share the round after.
      const refuseNext = this.startNext();
      for (const done of callers) done(undefined);
      refuseNext();
    });
    this.running = true;
  }

  /** Returns what to do once earlier callers were told: nothing, or refuse those that waited. */
  private startNext(): () => void {
    if (this.waiting.length === 0) return () => undefined;
    const next = this.waiting;
    this.waiting = [];
    try {
      this.start(next);
      return () => undefined;
    } catch (error) {
      // The file was closed, or the disk is gone.
      const failure = this.fail(error);
      return () => this.refuse(next, failure);
    }
  }

  private refuse(callers: readonly SyncDone[], failure: StorageError): void {
    const all = callers.concat(this.waiting);
    this.waiting = [];
    for (const done of all) done(failure);
  }
}

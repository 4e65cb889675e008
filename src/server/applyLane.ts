/**
 * The state machine's lane: applies committed entries in order, a bounded number per turn, so
 * that heartbeats and clients get their chance between two slices of a long catch-up.
 *
 * It also waits while the state has more in memory than it should: the core then hands out no
 * more, and followers and clients wait in their turn.
 *
 * Entries at or below the state's own index are skipped: after a snapshot was installed,
 * queued work may still hold entries that the snapshot already contains.
 */
import type { ApplyWork, Entry, Message } from '../raft/types';
import type { Runtime } from '../runtime/runtime';

export interface ApplyLaneHandlers {
  readonly apply: (entry: Entry) => void;
  readonly acknowledge: (ack: Message) => void;
  /** The state can't take more right now. */
  readonly isHeld: () => boolean;
  /** Calls `run` once it can. */
  readonly whenFree: (run: () => void) => void;
  readonly failed: (error: unknown) => void;
}

export class ApplyLane {
  private queue: ApplyWork[] = [];
  /** Entries of the first work in the queue that are already applied. */
  private position = 0;
  private scheduled = false;
  private stopped = false;

  constructor(
    private readonly runtime: Runtime,
    private readonly batchEntries: number,
    private readonly handlers: ApplyLaneHandlers,
  ) {}

  push(work: ApplyWork): void {
    this.queue.push(work);
    this.schedule();
  }

  /** Goes on whatever held it: the state was replaced. */
  resume(): void {
    if (this.queue.length > 0) this.schedule();
  }

  /** Other work on the state, a little, if no entry waits and the state can take it. */
  between(work: () => void): void {
    if (this.stopped || this.queue.length > 0 || this.handlers.isHeld()) return;
    try {
      work();
    } catch (error) {
      this.stop();
      this.handlers.failed(error);
    }
  }

  stop(): void {
    this.stopped = true;
    this.queue = [];
  }

  private schedule(): void {
    if (this.scheduled || this.stopped) return;
    this.scheduled = true;
    this.runtime.defer(() => {
      this.scheduled = false;
      this.slice();
    });
  }

  private slice(): void {
    let left = this.batchEntries;
    while (left > 0 && !this.stopped) {
      const work = this.queue[0];
      if (work === undefined) return;
      const before = this.position;
      if (!this.applyUntil(work, Math.min(work.entries.length, before + left))) return;
      left -= this.position - before;
      if (this.position < work.entries.length) break;
      this.queue.shift();
      this.position = 0;
      this.handlers.acknowledge(work.ack);
    }
    if (this.queue.length === 0) return;
    if (this.handlers.isHeld()) this.handlers.whenFree(() => this.resume());
    else this.schedule();
  }

  private applyUntil(work: ApplyWork, end: number): boolean {
    try {
      for (; this.position < end && !this.handlers.isHeld(); this.position++) {
        this.handlers.apply(work.entries[this.position]!);
      }
      return true;
    } catch (error) {
      this.stop();
      this.handlers.failed(error);
      return false;
    }
  }
}

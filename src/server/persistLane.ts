/**
 * The disk lane: writes queued work to the log in order and acknowledges it when it is stable.
 *
 * Work that arrives while the disk is busy piles up and shares the next fdatasync: this is the
 * group commit. An acknowledgement never leaves before the sync that covers its work, and a
 * disk error ends the member: what the log holds after a failed sync is not known.
 */
import type { Message, PersistWork } from '../raft/types';
import type { DiskError } from '../storage/disk';
import type { LogStore } from '../storage/logStore';

export interface PersistLaneHandlers {
  /** A snapshot replaces log and state: load the state before the log points to it. */
  readonly install: (work: PersistWork) => void;
  /** The log points to the snapshot, durably. */
  readonly installed: (work: PersistWork) => void;
  readonly acknowledge: (ack: Message) => void;
  readonly failed: (error: unknown) => void;
  /** A sync took so long, whether or not it succeeded. */
  readonly synced: (durationMs: number) => void;
  readonly nowMs: () => number;
}

export class PersistLane {
  private queue: PersistWork[] = [];
  private busy = false;
  private stopped = false;

  constructor(
    private readonly log: LogStore,
    private readonly handlers: PersistLaneHandlers,
  ) {}

  get idle(): boolean {
    return !this.busy && this.queue.length === 0;
  }

  push(work: PersistWork): void {
    this.queue.push(work);
  }

  /** Starts writing when the disk is free; call at the end of a turn. */
  run(): void {
    while (!this.busy && !this.stopped && this.queue.length > 0) {
      const group = this.queue;
      this.queue = [];
      const sync = this.write(group);
      if (this.stopped) return;
      if (!sync) {
        this.acknowledge(group);
        continue;
      }
      this.busy = true;
      const startMs = this.handlers.nowMs();
      this.log.sync((error) => {
        this.handlers.synced(this.handlers.nowMs() - startMs);
        this.synced(group, error);
      });
    }
  }

  stop(): void {
    this.stopped = true;
    this.queue = [];
  }

  private write(group: readonly PersistWork[]): boolean {
    let sync = false;
    try {
      for (const work of group) {
        if (work.snapshot !== undefined) this.handlers.install(work);
        this.log.append({
          hard: work.hard,
          snapshot: work.snapshot,
          entries: work.entries,
        });
        sync ||= work.sync;
      }
    } catch (error) {
      this.stop();
      this.handlers.failed(error);
    }
    return sync;
  }

  private synced(group: readonly PersistWork[], error: DiskError | undefined): void {
    if (this.stopped) return;
    this.busy = false;
    if (error !== undefined) {
      this.stop();
      this.handlers.failed(error);
      return;
    }
    this.acknowledge(group);
    this.run();
  }

  private acknowledge(group: readonly PersistWork[]): void {
    for (const work of group) {
      if (work.snapshot !== undefined) this.handlers.installed(work);
      for (const ack of work.acks) this.handlers.acknowledge(ack);
    }
  }
}

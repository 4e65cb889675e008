/**
 * Takes snapshots of the state machine and lets go of the log they make superfluous.
 *
 * A snapshot is due by entries *or* by bytes of log since the last one, and what stays behind
 * it for lagging followers is bounded by both as well: the bytes are what fills a disk, the
 * entries are what a restart replays. Writing goes on meanwhile: the snapshot reads a
 * consistent view, one chunk per turn.
 */
import type { StateMachine } from '../kv';
import type { ConfState, Index, SnapshotMetadata } from '../raft/types';
import type { Runtime } from '../runtime/runtime';
import type { DiskError } from '../storage/disk';
import type { LogStore } from '../storage/logStore';
import type { SnapshotStore, SnapshotWriter } from '../storage/snapshotStore';
import type { ResolvedDriverOptions } from './driverOptions';

export interface SnapshotTakerHandlers {
  /** The membership at the applied index. */
  readonly conf: () => ConfState;
  /** The oldest snapshot that is being sent; undefined when none is. */
  readonly holdIndex: () => Index | undefined;
  readonly failed: (error: unknown) => void;
}

const SNAPSHOTS_KEPT = 2;

export class SnapshotTaker {
  private busy = false;
  private stopped = false;
  private bytesSince = 0;

  constructor(
    private readonly log: LogStore,
    private readonly store: SnapshotStore,
    private readonly machine: StateMachine,
    private readonly runtime: Runtime,
    private readonly options: ResolvedDriverOptions,
    private readonly handlers: SnapshotTakerHandlers,
  ) {}

  /** Call after each applied entry. */
  applied(entryBytes: number): void {
    this.bytesSince += entryBytes;
    const since = this.machine.appliedIndex - (this.log.snapshot()?.index ?? 0);
    if (this.busy || this.stopped) return;
    const { snapshotEntries, snapshotBytes } = this.options;
    if (since >= snapshotEntries || this.bytesSince >= snapshotBytes) this.take();
  }

  /** A member can only be helped by a snapshot, and the newest one is not enough. */
  wanted(): void {
    if (this.busy || this.stopped) return;
    if (this.machine.appliedIndex > (this.log.snapshot()?.index ?? 0)) this.take();
  }

  /** Forgets log entries behind the newest snapshot, beyond what laggards may still need. */
  compact(): void {
    const snapshot = this.log.snapshot();
    if (snapshot === undefined) return;
    const { catchUpEntries, catchUpBytes, snapshotHoldBytes } = this.options;
    let target = Math.min(snapshot.index, this.log.windowStart(catchUpEntries, catchUpBytes));
    const hold = this.handlers.holdIndex();
    if (hold !== undefined && this.log.retainedBytes <= snapshotHoldBytes) {
      target = Math.min(target, hold);
    }
    if (target >= this.log.firstIndex()) this.log.compact(target);
  }

  stop(): void {
    this.stopped = true;
  }

  private take(): void {
    const index = this.machine.appliedIndex;
    const term = this.log.term(index);
    if (term === undefined) return;
    const metadata = { index, term, conf: this.handlers.conf() };
    this.busy = true;
    this.bytesSince = 0;
    const source = this.machine.snapshot();
    try {
      const writer = this.store.create(metadata);
      const chunks = source.chunks(this.options.snapshotChunkBytes)[Symbol.iterator]();
      this.writeChunks(chunks, writer, (error) => {
        source.release();
        this.busy = false;
        if (this.stopped) return;
        if (error !== undefined) {
          this.handlers.failed(error);
          return;
        }
        this.stored(metadata);
      });
    } catch (error) {
      this.handlers.failed(error);
    }
  }

  private stored(metadata: SnapshotMetadata): void {
    try {
      // A snapshot of the leader may have been installed meanwhile: keep the newer one.
      if (metadata.index > (this.log.snapshot()?.index ?? 0)) this.log.setSnapshot(metadata);
      this.compact();
      this.store.retain(SNAPSHOTS_KEPT);
    } catch (error) {
      this.handlers.failed(error);
    }
  }

  private writeChunks(
    chunks: Iterator<Uint8Array>,
    writer: SnapshotWriter,
    done: (error: DiskError | undefined) => void,
  ): void {
    if (this.stopped) return;
    try {
      const next = chunks.next();
      if (next.done === true) {
        writer.commit(done);
        return;
      }
      writer.append(next.value);
    } catch (error) {
      this.handlers.failed(error);
      return;
    }
    this.runtime.defer(() => this.writeChunks(chunks, writer, done));
  }
}

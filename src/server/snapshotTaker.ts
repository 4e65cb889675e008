/**
 * Lets go of the log that is superfluous, and makes what makes it so.
 *
 * A checkpoint is due by entries *or* by bytes of log since the last one. Where the state is
 * durable by itself a checkpoint is a sync of it, and a snapshot is written only when a follower
 * needs one; a state in memory is written down as a snapshot each time. What stays behind for
 * lagging followers is bounded by entries and bytes as well: the bytes are what fills a disk, the
 * entries are what a restart replays. Writing goes on meanwhile: a snapshot reads a consistent
 * view, one chunk per turn, as fast as the disk takes it: no follower can hold the view.
 */
import type { Durability, StateMachine } from '../kv';
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

/** Undefined: the member stopped first. */
export type SnapshotRequestDone = (snapshot: SnapshotMetadata | undefined) => void;

export class SnapshotTaker {
  /** The snapshot that is being written. */
  private taking: Index | undefined;
  private checkpointing = false;
  /** A snapshot that was asked for: the log after it waits until its transfer begins. */
  private offered: { readonly index: Index; readonly untilMs: number } | undefined;
  /** Who waits for a snapshot of at least that index. */
  private requests: { readonly index: Index; readonly done: SnapshotRequestDone }[] = [];
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
    if (this.checkpointing || this.stopped) return;
    const { snapshotEntries, snapshotBytes } = this.options;
    if (since < snapshotEntries && this.bytesSince < snapshotBytes) return;
    const { durability } = this.machine;
    if (durability !== undefined) this.checkpoint(durability);
    else if (this.taking === undefined) this.take();
  }

  /** A member can only be helped by a snapshot, and the newest one is not enough. */
  wanted(): void {
    if (this.taking !== undefined || this.stopped) return;
    if (this.machine.appliedIndex > (this.store.newest()?.index ?? 0)) this.take();
  }

  /** Calls `done` when there is a snapshot of what is applied now, or of something newer. */
  request(done: SnapshotRequestDone): void {
    this.requests.push({ index: this.machine.appliedIndex, done });
    this.answerRequests();
  }

  /**
   * The last transfer has ended well. The file of a state that is durable by itself has served its
   * purpose: a restart does not need it, and who lags later needs a newer one.
   */
  sent(): void {
    if (this.machine.durability === undefined || this.taking !== undefined) return;
    this.offered = undefined;
    try {
      this.store.retain(0);
    } catch (error) {
      this.handlers.failed(error);
    }
  }

  private answerRequests(): void {
    const newest = this.store.newest();
    const waiting = this.requests;
    this.requests = [];
    for (const request of waiting) {
      if (newest !== undefined && newest.index >= request.index) request.done(newest);
      else this.requests.push(request);
    }
    if (this.requests.length > 0 && this.taking === undefined && !this.stopped) this.take();
  }

  /** From here on the transfer itself holds the log, and no longer than it lasts. */
  transferBegan(index: Index): void {
    if (this.offered !== undefined && index >= this.offered.index) this.offered = undefined;
  }

  /** Another state is in place: what was under way for the old one will not end. */
  replaced(): void {
    this.checkpointing = false;
    this.bytesSince = 0;
  }

  /** Forgets log entries behind the newest snapshot, beyond what laggards may still need. */
  compact(): void {
    const snapshot = this.log.snapshot();
    if (snapshot === undefined) return;
    const { catchUpEntries, catchUpBytes, snapshotHoldBytes } = this.options;
    let target = Math.min(snapshot.index, this.log.windowStart(catchUpEntries, catchUpBytes));
    if (this.log.retainedBytes <= snapshotHoldBytes) target = Math.min(target, this.hold());
    if (target >= this.log.firstIndex()) this.log.compact(target);
  }

  stop(): void {
    this.stopped = true;
    for (const { done } of this.requests.splice(0)) done(undefined);
  }

  private hold(): Index {
    if (this.offered !== undefined && this.runtime.nowMs() >= this.offered.untilMs) {
      this.offered = undefined;
    }
    return Math.min(
      this.handlers.holdIndex() ?? Infinity,
      this.taking ?? Infinity,
      this.offered?.index ?? Infinity,
    );
  }

  /** What is applied becomes durable; then the log before it is not needed for a restart. */
  private checkpoint(durability: Durability): void {
    const metadata = this.metadata();
    if (metadata === undefined) return;
    this.checkpointing = true;
    this.bytesSince = 0;
    durability.sync((error) => {
      if (this.stopped || this.machine.durability !== durability) return;
      this.checkpointing = false;
      if (error !== undefined) this.handlers.failed(error);
      else this.compactAt(metadata);
    });
  }

  /** Undefined when the applied entries are not in the log any more: nothing came since. */
  private metadata(): SnapshotMetadata | undefined {
    const index = this.machine.appliedIndex;
    const term = this.log.term(index);
    return term === undefined ? undefined : { index, term, conf: this.handlers.conf() };
  }

  private compactAt(metadata: SnapshotMetadata): void {
    try {
      // A snapshot of the leader may have been installed meanwhile: keep the newer one.
      if (metadata.index > (this.log.snapshot()?.index ?? 0)) this.log.setSnapshot(metadata);
      this.compact();
    } catch (error) {
      this.handlers.failed(error);
    }
  }

  private take(): void {
    const metadata = this.metadata();
    if (metadata === undefined) return;
    this.taking = metadata.index;
    if (this.machine.durability === undefined) this.bytesSince = 0;
    const source = this.machine.snapshot();
    try {
      const writer = this.store.create(metadata);
      const chunks = source.chunks(this.options.snapshotChunkBytes)[Symbol.iterator]();
      this.writeChunks(chunks, writer, (error) => {
        source.release();
        this.taking = undefined;
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
    const untilMs = this.runtime.nowMs() + this.options.snapshotStallMs;
    this.offered = { index: metadata.index, untilMs };
    if (this.machine.durability === undefined) this.compactAt(metadata);
    try {
      this.store.retain(this.machine.durability === undefined ? SNAPSHOTS_KEPT : 1);
    } catch (error) {
      this.handlers.failed(error);
    }
    this.answerRequests();
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

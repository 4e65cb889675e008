/**
 * Takes a snapshot of the leader in without stopping anything: it is read into a store beside
 * the one that counts, a bounded piece a turn, while the member answers heartbeats, votes and
 * applies. Only then does the core hear of it, and what is left to do takes no time.
 *
 * A crash leaves the old state or the new one. The store beside is durable before the core may
 * accept the snapshot; the log points to the snapshot before the store counts; and until it
 * does, the file of the snapshot is there to begin again from.
 */
import type { Restorer, StateMachine } from '../kv';
import type { SnapshotMetadata } from '../raft/types';
import type { Runtime } from '../runtime/runtime';
import type { SnapshotReader, SnapshotStore } from '../storage/snapshotStore';

/** What is read into the state in one turn. */
const READ_BYTES = 256 * 1024;

interface Preparation {
  readonly snapshot: SnapshotMetadata;
  readonly reader: SnapshotReader;
  readonly restorer: Restorer;
  readonly done: () => void;
  offset: number;
  isReady: boolean;
}

export class SnapshotInstaller {
  private current: Preparation | undefined;

  constructor(
    private readonly machine: StateMachine,
    private readonly snapshots: SnapshotStore,
    private readonly runtime: Runtime,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Calls `done` when `install` may follow. An earlier one that was not installed is dropped. */
  prepare(snapshot: SnapshotMetadata, done: () => void): void {
    this.drop();
    try {
      const reader = this.snapshots.open(snapshot);
      const restorer = this.machine.restorer();
      this.current = { snapshot, reader, restorer, done, offset: 0, isReady: false };
    } catch (error) {
      this.failed(error);
      return;
    }
    this.goOn(this.current);
  }

  /** Replaces the state by the snapshot that was prepared. */
  install(snapshot: SnapshotMetadata): void {
    const { current } = this;
    if (current?.isReady !== true || current.snapshot.index !== snapshot.index) {
      throw new Error(`the snapshot at index ${snapshot.index} was not prepared`);
    }
    this.current = undefined;
    current.restorer.adopt();
  }

  /** The log points to the snapshot, durably: a restart may find the new state. */
  settle(): void {
    this.machine.durability?.claim();
  }

  stop(): void {
    this.drop();
  }

  private drop(): void {
    const { current } = this;
    this.current = undefined;
    if (current === undefined) return;
    if (!current.isReady) current.reader.close();
    current.restorer.abort();
  }

  /** A turn later, or when the store has room again. */
  private goOn(preparation: Preparation): void {
    const next = (): void => this.runtime.defer(() => this.step(preparation));
    const { durability } = preparation.restorer;
    if (durability?.backlogged === true) durability.whenDrained(next);
    else next();
  }

  private step(preparation: Preparation): void {
    if (this.current !== preparation) return;
    const { reader, restorer, offset } = preparation;
    try {
      if (offset < reader.totalBytes) {
        const piece = reader.read(offset, READ_BYTES);
        restorer.write(piece);
        preparation.offset += piece.length;
        this.goOn(preparation);
        return;
      }
      restorer.complete();
      if (restorer.durability === undefined) this.ready(preparation);
      else {
        restorer.durability.sync((error) => {
          if (error === undefined) this.ready(preparation);
          else if (this.current === preparation) this.failed(error);
        });
      }
    } catch (error) {
      this.drop();
      this.failed(error);
    }
  }

  private ready(preparation: Preparation): void {
    if (this.current !== preparation) return;
    preparation.reader.close();
    preparation.isReady = true;
    preparation.done();
  }
}

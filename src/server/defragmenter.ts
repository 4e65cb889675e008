/**
 * Gives the space of deleted and compacted entries back to the file system: copies the state into
 * a new store, which then takes the old one's place.
 *
 * Nothing is applied meanwhile, so that both are the same; the member keeps answering heartbeats,
 * votes and serializable reads. A crash leaves the old store or the new one. An engine on disk
 * does not shrink its file by itself, whatever is deleted.
 */
import type { Restorer, SnapshotSource, StateMachine } from '../kv';
import type { ConfState } from '../raft/types';
import type { Runtime } from '../runtime/runtime';

/** What is copied in one turn. */
const PIECE_BYTES = 256 * 1024;

export type DefragmentDone = (error: Error | undefined) => void;

interface Copy {
  readonly source: SnapshotSource;
  readonly chunks: Iterator<Uint8Array>;
  readonly restorer: Restorer;
  readonly done: DefragmentDone;
}

export class Defragmenter {
  private copy: Copy | undefined;

  /** `conf` is the core's configuration, which the copy has to know like the state. */
  constructor(
    private readonly machine: StateMachine,
    private readonly runtime: Runtime,
    private readonly conf: () => ConfState,
    private readonly finished: () => void,
  ) {}

  /** While this holds, nothing may be applied. */
  get isCopying(): boolean {
    return this.copy !== undefined;
  }

  start(done: DefragmentDone): void {
    if (this.copy !== undefined) {
      done(new Error('the state is being defragmented already'));
      return;
    }
    const source = this.machine.snapshot();
    const chunks = source.chunks(PIECE_BYTES)[Symbol.iterator]();
    this.copy = { source, chunks, restorer: this.machine.restorer(), done };
    this.goOn(this.copy);
  }

  /** Gives up: another state takes this one's place, or the member stops. */
  cancel(reason: string): void {
    const { copy } = this;
    if (copy !== undefined) this.end(copy, new Error(reason));
  }

  private goOn(copy: Copy): void {
    const next = (): void => this.runtime.defer(() => this.step(copy));
    const { durability } = copy.restorer;
    if (durability?.backlogged === true) durability.whenDrained(next);
    else next();
  }

  private step(copy: Copy): void {
    if (this.copy !== copy) return;
    try {
      const piece = copy.chunks.next();
      if (piece.done !== true) {
        copy.restorer.write(piece.value);
        this.goOn(copy);
        return;
      }
      copy.restorer.complete();
      const { durability } = copy.restorer;
      if (durability === undefined) this.adopt(copy);
      else {
        durability.sync((error) => {
          if (this.copy !== copy) return;
          if (error === undefined) this.adopt(copy);
          else this.end(copy, error);
        });
      }
    } catch (error) {
      this.end(copy, error as Error);
    }
  }

  private adopt(copy: Copy): void {
    copy.source.release();
    copy.restorer.adopt();
    this.machine.rememberConf(this.conf());
    const { durability } = this.machine;
    if (durability === undefined) this.end(copy, undefined);
    else {
      // The configuration is durable with the rest before a restart may find this store.
      durability.sync((error) => {
        if (this.copy !== copy) return;
        if (error === undefined) durability.claim();
        this.end(copy, error);
      });
    }
  }

  private end(copy: Copy, error: Error | undefined): void {
    this.copy = undefined;
    copy.source.release();
    copy.restorer.abort();
    copy.done(error);
    this.finished();
  }
}

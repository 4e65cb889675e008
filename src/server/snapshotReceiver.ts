/**
 * The follower's side of a snapshot transfer: appends chunks in order to a partial file, answers
 * each with the offset it has reached, and hands the snapshot to the core when it is durable and
 * can take effect at once.
 *
 * The partial file outlives a broken stream and a change of leader, because a snapshot of one
 * index and term is the same state whoever sends it.
 */
import { emptyMessage } from '../raft';
import type { Message, SnapshotMetadata } from '../raft/types';
import { crc32 } from '../storage/crc32';
import type { DiskError } from '../storage/disk';
import type { SnapshotReceiver as PartialSnapshot, SnapshotStore } from '../storage/snapshotStore';
import type { SnapshotAck, SnapshotChunk } from '../transport/transport';

export interface SnapshotReceiverHandlers {
  readonly send: (ack: SnapshotAck) => void;
  /** The snapshot is durable here: reads it into a state beside the one that counts. */
  readonly prepare: (snapshot: SnapshotMetadata, done: () => void) => void;
  /** The snapshot can be installed: let the core decide whether it is. */
  readonly deliver: (message: Message) => void;
  readonly failed: (error: DiskError) => void;
}

interface Incoming {
  readonly snapshot: SnapshotMetadata;
  readonly partial: PartialSnapshot;
  /** The newest chunk of the newest leader that sent a piece of it. */
  latest: SnapshotChunk;
  committing: boolean;
}

export class SnapshotReceiver {
  private incoming: Incoming | undefined;

  constructor(
    private readonly store: SnapshotStore,
    private readonly handlers: SnapshotReceiverHandlers,
  ) {}

  /** Whether a snapshot is complete and on its way into the state. */
  get isInstalling(): boolean {
    return this.incoming?.committing ?? false;
  }

  /** `commitIndex` is the core's: a snapshot that is not past it is only answered. */
  receive(chunk: SnapshotChunk, commitIndex: number): void {
    if (chunk.snapshot.index <= commitIndex) {
      this.finished(chunk);
      return;
    }
    const incoming = this.incomingFor(chunk);
    if (incoming === undefined) return;
    if (incoming.committing) {
      // Still there, only busy: the leader must not give up.
      this.handlers.send(answer(chunk, chunk.totalBytes, false));
      return;
    }
    const { partial } = incoming;
    const complete = (): boolean => partial.offset === chunk.totalBytes;
    if (!complete() && chunk.offset === partial.offset && crc32(chunk.data) === chunk.crc) {
      partial.append(chunk.data);
    }
    if (!complete()) {
      this.handlers.send(answer(chunk, partial.offset, false));
      return;
    }
    incoming.committing = true;
    partial.commit((error) => {
      if (this.incoming !== incoming) return;
      if (error !== undefined) {
        this.handlers.failed(error);
        return;
      }
      this.handlers.prepare(incoming.snapshot, () => {
        if (this.incoming !== incoming) return;
        this.incoming = undefined;
        this.finished(incoming.latest);
      });
    });
  }

  stop(): void {
    this.incoming = undefined;
  }

  private incomingFor(chunk: SnapshotChunk): Incoming | undefined {
    const { snapshot } = chunk;
    const current = this.incoming;
    if (current !== undefined) {
      const same =
        current.snapshot.index === snapshot.index && current.snapshot.term === snapshot.term;
      if (same) {
        if (chunk.term >= current.latest.term) current.latest = chunk;
        return current;
      }
      if (current.committing) return undefined;
      // An older snapshot of the same leader is a late message. Of a newer leader it is the best
      // there is: the sender of the one begun here may never come back.
      const isLate = chunk.term <= current.latest.term;
      if (isLate && snapshot.index < current.snapshot.index) return undefined;
    }
    const partial = this.store.receive(snapshot, chunk.totalBytes);
    this.incoming = { snapshot, partial, latest: chunk, committing: false };
    return this.incoming;
  }

  private finished(chunk: SnapshotChunk): void {
    this.handlers.send(answer(chunk, chunk.totalBytes, true));
    this.handlers.deliver({
      ...emptyMessage('snapshot', chunk.from, chunk.to, chunk.term),
      snapshot: chunk.snapshot,
    });
  }
}

function answer(chunk: SnapshotChunk, offset: number, done: boolean): SnapshotAck {
  return {
    kind: 'snapshotAck',
    from: chunk.to,
    to: chunk.from,
    term: chunk.term,
    index: chunk.snapshot.index,
    offset,
    done,
  };
}

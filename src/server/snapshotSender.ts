/**
 * The leader's side of snapshot transfers: one chunk in flight per follower, each answered with
 * the offset up to which the receiver has everything, so that a broken stream resumes there.
 *
 * Invariant: a transfer holds memory for one chunk only, and it holds the log back from
 * compaction only while it makes progress, and then until the follower's log goes on from the
 * snapshot. A receiver that stalls is given up and reported to the core, which probes it again;
 * it can never keep the leader's log growing.
 */
import type { Index, Message, NodeId } from '../raft/types';
import type { Runtime } from '../runtime/runtime';
import { crc32 } from '../storage/crc32';
import type { SnapshotReader, SnapshotStore } from '../storage/snapshotStore';
import type { SnapshotAck, SnapshotChunk } from '../transport/transport';
import type { ResolvedDriverOptions } from './driverOptions';

interface Transfer {
  readonly to: NodeId;
  readonly term: number;
  readonly snapshot: NonNullable<Message['snapshot']>;
  readonly reader: SnapshotReader;
  offset: number;
  sentMs: number;
  progressMs: number;
}

/** A follower that has all of a snapshot, but whose log does not continue it yet. */
interface Installing {
  readonly index: Index;
  readonly untilMs: number;
}

export interface SnapshotSenderHandlers {
  readonly send: (chunk: SnapshotChunk) => void;
  /** The transfer is over; every snapshot message of the core ends in exactly one report. */
  readonly report: (to: NodeId, ok: boolean) => void;
}

export class SnapshotSender {
  private readonly transfers = new Map<NodeId, Transfer>();
  private readonly installing = new Map<NodeId, Installing>();
  private readonly outcomes = new Map<NodeId, { sent: number; failed: number }>();

  constructor(
    private readonly id: NodeId,
    private readonly store: SnapshotStore,
    private readonly runtime: Runtime,
    private readonly options: ResolvedDriverOptions,
    private readonly handlers: SnapshotSenderHandlers,
  ) {}

  get active(): number {
    return this.transfers.size;
  }

  /** How many snapshots a member took, and how many were given up. */
  outcomesOf(to: NodeId): { readonly sent: number; readonly failed: number } {
    return this.outcomes.get(to) ?? { sent: 0, failed: 0 };
  }

  isSendingTo(to: NodeId): boolean {
    return this.transfers.has(to);
  }

  /** The oldest snapshot that a follower is taking in: the log after it should wait. */
  holdIndex(): Index | undefined {
    let hold = Infinity;
    for (const { snapshot } of this.transfers.values()) hold = Math.min(hold, snapshot.index);
    for (const { index } of this.installing.values()) hold = Math.min(hold, index);
    return hold === Infinity ? undefined : hold;
  }

  /** Begins what a `snapshot` message of the core asks for; replaces an older transfer. */
  start(message: Message): void {
    const { to, term, snapshot } = message;
    if (snapshot === undefined) throw new Error('a snapshot message without its metadata');
    this.close(to);
    let reader: SnapshotReader;
    try {
      reader = this.store.open(snapshot);
    } catch {
      this.report(to, false);
      return;
    }
    const now = this.runtime.nowMs();
    const transfer = { to, term, snapshot, reader, offset: 0, sentMs: now, progressMs: now };
    this.transfers.set(to, transfer);
    this.sendChunk(transfer);
  }

  acknowledged(ack: SnapshotAck): void {
    const transfer = this.transfers.get(ack.from);
    if (transfer === undefined || ack.index !== transfer.snapshot.index) return;
    const { totalBytes } = transfer.reader;
    const nowMs = this.runtime.nowMs();
    if (ack.done) {
      const untilMs = nowMs + this.options.snapshotStallMs;
      this.installing.set(ack.from, { index: ack.index, untilMs });
      this.close(ack.from);
      this.report(ack.from, true);
      return;
    }
    // Who has everything is reading it into its state, and says so as often as it is asked.
    if (ack.offset === totalBytes) transfer.progressMs = nowMs;
    // A repeated answer brings nothing new; what got lost is sent again by the retry.
    if (ack.offset === transfer.offset) return;
    if (ack.offset > totalBytes) return;
    if (ack.offset > transfer.offset) transfer.progressMs = nowMs;
    transfer.offset = ack.offset;
    this.sendChunk(transfer);
  }

  /** `matchOf`: up to where a follower's log is known to be this member's. */
  tick(nowMs: number, matchOf: (member: NodeId) => Index): void {
    if (this.installing.size === 0 && this.transfers.size === 0) return;
    for (const [to, { index, untilMs }] of this.installing) {
      if (matchOf(to) >= index || nowMs >= untilMs) this.installing.delete(to);
    }
    for (const transfer of [...this.transfers.values()]) {
      if (nowMs - transfer.progressMs >= this.options.snapshotStallMs) {
        this.close(transfer.to);
        this.report(transfer.to, false);
      } else if (nowMs - transfer.sentMs >= this.options.snapshotRetryMs) {
        this.sendChunk(transfer);
      }
    }
  }

  /** Ends every transfer without a report: this member no longer leads. */
  stop(): void {
    // Followers call this with every tick.
    if (this.transfers.size > 0) for (const to of [...this.transfers.keys()]) this.close(to);
    if (this.installing.size > 0) this.installing.clear();
  }

  private sendChunk(transfer: Transfer): void {
    const { reader, offset, to, term, snapshot } = transfer;
    transfer.sentMs = this.runtime.nowMs();
    let data: Uint8Array;
    try {
      data = reader.read(offset, this.options.snapshotChunkBytes);
    } catch {
      // A damaged snapshot must not end the leader; the store has noted it.
      this.close(to);
      this.report(to, false);
      return;
    }
    this.handlers.send({
      kind: 'snapshotChunk',
      from: this.id,
      to,
      term,
      snapshot,
      offset,
      totalBytes: reader.totalBytes,
      data,
      crc: crc32(data),
    });
  }

  private report(to: NodeId, ok: boolean): void {
    const { sent, failed } = this.outcomesOf(to);
    this.outcomes.set(to, ok ? { sent: sent + 1, failed } : { sent, failed: failed + 1 });
    this.handlers.report(to, ok);
  }

  private close(to: NodeId): void {
    const transfer = this.transfers.get(to);
    if (transfer === undefined) return;
    this.transfers.delete(to);
    transfer.reader.close();
  }
}

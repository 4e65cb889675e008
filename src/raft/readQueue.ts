/**
 * Reads that wait for the proof that this node still leads, in the order of their arrival.
 *
 * Every heartbeat broadcast is a numbered *round*; followers answer with its number. A read
 * belongs to a round that left after the read arrived; once a quorum has answered that round
 * or a later one, nobody else can have been leading when the read arrived. Positions in this
 * queue are the core's own: a token that a caller uses twice cannot confirm the wrong read.
 */
import type { Index, NodeId } from './types';

export interface PendingRead {
  /** Who asked: this node, or the follower that sent the read on. */
  readonly from: NodeId;
  /** The caller's token, or the follower's number for the read. */
  readonly context: number;
  /** The commit index when the read arrived: what it must see at least. */
  readonly index: Index;
  readonly round: number;
}

/** Rounds whose start is remembered; older ones can no longer carry a lease. */
const ROUND_STARTS_MAX = 1024;

export class ReadQueue {
  /** The newest round, 0 before the first of this leader. */
  round = 0;
  /** The round whose heartbeats have not left yet, or 0: later reads may still join it. */
  openRound = 0;
  /** Reads that came before the leader's own term had a committed entry. */
  early: { readonly from: NodeId; readonly context: number }[] = [];
  private pending: PendingRead[] = [];
  private readonly forwarded = new Map<number, number>();
  private nextForwarded: number;
  private starts: number[] = [];
  private startsRound = 1;

  constructor(random: (n: number) => number) {
    // A late answer to an earlier life of this node must not match a read of this one.
    this.nextForwarded = random(2 ** 31) * 2 ** 21;
  }

  get size(): number {
    return this.pending.length + this.early.length;
  }

  get waiting(): boolean {
    return this.pending.length > 0;
  }

  /** Leadership came or went: nothing that was asked before can be confirmed. */
  reset(): void {
    this.round = 0;
    this.openRound = 0;
    this.early = [];
    this.pending = [];
    this.forwarded.clear();
    this.starts = [];
    this.startsRound = 1;
  }

  add(read: PendingRead): void {
    this.pending.push(read);
  }

  /** Takes the reads of all rounds up to `round`. */
  takeThrough(round: number): readonly PendingRead[] {
    let count = 0;
    while (count < this.pending.length && this.pending[count]!.round <= round) count++;
    return count === 0 ? [] : this.pending.splice(0, count);
  }

  /** Begins a round; `startMs` is remembered for the lease if it is given. */
  begin(startMs: number | undefined): number {
    this.round++;
    this.openRound = this.round;
    if (startMs !== undefined) {
      this.starts.push(startMs);
      if (this.starts.length > ROUND_STARTS_MAX) {
        this.starts.shift();
        this.startsRound++;
      }
    }
    return this.round;
  }

  /** When the given round began, undefined when that is not remembered; forgets earlier ones. */
  startOf(round: number): number | undefined {
    const drop = round - this.startsRound;
    if (drop > 0) {
      this.starts.splice(0, drop);
      this.startsRound += drop;
    }
    return this.startsRound === round ? this.starts[0] : undefined;
  }

  /** A number for a read that goes to the leader; of too many the oldest is given up. */
  forward(token: number, countMax: number): number {
    if (this.forwarded.size >= countMax) {
      for (const oldest of this.forwarded.keys()) {
        this.forwarded.delete(oldest);
        break;
      }
    }
    const context = this.nextForwarded++;
    this.forwarded.set(context, token);
    return context;
  }

  /** The token of the read with that number, once. */
  answered(context: number): number | undefined {
    const token = this.forwarded.get(context);
    if (token !== undefined) this.forwarded.delete(context);
    return token;
  }
}

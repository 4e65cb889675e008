/**
 * One direction of a proxied connection: passes bytes on at once, late, slowly, or not at all.
 *
 * Invariant: bytes arrive complete and in order whatever the shape did in between, because it is
 * TCP that the members believe to speak; and no more than `heldBytesMax` wait here, so that the
 * sender feels a slow link as it would feel a real one.
 */
import type { Socket } from 'node:net';

import type { LinkShape } from '../target';

/** What this kind of link can do of a shape. */
export type FlowShape = Pick<LinkShape, 'delayMs' | 'jitterMs' | 'bytesPerSecond'>;

interface Held {
  readonly chunk: Buffer;
  readonly dueMs: number;
}

/** About what a long and fat pipe holds. */
const heldBytesMax = 1_048_576;

export class LinkFlow {
  private readonly held: Held[] = [];
  private heldBytes = 0;
  private isOpen = false;
  private hasEnded = false;
  private shape: FlowShape = {};
  /** When the link has passed on all that it accepted so far. */
  private freeAtMs = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly source: Socket,
    private readonly sink: Socket,
    /** In [0, 1). */
    private readonly random: () => number,
  ) {
    source.on('data', (chunk: Buffer) => this.accept(chunk));
    source.on('end', () => {
      this.hasEnded = true;
      this.passOn();
    });
    sink.on('drain', () => this.passOn());
    source.pause();
  }

  /** Whether anything passes, and how. */
  set(isOpen: boolean, shape: FlowShape): void {
    this.isOpen = isOpen;
    this.shape = shape;
    this.freeAtMs = 0;
    // What a shape that is gone held back arrives now.
    const limit = this.newest(performance.now());
    const waiting = this.held.splice(0);
    for (const { chunk, dueMs } of waiting)
      this.held.push({ chunk, dueMs: Math.min(dueMs, limit) });
    this.passOn();
  }

  close(): void {
    clearTimeout(this.timer);
    this.held.length = 0;
    this.heldBytes = 0;
  }

  /** The latest that something accepted now may be due. */
  private newest(nowMs: number): number {
    const { delayMs = 0, jitterMs = 0 } = this.shape;
    return nowMs + delayMs + jitterMs;
  }

  private accept(chunk: Buffer): void {
    const nowMs = performance.now();
    const { delayMs = 0, jitterMs = 0, bytesPerSecond = Infinity } = this.shape;
    const latency = Math.max(0, delayMs + (2 * this.random() - 1) * jitterMs);
    this.freeAtMs = Math.max(this.freeAtMs, nowMs) + (chunk.length / bytesPerSecond) * 1_000;
    // In order: nothing is due before what came before it.
    const dueMs = Math.max(this.freeAtMs + latency, this.held.at(-1)?.dueMs ?? 0);
    this.held.push({ chunk, dueMs });
    this.heldBytes += chunk.length;
    this.passOn();
  }

  private passOn(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const nowMs = performance.now();
    while (this.isOpen && this.held.length > 0) {
      const { chunk, dueMs } = this.held[0]!;
      if (dueMs > nowMs) {
        this.timer = setTimeout(() => this.passOn(), dueMs - nowMs);
        break;
      }
      if (this.sink.writableNeedDrain || this.sink.destroyed) break;
      this.held.shift();
      this.heldBytes -= chunk.length;
      this.sink.write(chunk);
    }
    if (this.isOpen && this.hasEnded && this.held.length === 0) this.sink.end();
    if (this.isOpen && this.heldBytes < heldBytesMax) this.source.resume();
    else this.source.pause();
  }
}

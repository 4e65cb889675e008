/**
 * The window of appends that a follower has not acknowledged: bounded in messages and bytes.
 *
 * A ring of (last index, bytes) in the order of sending. It grows by doubling up to the limit,
 * so that an idle follower costs nothing and a large limit need not be allocated up front.
 */
import type { Index } from './types';
import { fail } from './assert';

const FIRST_CAPACITY = 8;

export class Inflights {
  private indices = new Float64Array(FIRST_CAPACITY);
  private sizes = new Float64Array(FIRST_CAPACITY);
  private head = 0;
  private used = 0;
  private usedBytes = 0;

  constructor(
    private readonly messagesMax: number,
    private readonly bytesMax: number,
  ) {}

  get count(): number {
    return this.used;
  }

  get bytes(): number {
    return this.usedBytes;
  }

  /** A last message may exceed the byte limit; then the window is full. */
  get full(): boolean {
    return this.used >= this.messagesMax || this.usedBytes >= this.bytesMax;
  }

  /** Adds a message that ends at `index`; indices are added in rising order. */
  add(index: Index, bytes: number): void {
    if (this.full) fail(`a full window: ${this.used} messages, ${this.usedBytes} bytes`);
    if (this.used === this.indices.length) this.grow();
    const slot = (this.head + this.used) & (this.indices.length - 1);
    this.indices[slot] = index;
    this.sizes[slot] = bytes;
    this.used++;
    this.usedBytes += bytes;
  }

  /** Frees all messages that end at `index` or before. */
  freeThrough(index: Index): void {
    const mask = this.indices.length - 1;
    while (this.used > 0 && this.indices[this.head]! <= index) {
      this.usedBytes -= this.sizes[this.head]!;
      this.head = (this.head + 1) & mask;
      this.used--;
    }
  }

  reset(): void {
    this.head = 0;
    this.used = 0;
    this.usedBytes = 0;
  }

  private grow(): void {
    const length = this.indices.length;
    const indices = new Float64Array(length * 2);
    const sizes = new Float64Array(length * 2);
    for (let i = 0; i < this.used; i++) {
      const slot = (this.head + i) & (length - 1);
      indices[i] = this.indices[slot]!;
      sizes[i] = this.sizes[slot]!;
    }
    this.indices = indices;
    this.sizes = sizes;
    this.head = 0;
  }
}

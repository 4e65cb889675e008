/**
 * Bytes of a stream that arrived and are not yet understood, between the chunks that came and the
 * entries that they hold. Never holds more than one entry and one chunk.
 */

import { ByteReader, DamagedBytes } from './bytes';

/** Grows by doubling, moves down when it can. */
export class PendingBytes {
  private buffer = new Uint8Array(4096);
  private from = 0;
  private to = 0;

  get length(): number {
    return this.to - this.from;
  }

  push(bytes: Uint8Array): void {
    if (this.to + bytes.length > this.buffer.length) {
      const needed = this.length + bytes.length;
      const target =
        needed > this.buffer.length
          ? new Uint8Array(Math.max(needed, this.buffer.length * 2))
          : this.buffer;
      target.set(this.buffer.subarray(this.from, this.to));
      this.buffer = target;
      this.to -= this.from;
      this.from = 0;
    }
    this.buffer.set(bytes, this.to);
    this.to += bytes.length;
  }

  peek(bytesMax: number): Uint8Array {
    return this.buffer.subarray(this.from, Math.min(this.to, this.from + bytesMax));
  }

  drop(length: number): void {
    this.from += length;
  }

  /** The key and value at the front; undefined while they are incomplete. */
  peekPair(lengthMax: number) {
    const keyLength = this.peekLength(0, lengthMax);
    if (keyLength === undefined) return undefined;
    if (keyLength.value === 0) return { key: '', value: this.peek(0), length: 0 };
    const valueLength = this.peekLength(keyLength.end + keyLength.value, lengthMax);
    if (valueLength === undefined) return undefined;
    const length = valueLength.end + valueLength.value;
    if (length > this.length) return undefined;
    const r = new ByteReader(this.peek(length));
    return { key: r.string(), value: r.bytes(), length };
  }

  private peekLength(offset: number, lengthMax: number) {
    if (offset >= this.length) return undefined;
    const bytes = this.buffer.subarray(
      this.from + offset,
      Math.min(this.to, this.from + offset + 8),
    );
    if (bytes.every((byte) => byte >= 0x80) && bytes.length < 8) return undefined;
    const r = new ByteReader(bytes);
    const value = r.varint();
    if (value > lengthMax) {
      throw new DamagedBytes(`a key or value of ${value} bytes; ${lengthMax} are allowed`);
    }
    return { value, end: offset + r.offset };
  }
}

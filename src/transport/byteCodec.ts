/**
 * Bytes in and out. The writer gathers small things in one buffer and passes data on as parts of
 * their own; the reader checks every step against the end, so that no input makes it read or
 * allocate beyond the bytes it was given.
 */

/** Bytes that are not what they should be: told to the log, never to the core. */
export class CodecError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CodecError';
  }
}

/** Data up to this size is copied: cheaper than a part of its own, which a socket writes apart. */
export const INLINE_BYTES_MAX = 4096;
const INITIAL_BYTES = 128;

export class ByteWriter {
  private bytes: Uint8Array;
  private size = 0;
  private readonly parts: Uint8Array[] = [];

  /** `capacity` is a guess: it grows. */
  constructor(capacity = INITIAL_BYTES) {
    this.bytes = new Uint8Array(capacity);
  }

  byte(value: number): void {
    this.makeRoom(1);
    this.bytes[this.size++] = value;
  }

  uint32(value: number): void {
    this.makeRoom(4);
    for (let shift = 0; shift < 32; shift += 8) this.bytes[this.size++] = value >>> shift;
  }

  /** A whole number from 0 to 2^53 - 1, seven bits a byte, low ones first. */
  varint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`${value} is not a whole number from 0 to 2^53 - 1`);
    }
    this.makeRoom(8);
    let rest = value;
    while (rest > 0x7f) {
      this.bytes[this.size++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.bytes[this.size++] = rest;
  }

  /** A 64-bit integer with a sign. */
  int64(value: bigint): void {
    this.uint32(Number(BigInt.asUintN(32, value)));
    this.uint32(Number(BigInt.asUintN(32, value >> 32n)));
  }

  data(data: Uint8Array): void {
    if (data.length > INLINE_BYTES_MAX) {
      this.cut();
      this.parts.push(data);
      return;
    }
    this.makeRoom(data.length);
    this.bytes.set(data, this.size);
    this.size += data.length;
  }

  finish(): Uint8Array[] {
    this.cut();
    return this.parts;
  }

  private cut(): void {
    if (this.size === 0) return;
    this.parts.push(this.bytes.subarray(0, this.size));
    this.bytes = new Uint8Array(INITIAL_BYTES);
    this.size = 0;
  }

  private makeRoom(more: number): void {
    const needed = this.size + more;
    if (needed <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.size));
    this.bytes = larger;
  }
}

export class ByteReader {
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  byte(): number {
    if (this.at >= this.bytes.length) throw this.tooShort(1);
    return this.bytes[this.at++]!;
  }

  flag(): boolean {
    const value = this.byte();
    if (value > 1) throw new CodecError(`${value} is not a flag`);
    return value === 1;
  }

  uint32(): number {
    const data = this.data(4);
    return (data[0]! | (data[1]! << 8) | (data[2]! << 16) | (data[3]! << 24)) >>> 0;
  }

  int64(): bigint {
    const low = BigInt(this.uint32());
    return BigInt.asIntN(64, (BigInt(this.uint32()) << 32n) | low);
  }

  varint(): number {
    let value = 0;
    let factor = 1;
    for (let n = 0; n < 8; n++) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      factor *= 128;
    }
    throw new CodecError('a number is beyond 2^53 - 1');
  }

  /** A number of things that take at least `bytesMin` each: more cannot be there. */
  count(bytesMin: number): number {
    const count = this.varint();
    const room = Math.floor((this.bytes.length - this.at) / bytesMin);
    if (count > room) throw new CodecError(`${count} things where ${room} fit at most`);
    return count;
  }

  /** A view, not a copy. */
  data(length: number): Uint8Array {
    if (length > this.bytes.length - this.at) throw this.tooShort(length);
    const data = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return data;
  }

  end(): void {
    if (this.at !== this.bytes.length) {
      throw new CodecError(`${this.bytes.length - this.at} bytes too many`);
    }
  }

  private tooShort(wanted: number): CodecError {
    return new CodecError(
      `${wanted} bytes wanted at ${this.at}, but the message has ${this.bytes.length}`,
    );
  }
}

/**
 * Bytes and binary strings: the growing writer and the checking reader that the command codec,
 * the stored records and the snapshot stream share.
 *
 * Numbers are written as LEB128 varints (seven bits a byte, low bits first) and are exact up to
 * 2^53; 64-bit lease ids are eight bytes, big-endian two's complement. A reader never runs past
 * its bytes and never trusts a length: what does not fit is a `DamagedBytes` error.
 */

/** Bytes that are not what their writer produced. Says what was wrong and where. */
export class DamagedBytes extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DamagedBytes';
  }
}

export const NO_BYTES = new Uint8Array(0);

/** The largest magnitude of a signed number in the formats: 2^52 - 1. */
export const SIGNED_MAX = 2 ** 52 - 1;

const CHARS_AT_ONCE = 4096;

/** Up to here a loop is faster than what the platform has for copies. */
const COPIED_BY_HAND_MAX = 64;

/** The binary string of bytes [from, to): one character per byte. */
export function stringOfBytes(bytes: Uint8Array, from = 0, to = bytes.length): string {
  if (to - from <= CHARS_AT_ONCE) {
    return String.fromCharCode.apply(null, bytes.subarray(from, to) as unknown as number[]);
  }
  let text = '';
  for (let at = from; at < to; at += CHARS_AT_ONCE) {
    text += stringOfBytes(bytes, at, Math.min(to, at + CHARS_AT_ONCE));
  }
  return text;
}

/** The bytes of a binary string. Characters above 0xff lose their high bits. */
export function bytesOfString(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  writeString(bytes, 0, text);
  return bytes;
}

export function writeString(target: Uint8Array, offset: number, text: string): number {
  const length = text.length;
  for (let i = 0; i < length; i++) target[offset + i] = text.charCodeAt(i);
  return offset + length;
}

/** Byte order, as etcd compares values. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Bytes that `writeVarint` needs for a non-negative integer. */
export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++;
  return length;
}

/** Writes at `offset` and returns the offset behind. */
export function writeVarint(target: Uint8Array, offset: number, value: number): number {
  let large = value;
  let at = offset;
  while (large > 0xffffffff) {
    const next = Math.floor(large / 0x80);
    target[at++] = (large - next * 0x80) | 0x80;
    large = next;
  }
  // From here on in integers, as the halves of hash sums are written with every command.
  let rest = large >>> 0;
  while (rest >= 0x80) {
    target[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[at++] = rest;
  return at;
}

/** Builds bytes of unknown length; doubles its buffer as needed. */
export class ByteWriter {
  private buffer: Uint8Array;
  private length = 0;

  constructor(capacity = 64) {
    this.buffer = new Uint8Array(capacity);
  }

  /** Forgets what was written, so that the buffer can be used again. */
  reset(): this {
    this.length = 0;
    return this;
  }

  byte(value: number): void {
    this.reserve(1);
    this.buffer[this.length++] = value;
  }

  varint(value: number): void {
    if (!(value >= 0 && Number.isSafeInteger(value))) {
      throw new RangeError(`a varint holds integers from 0 to 2^53 - 1, not ${value}`);
    }
    this.reserve(8);
    this.length = writeVarint(this.buffer, this.length, value);
  }

  /**
   * An integer, small magnitudes short: 0, -1, 1, -2, ... are 0, 1, 2, 3, ... Clients may send
   * any 64-bit limit or revision; beyond `SIGNED_MAX` it is cut to that, which no revision,
   * version or count reaches, so that every comparison with one comes out the same.
   */
  signed(value: number): void {
    const cut = Math.max(-SIGNED_MAX, Math.min(SIGNED_MAX, value));
    this.varint(cut < 0 ? -2 * cut - 1 : 2 * cut);
  }

  int64(value: bigint): void {
    this.reserve(8);
    const view = new DataView(this.buffer.buffer, this.length, 8);
    view.setBigInt64(0, BigInt.asIntN(64, value));
    this.length += 8;
  }

  /** A length and the characters of a binary string. */
  string(text: string): void {
    this.varint(text.length);
    this.reserve(text.length);
    this.length = writeString(this.buffer, this.length, text);
  }

  /** A length and the bytes. */
  bytes(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** A copy of the bytes written so far. */
  finish(): Uint8Array {
    const { buffer, length } = this;
    if (length > COPIED_BY_HAND_MAX) return buffer.slice(0, length);
    const copy = new Uint8Array(length);
    for (let i = 0; i < length; i++) copy[i] = buffer[i]!;
    return copy;
  }

  /** What was written, without a copy: valid until the writer is used again. */
  release(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  private reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.buffer.length) return;
    const bigger = new Uint8Array(Math.max(needed, this.buffer.length * 2));
    bigger.set(this.buffer.subarray(0, this.length));
    this.buffer = bigger;
  }
}

/** Reads what a `ByteWriter` wrote; throws DamagedBytes for anything else. */
export class ByteReader {
  constructor(
    private readonly source: Uint8Array,
    private at = 0,
    private readonly end: number = source.length,
  ) {}

  get offset(): number {
    return this.at;
  }

  get remaining(): number {
    return this.end - this.at;
  }

  byte(): number {
    if (this.at >= this.end) throw this.short('a byte');
    return this.source[this.at++]!;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (byte === 0 && i > 0) throw new DamagedBytes(`overlong number at byte ${this.at - 1}`);
        if (!Number.isSafeInteger(value)) break;
        return value;
      }
      scale *= 0x80;
    }
    throw new DamagedBytes(`number above 2^53 at byte ${this.at}`);
  }

  signed(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  int64(): bigint {
    if (this.remaining < 8) throw this.short('a 64-bit number');
    const view = new DataView(this.source.buffer, this.source.byteOffset + this.at, 8);
    this.at += 8;
    return view.getBigInt64(0);
  }

  string(): string {
    const length = this.lengthOf('a string');
    const text = stringOfBytes(this.source, this.at, this.at + length);
    this.at += length;
    return text;
  }

  /** A window on the source, not a copy. */
  bytes(): Uint8Array {
    const length = this.lengthOf('bytes');
    const bytes = this.source.subarray(this.at, this.at + length);
    this.at += length;
    return bytes;
  }

  finish(): void {
    if (this.at !== this.end) {
      throw new DamagedBytes(`${this.remaining} bytes too many behind byte ${this.at}`);
    }
  }

  private lengthOf(what: string): number {
    const length = this.varint();
    if (length > this.remaining) {
      throw new DamagedBytes(
        `${what} of ${length} bytes at byte ${this.at}, where ${this.remaining} are left`,
      );
    }
    return length;
  }

  private short(what: string): DamagedBytes {
    return new DamagedBytes(`${what} is missing at byte ${this.at} of ${this.end}`);
  }
}

/**
 * The answers that clients wait for most, encoded straight from the results of the state machine.
 *
 * The generated encoder wants objects with a bigint for every 64-bit number; for a range of a
 * thousand keys making those is most of the work. Here numbers stay numbers. What comes out is
 * byte for byte what the generated encoder gives, which a property checks.
 */
import type { KeyValue, KvEvent, PutResult, Revision } from '../../kv/types';

/** Fields of protobuf with their wire type: 0 is a varint, 2 has a length. */
const varintTag = (field: number): number => field << 3;
const lengthTag = (field: number): number => (field << 3) | 2;

const INITIAL_BYTES = 256;

/** Grows by doubling. Nothing is written for a value that is the default, as in proto3. */
export class WireWriter {
  private buffer: Buffer;
  private size = 0;

  /** A buffer to begin with, or its size. */
  constructor(begin: Buffer | number = INITIAL_BYTES) {
    this.buffer = typeof begin === 'number' ? Buffer.allocUnsafe(begin) : begin;
  }

  /** What is written last, whatever it was grown to. */
  get backing(): Buffer {
    return this.buffer;
  }

  /** Writes on behind so many bytes, whatever is in them. */
  moveTo(size: number): void {
    this.reserve(size - this.size);
    this.size = size;
  }

  /** A whole number from 0 to 2^53 - 1. */
  number(field: number, value: number): void {
    if (value === 0) return;
    this.reserve(12);
    this.buffer[this.size++] = varintTag(field);
    this.varint(value);
  }

  /** A 64-bit number, negative ones as int64. */
  bigint(field: number, value: bigint): void {
    if (value === 0n) return;
    this.reserve(12);
    this.buffer[this.size++] = varintTag(field);
    let rest = BigInt.asUintN(64, value);
    for (; rest > 0x7fn; rest >>= 7n) this.buffer[this.size++] = Number(rest & 0x7fn) | 0x80;
    this.buffer[this.size++] = Number(rest);
  }

  flag(field: number, value: boolean): void {
    this.number(field, value ? 1 : 0);
  }

  bytes(field: number, value: Uint8Array): void {
    if (value.length > 0) this.message(field, value);
  }

  /** A string whose characters are bytes. */
  latin1(field: number, value: string): void {
    if (value.length === 0) return;
    this.length(field, value.length);
    this.size += this.buffer.write(value, this.size, 'latin1');
  }

  /** Encoded bytes of a message, also when there are none. */
  message(field: number, encoded: Uint8Array): void {
    this.length(field, encoded.length);
    this.buffer.set(encoded, this.size);
    this.size += encoded.length;
  }

  /** A field of so many bytes, which the caller writes next. Makes room for them. */
  length(field: number, length: number): void {
    this.reserve(length + 12);
    this.buffer[this.size++] = lengthTag(field);
    this.varint(length);
  }

  finish(from = 0): Buffer {
    return this.buffer.subarray(from, this.size);
  }

  private varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.buffer[this.size++] = (rest % 128) | 0x80;
      rest = rest < 0x8000_0000 ? rest >>> 7 : Math.floor(rest / 128);
    }
    this.buffer[this.size++] = rest;
  }

  private reserve(more: number): void {
    const needed = this.size + more;
    if (needed <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.buffer.length));
    this.buffer.copy(larger, 0, 0, this.size);
    this.buffer = larger;
  }
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

function numberBytes(value: number): number {
  return value === 0 ? 0 : 1 + varintBytes(value);
}

function blobBytes(length: number): number {
  return length === 0 ? 0 : 1 + varintBytes(length) + length;
}

function bigintBytes(value: bigint): number {
  if (value === 0n) return 0;
  let bytes = 2;
  for (let rest = BigInt.asUintN(64, value); rest > 0x7fn; rest >>= 7n) bytes++;
  return bytes;
}

function keyValueBytes(kv: KeyValue): number {
  return (
    blobBytes(kv.key.length) +
    numberBytes(kv.createRevision) +
    numberBytes(kv.modRevision) +
    numberBytes(kv.version) +
    blobBytes(kv.value.length) +
    bigintBytes(kv.lease)
  );
}

export function writeKeyValue(writer: WireWriter, field: number, kv: KeyValue): void {
  writer.length(field, keyValueBytes(kv));
  writer.latin1(1, kv.key);
  writer.number(2, kv.createRevision);
  writer.number(3, kv.modRevision);
  writer.number(4, kv.version);
  writer.bytes(5, kv.value);
  writer.bigint(6, kv.lease);
}

/** Headers of one member: the ids are encoded once. */
export class HeaderWriter {
  private readonly ids: Buffer;
  private revision = -1;
  private raftTerm = -1;
  private encoded = Buffer.alloc(0);

  constructor(clusterId: bigint, memberId: bigint) {
    const writer = new WireWriter();
    writer.bigint(1, clusterId);
    writer.bigint(2, memberId);
    this.ids = writer.finish();
  }

  /** Of a response that was made at `revision`; the same bytes until something else is asked. */
  at(revision: Revision, raftTerm: number): Buffer {
    if (revision !== this.revision || raftTerm !== this.raftTerm) {
      const writer = new WireWriter(64);
      writer.number(3, revision);
      writer.number(4, raftTerm);
      this.encoded = Buffer.concat([this.ids, writer.finish()]);
      this.revision = revision;
      this.raftTerm = raftTerm;
    }
    return this.encoded;
  }
}

export function encodePut(header: Buffer, { prevKv }: PutResult): Buffer {
  const writer = new WireWriter(64 + (prevKv === undefined ? 0 : keyValueBytes(prevKv)));
  writer.message(1, header);
  if (prevKv !== undefined) writeKeyValue(writer, 2, prevKv);
  return writer.finish();
}

export function encodeEvent({ type, kv, prevKv }: KvEvent): Buffer {
  const writer = new WireWriter(
    16 + keyValueBytes(kv) + (prevKv === undefined ? 0 : keyValueBytes(prevKv) + 12),
  );
  writer.number(1, type === 'put' ? 0 : 1);
  writeKeyValue(writer, 2, kv);
  if (prevKv !== undefined) writeKeyValue(writer, 3, prevKv);
  return writer.finish();
}

/**
 * Refuses bytes that are no message, before the generated decoders look at them.
 *
 * Those let a field of a nested message reach beyond its end, into what follows it, and take
 * everything behind a field with the number 0, or behind the end of a group that nobody began, as
 * if it were not there. So a request that was cut in the middle, or spoilt, could be carried out
 * with another meaning. Etcd refuses all of it.
 */
import type { ServiceDefinition } from '@grpc/grpc-js';
import { KVService, WatchService } from '../../api';

/** What the fields of a message hold: messages of these shapes. Other fields hold none. */
export type Shape = ReadonlyMap<number, Shape>;

const FLAT: Shape = new Map();
const operation = new Map<number, Shape>();
const transaction: Shape = new Map([
  [1, FLAT],
  [2, operation],
  [3, operation],
]);
for (const range of [1, 2, 3]) operation.set(range, FLAT);
operation.set(4, transaction);

const watchRequest: Shape = new Map([
  [1, FLAT],
  [2, FLAT],
  [3, FLAT],
]);

const shapes: ReadonlyMap<string, Shape> = new Map([
  [KVService.txn.path, transaction],
  [WatchService.watch.path, watchRequest],
]);

/** As deep as the generated decoders go. */
const DEPTH_MAX = 100;

const WireType = {
  varint: 0,
  fixed64: 1,
  delimited: 2,
  groupBegin: 3,
  groupEnd: 4,
  fixed32: 5,
} as const;

/** Throws where the bytes are no message of that shape. */
export function checkMessage(bytes: Uint8Array, shape: Shape): void {
  new Walk(bytes).message(bytes.length, shape, 0);
}

/** The same service, whose requests are checked before they are decoded. */
export function checkedRequests(definition: ServiceDefinition): ServiceDefinition {
  return Object.fromEntries(
    Object.entries(definition).map(([name, method]) => {
      const shape = shapes.get(method.path) ?? FLAT;
      const requestDeserialize = (bytes: Buffer): unknown => {
        checkMessage(bytes, shape);
        return method.requestDeserialize(bytes);
      };
      return [name, { ...method, requestDeserialize }];
    }),
  );
}

class Walk {
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  message(end: number, shape: Shape, depth: number): void {
    if (depth > DEPTH_MAX) throw new Error(`messages are nested more than ${DEPTH_MAX} deep`);
    while (this.at < end) {
      const { number, wireType } = this.tag(end);
      const inner = wireType === WireType.delimited ? shape.get(number) : undefined;
      if (inner === undefined) this.skip(number, wireType, end, depth);
      else this.message(this.endOf(this.varint(end), end), inner, depth + 1);
    }
  }

  private tag(end: number): { readonly number: number; readonly wireType: number } {
    const start = this.at;
    const tag = this.varint(end);
    const number = Math.floor(tag / 8);
    if (number === 0) throw new Error(`the field at byte ${start} has the number 0`);
    return { number, wireType: tag % 8 };
  }

  private skip(number: number, wireType: number, end: number, depth: number): void {
    switch (wireType) {
      case WireType.varint:
        this.varint(end);
        break;
      case WireType.fixed64:
        this.advance(8, end);
        break;
      case WireType.delimited:
        this.advance(this.varint(end), end);
        break;
      case WireType.groupBegin:
        this.group(number, end, depth + 1);
        break;
      case WireType.fixed32:
        this.advance(4, end);
        break;
      default:
        throw new Error(`field ${number} before byte ${this.at} has the wire type ${wireType}`);
    }
  }

  private group(number: number, end: number, depth: number): void {
    if (depth > DEPTH_MAX) throw new Error(`groups are nested more than ${DEPTH_MAX} deep`);
    for (;;) {
      const next = this.tag(end);
      if (next.wireType !== WireType.groupEnd) this.skip(next.number, next.wireType, end, depth);
      else if (next.number === number) return;
      else throw new Error(`the group ${number} ends as ${next.number} before byte ${this.at}`);
    }
  }

  private advance(length: number, end: number): void {
    this.at = this.endOf(length, end);
  }

  /** Where so many bytes from here on end. */
  private endOf(length: number, end: number): number {
    const to = this.at + length;
    if (to > end) throw new Error(`${length} bytes at byte ${this.at} end behind byte ${end}`);
    return to;
  }

  /** Beyond 2^53 rounded: no length and no field number is that large. */
  private varint(end: number): number {
    let value = 0;
    for (let scale = 1; this.at < end; scale *= 128) {
      const byte = this.bytes[this.at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      if (scale >= 2 ** 63) throw new Error(`the number before byte ${this.at} is too long`);
    }
    throw new Error(`the message ends in the middle of a number, at byte ${end}`);
  }
}

/**
 * Other bytes for a message, as encoders that are not ours write them, or as a cut leaves them:
 * fields that are unknown, come twice or in another order, and messages that stop too early. What
 * such bytes mean is laid down for every decoder of protobuf, so all servers must agree on them.
 *
 * Not here: fields of another type than the schema's, and the like. There decoders may differ.
 */
import * as fc from 'fast-check';

export interface Mutation {
  /** Places of the fields on the way down to the message that is changed. */
  readonly way: readonly number[];
  readonly kind: 'cut' | 'repeat' | 'reverse' | 'unknown' | 'empty';
  readonly at: number;
  readonly wireType: 0 | 1 | 2 | 5;
}

export const mutation: fc.Arbitrary<Mutation> = fc.record({
  way: fc.array(fc.nat(4), { maxLength: 4 }),
  kind: fc.constantFrom('cut', 'repeat', 'reverse', 'unknown', 'empty'),
  at: fc.nat(60),
  wireType: fc.constantFrom(0, 1, 2, 5),
});

interface Field {
  readonly wireType: number;
  /** The bytes before the payload's length, or before the payload. */
  readonly tag: Buffer;
  readonly payload: Buffer;
}

export function mutate(message: Buffer, mutation: Mutation): Buffer {
  return mutateBelow(message, mutation, mutation.way);
}

function mutateBelow(message: Buffer, mutation: Mutation, way: readonly number[]): Buffer {
  const [first, ...rest] = way;
  const fields = fieldsOf(message) ?? [];
  const places = fields.flatMap(({ wireType, payload }, place) =>
    wireType === 2 && payload.length > 0 ? [place] : [],
  );
  if (first === undefined || places.length === 0) return changed(message, fields, mutation);
  const place = places[first % places.length]!;
  const field = fields[place]!;
  const payload = mutateBelow(field.payload, mutation, rest);
  // A field of no bytes that is there all the same: no encoder writes one, and etcd takes the end
  // of a range that is there and empty for "from this key on".
  return payload.length === 0 ? message : encode(fields.with(place, { ...field, payload }));
}

function changed(
  message: Buffer,
  fields: readonly Field[],
  { kind, at, wireType }: Mutation,
): Buffer {
  if (kind === 'cut') return message.subarray(0, Math.max(0, message.length - at));
  if (kind === 'empty') return Buffer.alloc(0);
  if (fields.length === 0) return message;
  const place = at % fields.length;
  switch (kind) {
    case 'repeat':
      return encode([...fields, fields[place]!]);
    case 'reverse':
      return encode([...fields].reverse());
    case 'unknown':
      return encode(fields.toSpliced(place, 0, unknownField(wireType, at)));
  }
}

/** Numbers that no message of the API has. */
function unknownField(wireType: Mutation['wireType'], at: number): Field {
  const payload = { 0: [at], 1: [1, 2, 3, 4, 5, 6, 7, 8], 2: [97, 98], 5: [1, 2, 3, 4] }[wireType];
  return { wireType, tag: varint(((900 + at) << 3) | wireType), payload: Buffer.from(payload) };
}

/** Undefined where the bytes are no message. */
function fieldsOf(message: Buffer): readonly Field[] | undefined {
  const fields: Field[] = [];
  for (let at = 0; at < message.length;) {
    const tagEnd = varintEnd(message, at);
    if (tagEnd === undefined) return undefined;
    const wireType = message[at]! & 7;
    const tag = message.subarray(at, tagEnd);
    const payload = payloadOf(message, tagEnd, wireType);
    if (payload === undefined || payload.end > message.length) return undefined;
    fields.push({ wireType, tag, payload: message.subarray(payload.start, payload.end) });
    at = payload.end;
  }
  return fields;
}

function payloadOf(message: Buffer, start: number, wireType: number) {
  if (wireType === 1) return { start, end: start + 8 };
  if (wireType === 5) return { start, end: start + 4 };
  const end = varintEnd(message, start);
  if (end === undefined || (wireType !== 0 && wireType !== 2)) return undefined;
  if (wireType === 0) return { start, end };
  return { start: end, end: end + lengthAt(message, start, end) };
}

function varintEnd(message: Buffer, start: number): number | undefined {
  for (let at = start; at < message.length; at++) if (message[at]! < 0x80) return at + 1;
  return undefined;
}

function lengthAt(message: Buffer, start: number, end: number): number {
  return message.subarray(start, end).reduceRight((value, byte) => value * 128 + (byte & 0x7f), 0);
}

function encode(fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.flatMap(({ wireType, tag, payload }) =>
      wireType === 2 ? [tag, varint(payload.length), payload] : [tag, payload],
    ),
  );
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value >= 0x80; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return Buffer.from([...bytes, value]);
}

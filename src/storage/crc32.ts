/**
 * CRC-32 as zlib, gzip and PNG have it (reflected polynomial 0xEDB88320), eight bytes a step:
 * table k holds the remainder of a byte followed by k zero bytes, so eight look-ups that do not
 * depend on each other replace eight that do (M. E. Kounavis, F. L. Berry, 2005).
 */
const POLYNOMIAL = 0xedb88320;

const TABLE = makeTable();

function makeTable(): Int32Array {
  const table = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++) {
      remainder = remainder & 1 ? (remainder >>> 1) ^ POLYNOMIAL : remainder >>> 1;
    }
    table[byte] = remainder;
  }
  for (let i = 256; i < table.length; i++) {
    const shorter = table[i - 256]!;
    table[i] = (shorter >>> 8) ^ table[shorter & 0xff]!;
  }
  return table;
}

/**
 * The checksum of `bytes`, continuing from the checksum of what came before:
 * `crc32(b, crc32(a))` is the checksum of a followed by b. An unsigned 32-bit number. Only the
 * bytes in [from, to) count: a window on them would cost more than the checksum of a record.
 */
export function crc32(bytes: Uint8Array, previous = 0, from = 0, to = bytes.length): number {
  const lastWhole = to - 7;
  let crc = ~previous;
  let i = from;
  while (i < lastWhole) {
    const low =
      crc ^ (bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24));
    crc =
      TABLE[0x700 + (low & 0xff)]! ^
      TABLE[0x600 + ((low >>> 8) & 0xff)]! ^
      TABLE[0x500 + ((low >>> 16) & 0xff)]! ^
      TABLE[0x400 + (low >>> 24)]! ^
      TABLE[0x300 + bytes[i + 4]!]! ^
      TABLE[0x200 + bytes[i + 5]!]! ^
      TABLE[0x100 + bytes[i + 6]!]! ^
      TABLE[bytes[i + 7]!]!;
    i += 8;
  }
  while (i < to) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[i++]!) & 0xff]!;
  return ~crc >>> 0;
}

/** A checksum function with the conventions of `crc32`. */
export type Checksum = (bytes: Uint8Array, previous: number, from?: number, to?: number) => number;

/** One that only takes all of its bytes. */
type WholeChecksum = (bytes: Uint8Array, previous: number) => number;

/** Below this the call into the platform costs more than it saves. */
const NATIVE_BYTES_MIN = 512;

/** The fastest checksum there is on this disk's platform. */
export function checksumOf(disk: { readonly crc32?: WholeChecksum | undefined }): Checksum {
  const native = disk.crc32;
  if (native === undefined) return crc32;
  return (bytes, previous, from = 0, to = bytes.length) =>
    to - from < NATIVE_BYTES_MIN
      ? crc32(bytes, previous, from, to)
      : native(bytes.subarray(from, to), previous);
}

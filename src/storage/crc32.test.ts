/** The portable checksum is zlib's, for every length and start. */
import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { checksumOf, crc32 } from './crc32';

describe('crc32', () => {
  test('has the value every CRC-32 has for the digits one to nine', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
    expect(crc32(new Uint8Array(0))).toBe(0);
  });

  test('agrees with zlib and goes on from what came before', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 100 }),
        fc.uint8Array({ maxLength: 2000 }),
        fc.nat(0xffffffff),
        (a, b, previous) => {
          expect(crc32(b, previous)).toBe(zlibCrc32(b, previous));
          expect(crc32(b, crc32(a))).toBe(zlibCrc32(Buffer.concat([a, b])));
        },
      ),
    );
  });

  test('uses the platform only where that pays', () => {
    const lengths: number[] = [];
    const checksum = checksumOf({
      crc32: (bytes, previous) => {
        lengths.push(bytes.length);
        return zlibCrc32(bytes, previous);
      },
    });
    expect(checksum(new Uint8Array(10), 1)).toBe(crc32(new Uint8Array(10), 1));
    expect(checksum(new Uint8Array(10_000), 1)).toBe(crc32(new Uint8Array(10_000), 1));
    expect(lengths).toEqual([10_000]);
    expect(checksumOf({})).toBe(crc32);
  });
});

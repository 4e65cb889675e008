import { NewestCache } from './newestCache';
import type { StoredVersion } from './versions';

const KIB = 1024;
const VERSIONS = 100_000;

function version(i: number, keyBytes: number, recordBytes: number): StoredVersion {
  const prefix = `${i} `.padEnd(keyBytes, 'k');
  return { prefix, storeKey: `${prefix}0`, record: new Uint8Array(recordBytes) };
}

/** What the cache holds after so many versions of different keys. */
function heldAfter(keyBytes: number, recordBytes: number): { versions: number; bytes: number } {
  const cache = new NewestCache();
  const one = version(0, keyBytes, recordBytes);
  // Only the keys differ: the test does not have to hold what the cache might.
  for (let i = 0; i < VERSIONS; i++) cache.set({ ...one, prefix: `${i} ` + one.prefix.slice(8) });
  let versions = 0;
  for (let i = 0; i < VERSIONS; i++) {
    if (cache.get(`${i} ` + one.prefix.slice(8)) !== undefined) versions++;
  }
  return { versions, bytes: versions * (2 * keyBytes + recordBytes) };
}

describe('the cache of newest versions', () => {
  it.each([
    ['small keys and records', 20, 100],
    ['records as large as are kept', 20, 980],
    ['keys as long as are kept', 500, 20],
  ])('stays below 32 MiB with %s, and holds the latest', (_, keyBytes, recordBytes) => {
    const { versions, bytes } = heldAfter(keyBytes, recordBytes);
    expect(versions).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThanOrEqual(32 * KIB * KIB);
  });

  it.each([
    ['records', 20, 2 * KIB],
    ['keys', 1_000, 20],
  ])('keeps no large %s', (_, keyBytes, recordBytes) => {
    expect(heldAfter(keyBytes, recordBytes).versions).toBe(0);
  });

  it('forgets what a large version replaces', () => {
    const cache = new NewestCache();
    const small = version(1, 20, 20);
    cache.set(small);
    expect(cache.get(small.prefix)).toBe(small);
    cache.set({ ...small, record: new Uint8Array(2 * KIB) });
    expect(cache.get(small.prefix)).toBeUndefined();
  });
});

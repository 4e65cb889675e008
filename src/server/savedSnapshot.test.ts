/** The saved snapshot as a file: what was written is read back, and any damage is found. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { SavedSnapshotError, SavedSnapshotFile, SavedSnapshotWriter } from './savedSnapshot';

let directory: string;
let path: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'crucible-saved-'));
  path = join(directory, 'saved');
});
afterAll(() => rmSync(directory, { recursive: true }));

function write(bytes: Uint8Array, pieceBytes: number): Buffer {
  const content = {
    index: 7,
    totalBytes: bytes.length,
    read: (offset: number, max: number) => bytes.subarray(offset, offset + max),
  };
  const writer = new SavedSnapshotWriter(content, 0xabcn, 9, pieceBytes);
  const pieces: Buffer[] = [];
  const remaining: number[] = [];
  for (let piece = writer.next(); piece !== undefined; piece = writer.next()) {
    pieces.push(piece.blob);
    remaining.push(piece.remaining);
  }
  const total = pieces.reduce((sum, blob) => sum + blob.length, 0);
  // What follows each piece, the trailer not counted, as etcd counts it.
  let sent = 0;
  for (const [i, blob] of pieces.entries()) {
    sent += blob.length;
    expect(remaining[i]).toBe(Math.max(0, total - 32 - sent));
  }
  const file = Buffer.concat(pieces);
  writeFileSync(path, file);
  return file;
}

const contents = fc.uint8Array({ maxLength: 2_000 });

test('comes back whole, whatever its size and the size of its pieces', () => {
  fc.assert(
    fc.property(contents, fc.integer({ min: 1, max: 3_000 }), (bytes, pieceBytes) => {
      const file = write(bytes, pieceBytes);
      expect(file.length % 512).toBe(32);
      const saved = SavedSnapshotFile.open(path);
      expect(saved.head).toMatchObject({ clusterId: 'abc', index: 7, revision: 9 });
      expect(Buffer.from(saved.read(0, 10_000))).toEqual(Buffer.from(bytes));
      saved.close();
    }),
  );
});

test('is refused when a bit is wrong, a piece is missing or it is something else', () => {
  fc.assert(
    fc.property(contents, fc.nat(), fc.nat(7), (bytes, at, bit) => {
      const file = write(bytes, 512);
      const position = at % file.length;
      const damaged = Buffer.from(file);
      damaged[position] = damaged[position]! ^ (1 << bit);
      for (const bad of [damaged, file.subarray(0, position), Buffer.concat([file, file])]) {
        writeFileSync(path, bad);
        expect(() => SavedSnapshotFile.open(path)).toThrow(SavedSnapshotError);
      }
    }),
    { numRuns: 50 },
  );
  expect(() => SavedSnapshotFile.open(join(directory, 'missing'))).toThrow('ENOENT');
  expect(readFileSync(path).length).toBeGreaterThan(0);
});

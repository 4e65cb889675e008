/** Directories that can be made, and those that cannot, which must end in an error. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeDirectories } from './makeDirectories';

let root: string;
beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'crucible-mkdir-'))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('making directories', () => {
  it('makes all that are missing and names the topmost', () => {
    expect(makeDirectories(join(root, 'a', 'b', 'c'))).toBe(join(root, 'a'));
    expect(existsSync(join(root, 'a', 'b', 'c'))).toBe(true);
    expect(makeDirectories(join(root, 'a', 'b', 'c'))).toBeUndefined();
  });

  it('says that a file is in the way', () => {
    writeFileSync(join(root, 'file'), '');
    expect(() => makeDirectories(join(root, 'file'))).toThrow('ENOTDIR');
    expect(() => makeDirectories(join(root, 'file', 'below'))).toThrow('ENOTDIR');
  });

  it('ends where the file system lets nothing be created', () => {
    if (!existsSync('/proc/self')) return;
    expect(() => makeDirectories('/proc/no-such-thing/below')).toThrow('ENOENT');
  });
});

/** The two disks, held to one behaviour; and the bad behaviour that only the simulated one has. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { DiskError } from '../../src/storage/disk';
import { FileDisk } from '../../src/storage/fileDisk';
import { describeDisk } from './describeDisk';
import { TestDisk } from './testDisk';

describeDisk('the disk of a real file system', () => {
  const root = mkdtempSync(join(tmpdir(), 'crucible-disk-'));
  const disk = new FileDisk();
  return {
    disk,
    root,
    // Thread-pool work ends in any order, so settled means: as many syncs again have ended.
    settle: async () => {
      const files = [0, 1, 2, 3, 4].map((n) => disk.create(`${root}/settle${n}`));
      for (let round = 0; round < 3; round++) {
        await Promise.all(
          files.map((file) => new Promise<void>((resolve) => file.sync(() => resolve()))),
        );
      }
      for (const file of files) file.close();
    },
    remove: () => rmSync(root, { recursive: true }),
  };
});

describeDisk('the simulated disk', () => {
  const disk = new TestDisk(1);
  disk.createDirectory('root');
  return {
    disk,
    root: 'root',
    settle: () => {
      disk.settle();
      return Promise.resolve();
    },
    remove: () => undefined,
  };
});

describe('a simulated disk that loses power', () => {
  const data = fc.uint8Array({ maxLength: 1500 });

  test('keeps what a sync covered and no byte that was not written in its place', () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(data), fc.array(data), (seed, synced, unsynced) => {
        const disk = new TestDisk(seed);
        const file = disk.create('f');
        for (const part of synced) file.append(part);
        file.syncNow();
        disk.syncDirectoryNow('');
        for (const part of unsynced) file.append(part);
        const written = [...file.read(0, file.size)];
        const durable = synced.reduce((sum, part) => sum + part.length, 0);
        disk.crash();
        expect(() => disk.open('f')).toThrow('the power is off');
        disk.reopen();
        expect(() => file.read(0, 1)).toThrow('not open any more');
        const left = [...disk.bytesOf('f')];
        expect(left.length).toBeLessThanOrEqual(written.length);
        expect(left.slice(0, durable)).toEqual(written.slice(0, durable));
        expect(left.every((byte, i) => byte === written[i] || byte === 0)).toBe(true);
      }),
    );
  });

  test('brings back bytes that an unsynced truncation cut off, or does not', () => {
    const sizes = new Set<number>();
    for (let seed = 0; seed < 40; seed++) {
      const disk = new TestDisk(seed);
      const file = disk.create('f');
      file.append(Uint8Array.from([1, 2, 3]));
      file.syncNow();
      disk.syncDirectoryNow('');
      file.truncate(1);
      disk.crash();
      sizes.add(disk.bytesOf('f').length);
    }
    expect([...sizes].sort()).toEqual([1, 3]);
  });

  test('may lose a name whose directory was not synced, even of a synced file', () => {
    const left = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      const disk = new TestDisk(seed);
      const file = disk.create('old');
      file.append(Uint8Array.from([1]));
      file.syncNow();
      disk.syncDirectoryNow('');
      disk.rename('old', 'new');
      disk.crash();
      left.add(disk.paths().join());
    }
    expect([...left].sort()).toEqual(['new', 'old']);
  });

  test('never calls back into a life that ended', () => {
    const disk = new TestDisk(1);
    const file = disk.create('f');
    let heard = 0;
    file.sync(() => heard++);
    disk.kill();
    disk.settle();
    expect(heard).toBe(0);
  });
});

describe('a simulated disk that fails on request', () => {
  function codeOf(call: () => void): string | undefined {
    try {
      call();
      return undefined;
    } catch (error) {
      return (error as DiskError).code;
    }
  }

  test('fails the named operation on the named file, once', () => {
    const disk = new TestDisk(1);
    const one = disk.create('one');
    const two = disk.create('two');
    disk.failNext('append', 'EIO', 'two');
    one.append(Uint8Array.from([1]));
    expect(codeOf(() => two.append(Uint8Array.from([1])))).toBe('EIO');
    two.append(Uint8Array.from([1]));
    expect(one.size).toBe(1);
  });

  test('refuses what does not fit and has room again after a truncation', () => {
    const disk = new TestDisk(1);
    const file = disk.create('f');
    disk.capacityBytes = 10;
    file.append(new Uint8Array(8));
    expect(codeOf(() => file.append(new Uint8Array(3)))).toBe('ENOSPC');
    expect(file.size).toBeLessThanOrEqual(10);
    file.truncate(0);
    file.append(new Uint8Array(10));
    expect(disk.usedBytes).toBe(10);
  });

  test('after a failed sync calls later ones a success and keeps nothing', () => {
    const sizes = new Set<number>();
    for (let seed = 0; seed < 20; seed++) {
      const disk = new TestDisk(seed);
      const file = disk.create('f');
      disk.syncDirectoryNow('');
      file.append(Uint8Array.from([1]));
      disk.failNext('sync', 'EIO');
      const heard: unknown[] = [];
      file.sync((error) => heard.push(error?.code));
      disk.settle();
      file.sync((error) => heard.push(error?.code));
      disk.settle();
      expect(heard).toEqual(['EIO', undefined]);
      disk.crash();
      sizes.add(disk.bytesOf('f').length);
    }
    expect(sizes.has(0)).toBe(true);
  });

  test('a sync takes as long as it is told, and one that lies keeps nothing', () => {
    const lost = new Set<number>();
    for (let seed = 0; seed < 20; seed++) {
      const disk = new TestDisk(seed);
      disk.lyingSync = true;
      const file = disk.create('f');
      disk.syncDirectoryNow('');
      file.append(Uint8Array.from([1]));
      file.syncNow();
      disk.crash();
      lost.add(disk.paths().length);
    }
    expect(lost.has(0)).toBe(true);
  });

  test('loses power in the middle of the n-th change', () => {
    const disk = new TestDisk(1);
    disk.powerOffAfter(2);
    const file = disk.create('f');
    file.append(Uint8Array.from([1]));
    expect(codeOf(() => file.append(Uint8Array.from([2])))).toBe('EPOWER');
    expect(codeOf(() => disk.list(''))).toBe('EPOWER');
    disk.reopen();
    expect(disk.list('').length).toBeLessThanOrEqual(1);
  });
});

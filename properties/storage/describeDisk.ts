/**
 * What every Disk does, real or simulated: the behaviour that storage builds on. What only a
 * power failure shows is tested with the simulated disk, which can have one.
 */
import type { Disk, DiskError, DiskFile } from '../../src/storage/disk';

export interface DiskUnderTest {
  readonly disk: Disk;
  /** A directory that exists and is empty. */
  readonly root: string;
  /** Lets syncs that are under way end. */
  settle(): Promise<void>;
  remove(): void;
}

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

function contentOf(file: DiskFile): number[] {
  return [...file.read(0, file.size)];
}

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as DiskError).code;
  }
  return 'nothing was thrown';
}

export function describeDisk(name: string, make: () => DiskUnderTest): void {
  describe(name, () => {
    let under: DiskUnderTest;
    let disk: Disk;
    let path: string;
    beforeEach(() => {
      under = make();
      disk = under.disk;
      path = `${under.root}/file`;
    });
    afterEach(() => under.remove());

    describeFiles();
    describeNames();
    describeSyncs();

    function describeFiles(): void {
      test('an append adds its parts in order and says so in the size', () => {
        const file = disk.create(path);
        file.append(bytes(1, 2), bytes(), bytes(3));
        file.append(bytes(4));
        expect(file.size).toBe(4);
        expect(contentOf(file)).toEqual([1, 2, 3, 4]);
        file.close();
      });

      test('an append takes more parts than the system takes in one call', () => {
        const file = disk.create(path);
        file.append(...Array.from({ length: 3000 }, (_, i) => bytes(i % 251)));
        expect(file.size).toBe(3000);
        expect(contentOf(file).every((value, i) => value === i % 251)).toBe(true);
        file.close();
      });

      test('the parts of an append are the caller’s again when it returns', () => {
        const file = disk.create(path);
        const part = bytes(7);
        file.append(part);
        part[0] = 8;
        expect(contentOf(file)).toEqual([7]);
        file.close();
      });

      test('a read ends at the end of the file and its result is the caller’s', () => {
        const file = disk.create(path);
        file.append(bytes(1, 2, 3));
        const found = file.read(1, 10);
        expect([...found]).toEqual([2, 3]);
        found[0] = 9;
        expect([...file.read(1, 1)]).toEqual([2]);
        expect([...file.read(5, 1)]).toEqual([]);
        file.close();
      });

      test('a truncated file goes on at its new end', () => {
        const file = disk.create(path);
        file.append(bytes(1, 2, 3, 4));
        file.truncate(1);
        file.append(bytes(5));
        expect(contentOf(file)).toEqual([1, 5]);
        file.close();
      });

      test('a file opened again has its content and grows at its end', () => {
        disk.create(path).append(bytes(1));
        const file = disk.open(path);
        file.append(bytes(2));
        expect(contentOf(file)).toEqual([1, 2]);
        file.close();
      });

      test('creating a file that is there empties it', () => {
        disk.create(path).append(bytes(1));
        const file = disk.create(path);
        expect(file.size).toBe(0);
        file.close();
      });

      test('a closed file refuses and names itself', () => {
        const file = disk.create(path);
        file.close();
        file.close();
        expect(codeOf(() => file.append(bytes(1)))).toBe('EBADF');
        expect(codeOf(() => file.read(0, 1))).toBe('EBADF');
        expect(codeOf(() => file.sync(() => undefined))).toBe('EBADF');
      });
    }

    function describeNames(): void {
      test('a directory lists its files and directories in order', () => {
        disk.create(`${under.root}/b`).close();
        disk.createDirectory(`${under.root}/c/d`);
        disk.create(`${under.root}/a`).close();
        disk.createDirectory(`${under.root}/c/d`);
        expect(disk.list(under.root)).toEqual(['a', 'b', 'c']);
        expect(disk.list(`${under.root}/c`)).toEqual(['d']);
        expect(disk.exists(`${under.root}/c/d`)).toBe(true);
      });

      test('a renamed file replaces the one that had the name', () => {
        disk.create(path).append(bytes(1));
        disk.create(`${path}2`).append(bytes(2));
        disk.rename(`${path}2`, path);
        expect(disk.list(under.root)).toEqual(['file']);
        const file = disk.open(path);
        expect(contentOf(file)).toEqual([2]);
        file.close();
      });

      test('a removed file is gone for new readers and stays for open ones', () => {
        const file = disk.create(path);
        file.append(bytes(1));
        disk.remove(path);
        expect(disk.exists(path)).toBe(false);
        expect(contentOf(file)).toEqual([1]);
        file.close();
      });

      test('what is not there is reported with its code and path', () => {
        for (const call of [
          () => disk.open(path),
          () => disk.remove(path),
          () => disk.rename(path, `${path}2`),
          () => disk.list(path),
          () => disk.create(`${path}/below`),
        ]) {
          expect(codeOf(call)).toBe('ENOENT');
        }
      });
    }

    function describeSyncs(): void {
      test('a sync reports once, and never before the call returns', async () => {
        const file = disk.create(path);
        file.append(bytes(1));
        const heard: unknown[] = [];
        file.sync((error) => heard.push(error));
        disk.syncDirectory(under.root, (error) => heard.push(error));
        expect(heard).toEqual([]);
        await under.settle();
        expect(heard).toEqual([undefined, undefined]);
        file.close();
      });

      test('a sync that is under way reports though the file is closed', async () => {
        const file = disk.create(path);
        let heard = 0;
        file.sync((error) => (heard += error === undefined ? 1 : 100));
        file.close();
        await under.settle();
        expect(heard).toBe(1);
      });

      test('a sync in place returns', () => {
        const file = disk.create(path);
        file.append(bytes(1));
        file.syncNow();
        disk.syncDirectoryNow(under.root);
        file.close();
      });
    }
  });
}

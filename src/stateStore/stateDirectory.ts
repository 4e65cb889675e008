/**
 * The directory of a member's state on disk: tables as files, and a pointer to the one that counts.
 *
 *   current        the name of the table that a restart opens
 *   <n>.mdb        a table; others than the current one are snapshots that were being restored
 *
 * A snapshot of the leader is restored into a table beside, however long that takes, and takes
 * effect by the replacement of the pointer: a crash leaves the old state or the new one. What
 * nobody points to is removed at the next start.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { DurableTable } from '../kv';
import { makeDirectories } from '../runtime/makeDirectories';
import { LmdbTable } from './lmdbTable';
import type { Lmdb } from './loadLmdb';

const TABLE_NAME = /^(\d+)\.mdb$/;

export class StateDirectory {
  private current: string | undefined;
  private lastNumber = 0;
  private openTables = 0;
  private whenClosed: (() => void)[] = [];

  /** Nobody else uses the directory: the caller holds the lock of the member's data. */
  constructor(
    private readonly lmdb: Lmdb,
    private readonly path: string,
  ) {
    makeDirectories(path, 0o700);
    this.current = this.readPointer();
    for (const name of readdirSync(path)) {
      const number = TABLE_NAME.exec(name)?.[1];
      if (number !== undefined) this.lastNumber = Math.max(this.lastNumber, Number(number));
      // The lock file of the current table names readers of a process that is no more.
      if (name !== 'current' && name !== this.current) rmSync(join(path, name), { force: true });
    }
  }

  /** Bytes of the current table on disk. */
  get bytes(): number {
    const { current } = this;
    return current === undefined ? 0 : statSync(join(this.path, current)).size;
  }

  /** Whether a directory holds a state. */
  static exists(path: string): boolean {
    return existsSync(join(path, 'current'));
  }

  /** The table that counts; a new one where there is none. Throws when it can't be read. */
  open(): DurableTable {
    const { current } = this;
    if (current !== undefined) return this.openTable(current);
    const table = this.create();
    table.claim();
    return table;
  }

  /** An empty table beside, for a snapshot. It counts from its claim on. */
  create(): DurableTable {
    return this.openTable(`${++this.lastNumber}.mdb`);
  }

  /** When every table is closed, the engine's threads included. */
  closed(): Promise<void> {
    return new Promise((resolve) => {
      this.whenClosed.push(resolve);
      this.tellClosed();
    });
  }

  private tellClosed(): void {
    if (this.openTables > 0) return;
    for (const tell of this.whenClosed.splice(0)) tell();
  }

  private openTable(name: string): DurableTable {
    const path = join(this.path, name);
    checkTableFile(path);
    try {
      const table = LmdbTable.open(this.lmdb, path, {
        claim: () => this.point(name),
        closed: () => {
          if (name !== this.current) this.remove(name);
          this.openTables--;
          this.tellClosed();
        },
      });
      this.openTables++;
      return table;
    } catch (error) {
      throw new Error(`opening the state in ${path}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  private readPointer(): string | undefined {
    let name: string;
    try {
      name = readFileSync(join(this.path, 'current'), 'utf8').trim();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    if (TABLE_NAME.test(name)) return name;
    throw new Error(`${join(this.path, 'current')} is damaged: it says ${JSON.stringify(name)}`);
  }

  private point(name: string): void {
    if (name === this.current) return;
    const before = this.current;
    const pointer = join(this.path, 'current');
    // A new table's first pages are written when it is opened and synced by its first transaction:
    // a pointer that outlives a power failure must not point to a file that did not.
    syncPath(join(this.path, name));
    writeFileSync(`${pointer}.new`, `${name}\n`, { flush: true });
    renameSync(`${pointer}.new`, pointer);
    this.current = name;
    syncPath(this.path);
    // Views may still read from it; the space is free when the last one is released.
    if (before !== undefined) this.remove(before);
  }

  private remove(name: string): void {
    for (const file of [name, `${name}-lock`]) rmSync(join(this.path, file), { force: true });
  }
}

function syncPath(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Where a page of the engine's has the number that tells it from anything else. */
const MAGIC_OFFSET = 24;
const MAGIC = 0xbeefc0de;
const META_OFFSETS = [0, 4096];

/** The engine ends the process when it opens a file that is none of its own: look before. */
function checkTableFile(path: string): void {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    const word = Buffer.alloc(4);
    for (const offset of META_OFFSETS) {
      const found = readSync(file, word, 0, 4, offset + MAGIC_OFFSET);
      if (found === 4 && word.readUInt32LE() === MAGIC) continue;
      throw new Error(`opening the state in ${path}: it is damaged at offset ${offset}`);
    }
  } finally {
    closeSync(file);
  }
}

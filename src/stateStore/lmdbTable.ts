/**
 * A durable table in an LMDB file: transactions are written by a thread of the engine and are
 * synced to the disk before they count, reads come straight out of the page cache.
 *
 * Nothing but pages that a transaction changes is in anonymous memory: what the table holds lies
 * in the file and costs no heap, whatever its size.
 */
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Database, RootDatabase } from 'lmdb';
import type { DurableTable, StoreOp, TableView } from '../kv';
import type { Visit, VisitKey, WriteDone } from '../kv';
import type { Lmdb } from './loadLmdb';

/** Address space, not memory. A number as large as this must not be made by shifting. */
const MAP_BYTES = 64 * 1024 ** 3;
/** Of the 1978 that pages of 4 KiB allow; also on a system whose pages are larger. */
const KEY_BYTES_MAX = 1900;
const PAGE_BYTES = 4096;
/** Readers are this process alone: its current one and its views. */
const READERS_MAX = 64;

/** In Node, but not in the declarations of its buffers. */
interface Latin1Buffer extends Buffer {
  latin1Write(text: string, offset: number): number;
  latin1Slice(from: number, to: number): string;
}

/** The engine's buffer is used again for the next value: copying from it is the decoding. */
const VALUE_CODEC = {
  encode: (value: Uint8Array): Uint8Array => value,
  decode: (bytes: Uint8Array): Uint8Array => {
    const copy = new Uint8Array(bytes.length);
    copy.set(windowOn(bytes));
    return copy;
  },
};

/** Not a slice or a subarray: the engine's buffer is longer than it says. */
function windowOn({ buffer, byteOffset, length }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}

/** Keys are binary strings already: a character a byte. */
const KEY_ENCODER = {
  writeKey: (key: string, target: Latin1Buffer, at: number): number =>
    at + target.latin1Write(key, at),
  readKey: (source: Latin1Buffer, from: number, to: number): string => source.latin1Slice(from, to),
};

type Reading = { readonly transaction: ReturnType<Database['useReadTransaction']> } | undefined;

export interface LmdbTableOwner {
  claim(): void;
  closed(): void;
}

export class LmdbTable implements DurableTable {
  readonly keyBytesMax = KEY_BYTES_MAX;

  private constructor(
    private readonly db: Db,
    private readonly path: string,
    private readonly owner: LmdbTableOwner,
  ) {}

  /** Throws what the engine says when the file is damaged or can't be opened. */
  static open(lmdb: Lmdb, path: string, owner: LmdbTableOwner): LmdbTable {
    const db = lmdb.open<Uint8Array, string>({
      path,
      noSubdir: true,
      encoder: VALUE_CODEC,
      keyEncoder: KEY_ENCODER,
      mapSize: MAP_BYTES,
      pageSize: PAGE_BYTES,
      maxReaders: READERS_MAX,
      // A transaction that is committed is durable.
      overlappingSync: false,
      // Else each turn has a promise of its own, which nobody can catch when a commit fails.
      eventTurnBatching: false,
    });
    return new LmdbTable(db, path, owner);
  }

  get entries(): number {
    return (this.db.getStats() as { readonly entryCount: number }).entryCount;
  }

  get(key: string, isBorrowed?: boolean): Uint8Array | undefined {
    return get(this.db, key, isBorrowed, undefined);
  }

  scan(from: string, to: string, visit: Visit): void {
    scan(this.db, from, to, visit, undefined);
  }

  scanKeys(from: string, to: string, visit: VisitKey): void {
    scanKeys(this.db, from, to, visit, undefined);
  }

  scanBack(from: string, to: string, visit: Visit): void {
    scanBack(this.db, from, to, visit, undefined);
  }

  write(ops: readonly StoreOp[], done: WriteDone): void {
    const outcomes: Promise<boolean>[] = [];
    const committed = this.db.batch(() => {
      for (const { key, value } of ops) {
        outcomes.push(value === undefined ? this.db.remove(key) : this.db.put(key, value));
      }
    });
    // When the transaction fails, each of its operations tells: the first one to do so is enough.
    Promise.all([committed, ...outcomes])
      .then(() => this.db.resetReadTxn())
      .catch(causeOf)
      .then((error) => done(error === undefined ? undefined : this.failure(error)))
      // What `done` itself throws is its caller's bug, not a failed write.
      .catch((bug: unknown) =>
        queueMicrotask(() => {
          throw bug;
        }),
      );
  }

  writeNow(ops: readonly StoreOp[]): void {
    try {
      this.db.transactionSync(() => {
        for (const { key, value } of ops) {
          if (value === undefined) void this.db.remove(key);
          else void this.db.put(key, value);
        }
      });
    } catch (error) {
      throw this.failure(error as Error);
    }
  }

  view(): TableView {
    const { db } = this;
    const transaction = db.useReadTransaction();
    const reading = { transaction };
    return {
      get: (key, isBorrowed) => get(db, key, isBorrowed, reading),
      scan: (from, to, visit) => scan(db, from, to, visit, reading),
      scanKeys: (from, to, visit) => scanKeys(db, from, to, visit, reading),
      scanBack: (from, to, visit) => scanBack(db, from, to, visit, reading),
      release: () => transaction.done(),
    };
  }

  claim(): void {
    this.owner.claim();
  }

  /** The engine reports a full disk as an I/O error: say how much room there is. */
  private failure(error: Error): Error {
    const { path } = this;
    const { bavail, bsize } = statfsSync(dirname(path));
    const text = `writing the state to ${path}: ${error.message}; `;
    return new Error(`${text}${bavail * bsize} bytes are free on its disk`, { cause: error });
  }

  close(): void {
    void this.db.close().then(() => this.owner.closed());
  }
}

/** The engine rejects with an error whose reason is another promise that rejects. */
async function causeOf(error: Error & { readonly commitError?: Promise<unknown> }): Promise<Error> {
  try {
    await error.commitError;
    return error;
  } catch (cause) {
    return cause as Error;
  }
}

/** In the engine, its declarations leave the options out. */
interface Db extends RootDatabase<Uint8Array, string> {
  getBinaryFast(key: string, options?: Reading): Buffer | undefined;
}

function get(
  db: Db,
  key: string,
  isBorrowed: boolean | undefined,
  reading: Reading,
): Uint8Array | undefined {
  if (isBorrowed !== true) return db.get(key, reading);
  const bytes = db.getBinaryFast(key, reading);
  return bytes === undefined ? undefined : windowOn(bytes);
}

function scan(db: Db, from: string, to: string, visit: Visit, reading: Reading): void {
  if (from >= to) return;
  for (const { key, value } of db.getRange({ start: from, end: to, ...reading })) {
    if (visit(key, value) === false) return;
  }
}

/** An entry's key costs a sixth of the entry, mostly for the copy of its value. */
function scanKeys(db: Db, from: string, to: string, visit: VisitKey, reading: Reading): void {
  if (from >= to) return;
  let at = '';
  const load = (): Uint8Array => db.get(at, reading)!;
  for (const key of db.getKeys({ start: from, end: to, ...reading })) {
    at = key;
    if (visit(key, load) === false) return;
  }
}

function scanBack(db: Db, from: string, to: string, visit: Visit, reading: Reading): void {
  if (from >= to) return;
  // The engine's range ends before its end, which is the first key here: one must see it too.
  const options = { start: to, end: from, reverse: true, inclusiveEnd: true, ...reading };
  for (const { key, value } of db.getRange(options)) {
    if (key >= to) continue;
    if (visit(key, value) === false) return;
  }
}

/**
 * The ordered store under the state machine: the smallest interface that an embedded engine and
 * an in-memory tree can both offer, synchronous so that applying a command is one plain call.
 *
 * Keys are binary strings (one character per byte), ordered byte by byte. Values are bytes that
 * nobody changes once they are in: the store may keep the caller's array, and a caller may
 * keep what it was given. A batch takes effect as a whole or, after a crash, not at all; the
 * applied index travels in the same batch as the changes it stands for.
 */

export interface StoreOp {
  readonly key: string;
  /** Undefined removes the key; removing an absent key is fine. */
  readonly value: Uint8Array | undefined;
}

export interface StoreEntry {
  readonly key: string;
  readonly value: Uint8Array;
}

/** Return false to stop. The store must not be written to from inside a visit. */
export type Visit = (key: string, value: Uint8Array) => boolean | void;

/** The value of the entry that is being visited. Only during the visit. */
export type LoadValue = () => Uint8Array;

/** As `Visit`; what it does not load costs an engine little. */
export type VisitKey = (key: string, load: LoadValue) => boolean | void;

export interface OrderedReader {
  /** A value that is only borrowed may be overwritten by the next call: it is not copied. */
  get(key: string, isBorrowed?: boolean): Uint8Array | undefined;
  /** The first entry at or after `key`. */
  ceiling(key: string): StoreEntry | undefined;
  /** The last entry at or before `key`. */
  floor(key: string): StoreEntry | undefined;
  /** Visits the entries in [from, to) in ascending order; `to` undefined is the end. */
  scan(from: string, to: string | undefined, visit: Visit): void;
  /** As `scan`, for whoever wants few of the values. */
  scanKeys(from: string, to: string | undefined, visit: VisitKey): void;
  /** Visits the entries in [from, to) in descending order; `to` undefined is the end. */
  scanBack(from: string, to: string | undefined, visit: Visit): void;
}

/** The store as it was when the view was taken, whatever is written since. */
export interface StoreView extends OrderedReader {
  /** Gives back what the view holds on to; reading afterwards is an error. Idempotent. */
  release(): void;
}

/**
 * How the batches of a store become durable: in order and whole, some time later. What a crash
 * leaves is the state after some prefix of the batches.
 */
export interface Durability {
  /** Bytes of batches that are in memory only. */
  readonly pendingBytes: number;
  /** More is pending than should be: whoever writes may go on when `whenDrained` says so. */
  readonly backlogged: boolean;
  whenDrained(run: () => void): void;
  /** Calls `done` when all batches so far are durable; never before this call returns. */
  sync(done: (error: Error | undefined) => void): void;
  /** The same, waiting in place; throws. Only while nobody else writes: at a start. */
  syncNow(): void;
  /** From now on a restart finds this store, not the one it found before. Durable on return. */
  claim(): void;
}

export interface OrderedStore extends OrderedReader {
  /** Undefined where nothing survives the process. */
  readonly durability?: Durability;
  /** Applies all operations in order, atomically. */
  batch(ops: readonly StoreOp[]): void;
  view(): StoreView;
  /** Number of entries; exact, so that tests can see what compaction left behind. */
  readonly size: number;
  close(): void;
}

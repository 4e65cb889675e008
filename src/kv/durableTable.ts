/**
 * What an embedded engine has to offer so that an ordered store can stand on it: sorted entries
 * with keys of limited length, written in transactions that are durable when they are done.
 *
 * Everything that is hard about an ordered store is left to the layers above (`OverlayStore`
 * answers for what is not durable yet, `LongKeys` for keys beyond the limit), so that an engine
 * is a few calls, and a simulated one that loses what a power failure loses is a few lines.
 */
import type { StoreOp, Visit, VisitKey } from './orderedStore';

export interface TableReader {
  /** A value that is only borrowed may be overwritten by the next call: it is not copied. */
  get(key: string, isBorrowed?: boolean): Uint8Array | undefined;
  /** Visits the entries in [from, to) in ascending order. */
  scan(from: string, to: string, visit: Visit): void;
  /** As `scan`, for whoever wants few of the values: the others are not copied. */
  scanKeys(from: string, to: string, visit: VisitKey): void;
  /** Visits the entries in [from, to) in descending order. */
  scanBack(from: string, to: string, visit: Visit): void;
}

/** The table as it was when the view was taken. */
export interface TableView extends TableReader {
  release(): void;
}

/** `error` is undefined on success. */
export type WriteDone = (error: Error | undefined) => void;

export interface DurableTable extends TableReader {
  /** No key is longer, and none is empty. A bound of a scan may have one byte more. */
  readonly keyBytesMax: number;
  /** Number of entries. */
  readonly entries: number;
  /**
   * One transaction. Calls `done` when it is durable and readers see it, never before this call
   * returns; readers may see all of it earlier, but never a part. One write at a time. After an
   * error nothing of it was written, and the table is not written to any more.
   */
  write(ops: readonly StoreOp[], done: WriteDone): void;
  /** The same, waiting in place. Throws instead of reporting. Not while another write goes on. */
  writeNow(ops: readonly StoreOp[]): void;
  view(): TableView;
  /** From now on a restart opens this table; durable on return. The one before is removed. */
  claim(): void;
  /** No view is open and no write goes on. A table that was never claimed is removed. */
  close(): void;
}

/**
 * The ordered store on a durable table: batches go into a bounded tree in memory and from there,
 * many at a time, into one transaction of the table. Readers see both as one.
 *
 * Batches become durable in order and whole: what a crash leaves is the state after some prefix
 * of them, never a part of one, so the applied index among the entries always tells how much of
 * the log the rest stands for. What is lost is still in the log and is applied again; until
 * `sync` says that an index is durable here, the log must keep what follows it.
 *
 * While a transaction is being written, `overlay` (what readers see above the table) is made of
 * what is on its way and of `fresh`, what came since; when it is done only the latter is left.
 * That the table may show the transaction a little earlier does no harm: it says the same.
 */
import BTree from 'sorted-btree';
import type { DurableTable } from './durableTable';
import { LongKeys } from './longKeys';
import type {
  Durability,
  OrderedReader,
  OrderedStore,
  StoreEntry,
  LoadValue,
  StoreOp,
  StoreView,
  Visit,
  VisitKey,
} from './orderedStore';

/** `null` removes what the table has. */
type Overlay = BTree<string, Uint8Array | null>;

export interface OverlayStoreOptions {
  /**
   * Bytes of batches in memory that start a transaction. Twice as many, and the store asks its
   * writer to wait: see `Durability.backlogged`. Default 4 MiB.
   */
  readonly flushBytes?: number;
  /**
   * Calls its argument some time later. When nothing was written meanwhile, what is in memory goes
   * into the table, which reads without it are faster for. Default: it stays until more has come.
   */
  readonly later?: (run: () => void) => { cancel(): void };
  /** The table failed; what is in memory will not become durable any more. */
  readonly failed?: (error: Error) => void;
}

const FLUSH_BYTES = 4 * 2 ** 20;
/** What an entry of the overlay costs besides its bytes, about. */
const ENTRY_BYTES = 128;

const compare = (a: string, b: string): number => (a < b ? -1 : a === b ? 0 : 1);
const newOverlay = (): Overlay => new BTree<string, Uint8Array | null>(undefined, compare);

type Table = Pick<LongKeys, 'get' | 'scan' | 'scanKeys' | 'scanBack'>;

class OverlayReader implements OrderedReader {
  protected constructor(
    protected overlay: Overlay,
    protected readonly table: Table,
  ) {}

  get(key: string, isBorrowed?: boolean): Uint8Array | undefined {
    const found = this.overlay.get(key);
    return found === undefined ? this.table.get(key, isBorrowed) : (found ?? undefined);
  }

  ceiling(key: string): StoreEntry | undefined {
    let entry: StoreEntry | undefined;
    this.scan(key, undefined, (found, value) => {
      entry = { key: found, value };
      return false;
    });
    return entry;
  }

  floor(key: string): StoreEntry | undefined {
    let entry: StoreEntry | undefined;
    this.scanBack('', `${key}\0`, (found, value) => {
      entry = { key: found, value };
      return false;
    });
    return entry;
  }

  scan(from: string, to: string | undefined, visit: Visit): void {
    if (to !== undefined && from >= to) return;
    const merged = new Merge(this.ownFrom(from, to), ascending, (value) => value, visit);
    this.table.scan(from, to, merged.visitTable);
    merged.finish();
  }

  scanKeys(from: string, to: string | undefined, visit: VisitKey): void {
    if (to !== undefined && from >= to) return;
    const loader = (value: Uint8Array) => (): Uint8Array => value;
    const merged = new Merge<LoadValue>(this.ownFrom(from, to), ascending, loader, visit);
    this.table.scanKeys(from, to, merged.visitTable);
    merged.finish();
  }

  scanBack(from: string, to: string | undefined, visit: Visit): void {
    if (to !== undefined && from >= to) return;
    const own: Own = {
      entries: this.overlay.entriesReversed(to, undefined, true),
      within: (key) => key >= from,
    };
    const merged = new Merge(own, descending, (value) => value, visit);
    this.table.scanBack(from, to, merged.visitTable);
    merged.finish();
  }

  private ownFrom(from: string, to: string | undefined): Own {
    return {
      entries: this.overlay.entries(from),
      within: (key) => to === undefined || key < to,
    };
  }
}

/** What the overlay has from some key on, and how far it counts. */
interface Own {
  readonly entries: Iterator<[string, Uint8Array | null]>;
  readonly within: (key: string) => boolean;
}

const ascending = (own: string, other: string): boolean => own < other;
const descending = (own: string, other: string): boolean => own > other;

/** Merges what the overlay has into a visit of the table, in either direction. */
class Merge<Value> {
  private next: [string, Uint8Array | null] | undefined;
  private going = true;

  constructor(
    private readonly own: Own,
    private readonly before: (own: string, other: string) => boolean,
    private readonly valueOf: (own: Uint8Array) => Value,
    private readonly visit: (key: string, value: Value) => boolean | void,
  ) {
    this.advance();
  }

  readonly visitTable = (key: string, value: Value): boolean => {
    while (this.going && this.next !== undefined && this.before(this.next[0], key)) this.take();
    if (!this.going) return false;
    if (this.next?.[0] === key) this.take();
    else this.going = this.visit(key, value) !== false;
    return this.going;
  };

  /** What the overlay has behind the last entry of the table. */
  finish(): void {
    while (this.going && this.next !== undefined) this.take();
  }

  private take(): void {
    const [key, value] = this.next!;
    this.advance();
    if (value !== null) this.going = this.visit(key, this.valueOf(value)) !== false;
  }

  private advance(): void {
    const { entries, within } = this.own;
    const { done, value } = entries.next() as IteratorResult<[string, Uint8Array | null], void>;
    this.next = done !== true && value && within(value[0]) ? value : undefined;
  }
}

class OverlayView extends OverlayReader implements StoreView {
  private released = false;

  constructor(
    overlay: Overlay,
    table: Table,
    private readonly onRelease: () => void,
  ) {
    super(overlay, table);
  }

  override get(key: string, isBorrowed?: boolean): Uint8Array | undefined {
    this.assertHeld();
    return super.get(key, isBorrowed);
  }

  override scan(from: string, to: string | undefined, visit: Visit): void {
    this.assertHeld();
    super.scan(from, to, visit);
  }

  override scanKeys(from: string, to: string | undefined, visit: VisitKey): void {
    this.assertHeld();
    super.scanKeys(from, to, visit);
  }

  override scanBack(from: string, to: string | undefined, visit: Visit): void {
    this.assertHeld();
    super.scanBack(from, to, visit);
  }

  release(): void {
    if (this.released) return;
    this.released = true;
    this.overlay = newOverlay();
    this.onRelease();
  }

  private assertHeld(): void {
    if (this.released) throw new Error('read from a view of the store after its release');
  }
}

interface SyncRequest {
  /** Done when so many batches are durable. */
  readonly batches: number;
  readonly done: (error: Error | undefined) => void;
}

export class OverlayStore extends OverlayReader implements OrderedStore, Durability {
  private readonly keys: LongKeys;
  /** What came since the transaction under way began; `overlay` itself when there is none. */
  private fresh: Overlay;
  private freshBytes = 0;
  private flushingBytes = 0;
  private flushing = false;
  private batches = 0;
  private waiting: SyncRequest[] = [];
  private drained: (() => void)[] = [];
  private views = 0;
  private closed = false;
  private error: Error | undefined;
  /** Due when nobody has written for a while; undefined while nothing is in memory alone. */
  private idle: { cancel(): void } | undefined;
  private readonly later: OverlayStoreOptions['later'];
  private readonly flushBytes: number;
  private readonly onFailed: (error: Error) => void;

  constructor(table: DurableTable, options: OverlayStoreOptions = {}) {
    const keys = new LongKeys(table);
    super(newOverlay(), keys);
    this.keys = keys;
    this.fresh = this.overlay;
    this.flushBytes = options.flushBytes ?? FLUSH_BYTES;
    this.later = options.later;
    this.onFailed = options.failed ?? (() => undefined);
  }

  get durability(): Durability {
    return this;
  }

  get size(): number {
    let size = this.keys.entries;
    this.overlay.forEachPair((key, value) => {
      const has = this.keys.get(key) !== undefined;
      if (value === null && has) size--;
      else if (value !== null && !has) size++;
    });
    return size;
  }

  get pendingBytes(): number {
    return this.freshBytes + this.flushingBytes;
  }

  get backlogged(): boolean {
    return this.flushing && this.pendingBytes >= 2 * this.flushBytes;
  }

  batch(ops: readonly StoreOp[]): void {
    if (this.error !== undefined) throw this.error;
    const { overlay, fresh } = this;
    for (const { key, value } of ops) {
      const replaced = fresh.get(key);
      if (replaced !== undefined) this.freshBytes -= entryBytes(key, replaced);
      const kept = value ?? null;
      this.freshBytes += entryBytes(key, kept);
      overlay.set(key, kept);
      if (fresh !== overlay) fresh.set(key, kept);
    }
    this.batches++;
    if (this.freshBytes >= this.flushBytes && !this.flushing) this.flush();
    else if (this.idle === undefined) this.flushWhenIdle();
  }

  view(): StoreView {
    const view = this.keys.view();
    this.views++;
    return new OverlayView(this.overlay.clone(), view, () => {
      view.release();
      this.views--;
      this.closeIfIdle();
    });
  }

  sync(done: (error: Error | undefined) => void): void {
    if (this.error !== undefined) throw this.error;
    this.waiting.push({ batches: this.batches, done });
    // With nothing to write it is still a transaction, so that `done` is never called from here.
    if (!this.flushing) this.flush();
  }

  syncNow(): void {
    if (this.error !== undefined) throw this.error;
    if (this.flushing) throw new Error('a transaction of the store is under way');
    try {
      this.keys.writeNow(opsOf(this.overlay));
    } catch (error) {
      this.fail(error as Error);
      throw error;
    }
    this.overlay = this.fresh = newOverlay();
    this.freshBytes = 0;
  }

  whenDrained(run: () => void): void {
    this.drained.push(run);
  }

  claim(): void {
    this.keys.claim();
  }

  /** Views stay readable until they are released, and a transaction under way is finished. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.idle?.cancel();
    this.drained = [];
    this.closeIfIdle();
  }

  private flushWhenIdle(): void {
    const { batches } = this;
    this.idle = this.later?.(() => {
      this.idle = undefined;
      if (this.closed || this.error !== undefined || this.freshBytes === 0) return;
      if (this.flushing || this.batches > batches) {
        this.flushWhenIdle();
        return;
      }
      try {
        this.flush();
      } catch {
        // Whoever listens for failures was told.
      }
    });
  }

  private flush(): void {
    const ops = opsOf(this.overlay);
    const { batches } = this;
    this.flushing = true;
    this.flushingBytes = this.freshBytes;
    this.freshBytes = 0;
    this.fresh = newOverlay();
    try {
      this.keys.write(ops, (error) => this.flushed(batches, error));
    } catch (error) {
      this.flushing = false;
      this.fail(error as Error);
      throw error;
    }
  }

  private flushed(batches: number, error: Error | undefined): void {
    this.flushing = false;
    if (error !== undefined) {
      this.fail(error);
      return;
    }
    this.overlay = this.fresh;
    this.flushingBytes = 0;
    if (this.closed) {
      this.closeIfIdle();
      return;
    }
    const due = this.waiting.filter((request) => request.batches <= batches);
    this.waiting = this.waiting.filter((request) => request.batches > batches);
    if (this.waiting.length > 0 || this.freshBytes >= this.flushBytes) this.flush();
    for (const { done } of due) done(undefined);
    if (this.backlogged) return;
    for (const run of this.drained.splice(0)) run();
  }

  private fail(error: Error): void {
    this.error = error;
    for (const { done } of this.waiting.splice(0)) done(error);
    if (this.closed) this.closeIfIdle();
    else this.onFailed(error);
  }

  private closeIfIdle(): void {
    if (this.closed && this.views === 0 && !this.flushing) this.keys.close();
  }
}

function entryBytes(key: string, value: Uint8Array | null): number {
  return key.length + (value?.length ?? 0) + ENTRY_BYTES;
}

function opsOf(overlay: Overlay): StoreOp[] {
  const ops: StoreOp[] = [];
  overlay.forEachPair((key, value) => void ops.push({ key, value: value ?? undefined }));
  return ops;
}

/**
 * A durable table in memory: what a write made durable survives `crash`, what was under way does
 * not. For simulated members and for tests; when a write is done is up to the `schedule` that the
 * caller hands in.
 */
import BTree from 'sorted-btree';
import type { DurableTable, TableView, WriteDone } from './durableTable';
import type { StoreOp, Visit, VisitKey } from './orderedStore';

type Tree = BTree<string, Uint8Array>;

const compare = (a: string, b: string): number => (a < b ? -1 : a === b ? 0 : 1);
const STOP = { break: true } as const;

/** Where the tables of one member live: which one a restart finds. */
export class MemoryTables {
  private claimed: MemoryTable | undefined;

  /** `schedule` runs its argument when a write is on the disk. */
  constructor(
    private readonly schedule: (run: () => void) => void,
    private readonly keyBytesMax = 64,
  ) {}

  /** What a new process finds; an empty one at first. */
  open(): MemoryTable {
    this.claimed = (this.claimed ?? this.create()).reopened();
    return this.claimed;
  }

  create(): MemoryTable {
    const claim = (table: MemoryTable): void => void (this.claimed = table);
    return new MemoryTable(this.schedule, this.keyBytesMax, claim);
  }
}

export class MemoryTable implements DurableTable {
  private writing = false;

  constructor(
    private readonly schedule: (run: () => void) => void,
    readonly keyBytesMax: number,
    private readonly onClaim: (table: MemoryTable) => void,
    private tree: Tree = new BTree<string, Uint8Array>(undefined, compare),
  ) {}

  get entries(): number {
    return this.tree.size;
  }

  /** The table that a new process makes of what is durable here; this one is dead. */
  reopened(): MemoryTable {
    const { schedule, keyBytesMax, onClaim, tree } = this;
    return new MemoryTable(schedule, keyBytesMax, onClaim, tree.clone());
  }

  get(key: string, isBorrowed?: boolean): Uint8Array | undefined {
    const value = this.tree.get(key);
    return isBorrowed === true && value !== undefined ? lent(value) : value;
  }

  scan(from: string, to: string, visit: Visit): void {
    scanTree(this.tree, from, to, visit);
  }

  scanKeys(from: string, to: string, visit: VisitKey): void {
    scanTreeKeys(this.tree, from, to, visit);
  }

  scanBack(from: string, to: string, visit: Visit): void {
    scanTreeBack(this.tree, from, to, visit);
  }

  write(ops: readonly StoreOp[], done: WriteDone): void {
    this.assertIdle();
    this.check(ops);
    this.writing = true;
    this.schedule(() => {
      this.writing = false;
      this.put(ops);
      done(undefined);
    });
  }

  writeNow(ops: readonly StoreOp[]): void {
    this.assertIdle();
    this.check(ops);
    this.put(ops);
  }

  view(): TableView {
    const tree = this.tree.clone();
    return {
      get: (key, isBorrowed) => {
        const value = tree.get(key);
        return isBorrowed === true && value !== undefined ? lent(value) : value;
      },
      scan: (from, to, visit) => scanTree(tree, from, to, visit),
      scanKeys: (from, to, visit) => scanTreeKeys(tree, from, to, visit),
      scanBack: (from, to, visit) => scanTreeBack(tree, from, to, visit),
      release: () => undefined,
    };
  }

  claim(): void {
    this.onClaim(this);
  }

  close(): void {
    this.assertIdle();
  }

  private assertIdle(): void {
    if (this.writing) throw new Error('a write of the table is under way');
  }

  private check(ops: readonly StoreOp[]): void {
    for (const { key } of ops) {
      if (key.length >= 1 && key.length <= this.keyBytesMax) continue;
      throw new RangeError(`a key of ${key.length} bytes is not in 1..${this.keyBytesMax}`);
    }
  }

  private put(ops: readonly StoreOp[]): void {
    for (const { key, value } of ops) {
      if (value === undefined) this.tree.delete(key);
      else this.tree.set(key, value);
    }
  }
}

let loan = new Uint8Array(64);

/** Like an engine whose next borrowed value is where this one was. */
function lent(value: Uint8Array): Uint8Array {
  if (value.length > loan.length) loan = new Uint8Array(2 * value.length);
  loan.fill(0xee);
  loan.set(value);
  return loan.subarray(0, value.length);
}

function scanTree(tree: Tree, from: string, to: string, visit: Visit): void {
  if (from >= to) return;
  tree.forRange(from, to, false, (key, value) => (visit(key, value) === false ? STOP : undefined));
}

function scanTreeKeys(tree: Tree, from: string, to: string, visit: VisitKey): void {
  scanTree(tree, from, to, (key, value) => visit(key, () => value));
}

function scanTreeBack(tree: Tree, from: string, to: string, visit: Visit): void {
  for (const [key, value] of tree.entriesReversed(to, undefined, true)) {
    if (key < from || visit(key, value) === false) return;
  }
}

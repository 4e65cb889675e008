/**
 * Keys of any length on a table whose keys are limited.
 *
 * A key that does not fit is cut into pieces: the first piece names a pointer to a tree of its
 * own, in which the rest of the key is looked up the same way. Every key with the same first
 * piece is in that tree, and a pointer sorts where they all belong, so the order of keys is kept
 * and a scan goes down at a pointer and on behind it. Whatever the number of long keys, a write
 * touches one path. The trees lie side by side in the table:
 *
 *   0 <key>           the tree of whole keys
 *   1 <id> <rest>     the tree behind a pointer
 *   2                 the next id, and how many pointers there are
 *
 * A physical key of exactly `PIECE` bytes is a pointer, a shorter one an entry. A tree that has
 * become empty goes with its pointer, in the same transaction.
 */
import { ByteReader, ByteWriter, bytesOfString, stringOfBytes } from './bytes';
import type { DurableTable, TableReader, TableView, WriteDone } from './durableTable';
import type { LoadValue, StoreOp, Visit, VisitKey } from './orderedStore';

const ROOT = '0';
const BRANCH = '1';
const META_KEY = '2';
const ID_BYTES = 6;

function branchOf(id: string): string {
  return BRANCH + id;
}

/** The first physical key behind a tree. */
function treeEnd(tree: string): string {
  for (let at = tree.length - 1; ; at--) {
    const code = tree.charCodeAt(at);
    if (code < 0xff) return tree.slice(0, at) + String.fromCharCode(code + 1);
  }
}

/** A way through the entries of a table: what a visit is given, and the bytes of that. */
interface Walk<Value> {
  readonly entries: (
    reader: TableReader,
    from: string,
    to: string,
    visit: (key: string, value: Value) => boolean,
  ) => void;
  readonly bytes: (value: Value) => Uint8Array;
}

const FORWARD: Walk<Uint8Array> = {
  entries: (reader, from, to, visit) => reader.scan(from, to, visit),
  bytes: (value) => value,
};

const KEYS: Walk<LoadValue> = {
  entries: (reader, from, to, visit) => reader.scanKeys(from, to, visit),
  bytes: (load) => load(),
};

const BACKWARD: Walk<Uint8Array> = {
  entries: (reader, from, to, visit) => reader.scanBack(from, to, visit),
  bytes: (value) => value,
};

type VisitAny<Value> = (key: string, value: Value) => boolean | void;

class LongKeyReader {
  constructor(
    private readonly reader: TableReader,
    /** Length of the physical keys that are pointers. */
    protected readonly piece: number,
  ) {}

  get(key: string, isBorrowed?: boolean): Uint8Array | undefined {
    let tree = ROOT;
    let rest = key;
    while (tree.length + rest.length >= this.piece) {
      const room = this.piece - tree.length;
      const id = this.reader.get(tree + rest.slice(0, room));
      if (id === undefined) return undefined;
      tree = branchOf(stringOfBytes(id));
      rest = rest.slice(room);
    }
    return this.reader.get(tree + rest, isBorrowed);
  }

  scan(from: string, to: string | undefined, visit: Visit): void {
    this.scanTree(FORWARD, ROOT, '', from, to, visit);
  }

  scanKeys(from: string, to: string | undefined, visit: VisitKey): void {
    this.scanTree(KEYS, ROOT, '', from, to, visit);
  }

  scanBack(from: string, to: string | undefined, visit: Visit): void {
    this.scanTreeBack(ROOT, '', from, to, visit);
  }

  /** False when `visit` wants no more. `path` is what the keys of the tree begin with. */
  private scanTree<Value>(
    walk: Walk<Value>,
    tree: string,
    path: string,
    from: string,
    to: string | undefined,
    visit: VisitAny<Value>,
  ): boolean {
    let at = (tree + from).slice(0, this.piece);
    const end = this.endOf(tree, to);
    for (;;) {
      const stop = this.visitEntries(walk, tree, path, at, end, visit);
      if (stop === undefined) return true;
      if (stop === 'enough') return false;
      const { head, branch } = stop;
      const [low, high] = [restOf(from, head) ?? '', restOf(to, head)];
      if (!this.scanTree(walk, branch, path + head, low, high, visit)) return false;
      at = `${tree}${head}\0`;
    }
  }

  private scanTreeBack(
    tree: string,
    path: string,
    from: string,
    to: string | undefined,
    visit: Visit,
  ): boolean {
    const at = (tree + from).slice(0, this.piece);
    let end = this.endOf(tree, to);
    for (;;) {
      const stop = this.visitEntries(BACKWARD, tree, path, at, end, visit);
      if (stop === undefined) return true;
      if (stop === 'enough') return false;
      const { head, branch } = stop;
      const [low, high] = [restOf(from, head) ?? '', restOf(to, head)];
      if (!this.scanTreeBack(branch, path + head, low, high, visit)) return false;
      end = tree + head;
    }
  }

  /** Visits up to the first pointer, which is returned: it can't be followed during a visit. */
  private visitEntries<Value>(
    walk: Walk<Value>,
    tree: string,
    path: string,
    at: string,
    end: string,
    visit: VisitAny<Value>,
  ): { readonly head: string; readonly branch: string } | 'enough' | undefined {
    let stop: { readonly head: string; readonly branch: string } | 'enough' | undefined;
    walk.entries(this.reader, at, end, (physical, value) => {
      const key = physical.slice(tree.length);
      if (physical.length === this.piece) {
        stop = { head: key, branch: branchOf(stringOfBytes(walk.bytes(value))) };
        return false;
      }
      if (visit(path + key, value) !== false) return true;
      stop = 'enough';
      return false;
    });
    return stop;
  }

  /** A bound in a branch takes in the pointer to that branch. */
  private endOf(tree: string, to: string | undefined): string {
    if (to === undefined) return treeEnd(tree);
    const physical = tree + to;
    return physical.length < this.piece ? physical : `${physical.slice(0, this.piece)}\0`;
  }
}

/** What follows `head` in a bound that lies in its branch. */
function restOf(bound: string | undefined, head: string): string | undefined {
  return bound?.startsWith(head) === true ? bound.slice(head.length) : undefined;
}

/** The same calls as a table's, for keys of any length. */
export class LongKeys extends LongKeyReader {
  private nextId: number;
  private pointers: number;

  constructor(private readonly table: DurableTable) {
    super(table, table.keyBytesMax);
    const { nextId, pointers } = this.meta();
    this.nextId = nextId;
    this.pointers = pointers;
  }

  /** Number of entries, pointers not counted. */
  get entries(): number {
    // As the table has it: a write under way counts neither here nor there.
    const { pointers, entries } = this.meta();
    return this.table.entries - pointers - entries;
  }

  write(ops: readonly StoreOp[], done: WriteDone): void {
    this.table.write(this.physical(ops), done);
  }

  writeNow(ops: readonly StoreOp[]): void {
    this.table.writeNow(this.physical(ops));
  }

  view(): LongKeyReader & Pick<TableView, 'release'> {
    const view = this.table.view();
    return Object.assign(new LongKeyReader(view, this.piece), { release: () => view.release() });
  }

  claim(): void {
    this.table.claim();
  }

  close(): void {
    this.table.close();
  }

  private meta(): { readonly nextId: number; readonly pointers: number; readonly entries: number } {
    const bytes = this.table.get(META_KEY);
    if (bytes === undefined) return { nextId: 0, pointers: 0, entries: 0 };
    const r = new ByteReader(bytes);
    return { nextId: r.varint(), pointers: r.varint(), entries: 1 };
  }

  private physical(ops: readonly StoreOp[]): readonly StoreOp[] {
    // The usual case costs one comparison an operation.
    if (ops.every(({ key }) => key.length + ROOT.length < this.piece)) {
      return ops.map(({ key, value }) => ({ key: ROOT + key, value }));
    }
    const before = this.nextId;
    const { pointers } = this;
    const pending = new Map<string, Uint8Array | undefined>();
    const paths: (readonly string[])[] = [];
    for (const { key, value } of ops) {
      const path: string[] = [];
      const physical = this.place(key, value !== undefined, pending, path);
      if (physical === undefined) continue;
      pending.set(physical, value);
      if (value === undefined && path.length > 0) paths.push(path);
    }
    for (const path of paths) this.dropEmpty(path, pending);
    if (this.nextId !== before || this.pointers !== pointers) {
      const w = new ByteWriter();
      w.varint(this.nextId);
      w.varint(this.pointers);
      pending.set(META_KEY, w.finish());
    }
    return [...pending].map(([key, value]) => ({ key, value }));
  }

  /** The physical key; undefined when the key is not there and is not to be made. */
  private place(
    key: string,
    make: boolean,
    pending: Map<string, Uint8Array | undefined>,
    path: string[],
  ): string | undefined {
    let tree = ROOT;
    let rest = key;
    while (tree.length + rest.length >= this.piece) {
      const room = this.piece - tree.length;
      const pointer = tree + rest.slice(0, room);
      let id = pending.get(pointer) ?? (pending.has(pointer) ? undefined : this.table.get(pointer));
      if (id === undefined) {
        if (!make) return undefined;
        id = bytesOfString(idText(this.nextId++));
        this.pointers++;
        pending.set(pointer, id);
      }
      path.push(pointer);
      tree = branchOf(stringOfBytes(id));
      rest = rest.slice(room);
    }
    return tree + rest;
  }

  /** Takes out the pointers of a path, the last one first, whose trees have become empty. */
  private dropEmpty(path: readonly string[], pending: Map<string, Uint8Array | undefined>): void {
    for (const pointer of path.toReversed()) {
      const id = pending.has(pointer) ? pending.get(pointer) : this.table.get(pointer);
      if (id === undefined) continue;
      const tree = branchOf(stringOfBytes(id));
      if (!this.isEmpty(tree, pending)) return;
      pending.set(pointer, undefined);
      this.pointers--;
    }
  }

  private isEmpty(tree: string, pending: ReadonlyMap<string, Uint8Array | undefined>): boolean {
    for (const [key, value] of pending) {
      if (value !== undefined && key.startsWith(tree)) return false;
    }
    let empty = true;
    this.table.scan(tree, treeEnd(tree), (key) => (empty = pending.has(key)));
    return empty;
  }
}

function idText(id: number): string {
  let text = '';
  for (let i = 0, rest = id; i < ID_BYTES; i++, rest = Math.floor(rest / 256)) {
    text = String.fromCharCode(rest % 256) + text;
  }
  return text;
}

/**
 * The ordered store in memory: a B+ tree whose clone is O(1) and copies nodes on write, so a
 * view costs nothing until somebody writes, and then only the nodes that are written to.
 */

import BTree from 'sorted-btree';
import { NO_BYTES } from './bytes';
import type {
  OrderedReader,
  OrderedStore,
  StoreEntry,
  StoreOp,
  StoreView,
  Visit,
  VisitKey,
} from './orderedStore';

type Tree = BTree<string, Uint8Array>;

const compare = (a: string, b: string): number => (a < b ? -1 : a === b ? 0 : 1);
const STOP = { break: true } as const;

class TreeReader implements OrderedReader {
  /** What the tree writes a found pair into. */
  private readonly pair: [string, Uint8Array] = ['', NO_BYTES];

  constructor(protected tree: Tree) {}

  get(key: string): Uint8Array | undefined {
    return this.tree.get(key);
  }

  ceiling(key: string): StoreEntry | undefined {
    return entry(this.tree.getPairOrNextHigher(key, this.pair));
  }

  floor(key: string): StoreEntry | undefined {
    return entry(this.tree.getPairOrNextLower(key, this.pair));
  }

  scan(from: string, to: string | undefined, visit: Visit): void {
    const last = to ?? this.tree.maxKey();
    if (last === undefined || from > last) return;
    this.tree.forRange(from, last, to === undefined, (key, value) =>
      visit(key, value) === false ? STOP : undefined,
    );
  }

  scanKeys(from: string, to: string | undefined, visit: VisitKey): void {
    this.scan(from, to, (key, value) => visit(key, () => value));
  }

  scanBack(from: string, to: string | undefined, visit: Visit): void {
    for (const [key, value] of this.tree.entriesReversed(to, undefined, true)) {
      if (key < from || visit(key, value) === false) return;
    }
  }
}

class TreeView extends TreeReader implements StoreView {
  release(): void {
    this.tree = RELEASED;
  }
}

/** Stands in for the tree of a released view: every use of it is an error. */
const RELEASED = new Proxy({} as Tree, {
  get: () => {
    throw new Error('read from a view of the store after its release');
  },
});

export class MemoryStore extends TreeReader implements OrderedStore {
  constructor() {
    super(new BTree<string, Uint8Array>(undefined, compare));
  }

  get size(): number {
    return this.tree.size;
  }

  batch(ops: readonly StoreOp[]): void {
    for (const { key, value } of ops) {
      if (value === undefined) this.tree.delete(key);
      else this.tree.set(key, value);
    }
  }

  view(): StoreView {
    return new TreeView(this.tree.clone());
  }

  close(): void {
    this.tree = new BTree<string, Uint8Array>(undefined, compare);
  }
}

function entry(pair: [string, Uint8Array] | undefined): StoreEntry | undefined {
  return pair === undefined ? undefined : { key: pair[0], value: pair[1] };
}

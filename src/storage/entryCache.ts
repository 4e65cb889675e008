/**
 * The newest entries of the log in memory, bounded in bytes and never in entries: thousands of
 * one-megabyte entries must not cost gigabytes. What falls out is read from disk again.
 *
 * The cached entries are contiguous and end with the log's last one (or there are none). Each
 * costs its data plus a fixed amount for the objects around it, so that millions of empty
 * entries are bounded as well.
 */
import type { Entry, Index } from '../raft/types';

/** An entry object, its Uint8Array and that one's buffer, as measured on Node 20. */
export const ENTRY_OVERHEAD_BYTES = 256;

export class EntryCache {
  private entries: Entry[] = [];
  /** Position of the oldest cached entry; those before it are already forgotten. */
  private head = 0;
  private heldBytes = 0;

  constructor(private readonly bytesMax: number) {}

  get bytes(): number {
    return this.heldBytes;
  }

  /** Index of the oldest cached entry, or Infinity when nothing is cached. */
  get first(): Index {
    return this.head < this.entries.length ? this.entries[this.head]!.index : Infinity;
  }

  get(index: Index): Entry {
    return this.entries[this.head + index - this.entries[this.head]!.index]!;
  }

  push(entry: Entry): void {
    const cost = costOf(entry);
    if (cost > this.bytesMax) return this.clear();
    this.heldBytes += cost;
    this.entries.push(entry);
    while (this.heldBytes > this.bytesMax) this.evict();
    if (this.head > 1024 && this.head * 2 > this.entries.length) this.shift();
  }

  dropFrom(index: Index): void {
    while (this.entries.length > this.head) {
      const last = this.entries[this.entries.length - 1]!;
      if (last.index < index) return;
      this.entries.pop();
      this.heldBytes -= costOf(last);
    }
    this.clear();
  }

  dropBefore(index: Index): void {
    while (this.first < index) this.evict();
  }

  clear(): void {
    this.entries = [];
    this.head = 0;
    this.heldBytes = 0;
  }

  private evict(): void {
    this.heldBytes -= costOf(this.entries[this.head]!);
    this.entries[this.head] = EVICTED;
    this.head++;
  }

  private shift(): void {
    this.entries = this.entries.slice(this.head);
    this.head = 0;
  }
}

/** Takes the place of a forgotten entry, so that its data can be collected. */
const EVICTED: Entry = { term: 0, index: 0, type: 'normal', data: new Uint8Array(0) };

function costOf(entry: Entry): number {
  return entry.data.length + ENTRY_OVERHEAD_BYTES;
}

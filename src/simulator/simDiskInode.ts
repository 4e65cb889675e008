/**
 * One simulated file: its content as the operating system shows it, and a list of the changes
 * that no finished sync covers, each with what is needed to take it back. A power failure undoes
 * a random tail of them and tears what is left of them at the sectors of the device.
 */

export const SECTOR_BYTES = 512;
const INITIAL_CAPACITY = 4096;

interface Change {
  /** Of an append. */
  readonly start: number;
  readonly end: number;
  /** Of a truncation: what stood behind the new end. */
  readonly removed: Uint8Array | undefined;
}

/** Changes that are durable are forgotten when so many of them have gathered. */
const DURABLE_CHANGES_MAX = 64;

export class SimInode {
  private content = new Uint8Array(0);
  private length = 0;
  /** The first `stale` of them are durable. */
  private changes: Change[] = [];
  private stale = 0;
  /** Number of changes ever made durable; a sync remembers how far it reaches. */
  private durableChanges = 0;
  /** A sync failed: the system calls these pages clean, and no later sync writes them. */
  poisoned = false;

  get size(): number {
    return this.length;
  }

  get changeCount(): number {
    return this.durableChanges + this.changes.length - this.stale;
  }

  append(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const start = this.length;
    this.write(bytes);
    this.changes.push({ start, end: this.length, removed: undefined });
  }

  read(offset: number, length: number): Uint8Array {
    const end = Math.min(this.length, offset + length);
    return this.content.slice(Math.min(offset, end), end);
  }

  truncate(size: number): void {
    if (size >= this.length) return;
    const removed = this.content.slice(size, this.length);
    this.changes.push({ start: size, end: size, removed });
    this.length = size;
  }

  /** Everything up to change number `upTo` can no longer be lost. */
  makeDurable(upTo: number): void {
    if (this.poisoned || upTo <= this.durableChanges) return;
    this.stale += upTo - this.durableChanges;
    this.durableChanges = upTo;
    if (this.stale < DURABLE_CHANGES_MAX) return;
    this.changes = this.changes.slice(this.stale);
    this.stale = 0;
  }

  /** Durable content put in place of what is there: damage, for tests and nemeses. */
  replace(bytes: Uint8Array): void {
    this.content = bytes.slice();
    this.length = bytes.length;
    this.durableChanges = this.changeCount;
    this.forgetChanges();
  }

  flipBit(offset: number, bit: number): void {
    if (offset < this.length) this.content[offset]! ^= 1 << bit;
  }

  /**
   * What the device has after the power went: a prefix of the unsynced changes (none, all or
   * some), of which the last append is torn at its sectors, or, as a file system that writes
   * pages back in any order leaves it, every unsynced append is.
   */
  losePower(random: (n: number) => number): void {
    const changes = this.changes.slice(this.stale);
    const count = changes.length;
    this.poisoned = false;
    if (count === 0) return;
    const kept = [0, count, random(count + 1), random(count + 1)][random(4)]!;
    for (let i = count - 1; i >= kept; i--) this.undo(changes[i]!);
    const survivors = changes.slice(0, kept).filter(isAppend);
    const anywhere = random(4) === 0;
    if (anywhere) for (const change of survivors) this.tear(change, random);
    else if (random(2) === 0 && kept > 0 && isAppend(changes[kept - 1]!)) {
      this.tear(survivors[survivors.length - 1]!, random);
    }
    this.durableChanges += count;
    this.forgetChanges();
  }

  private forgetChanges(): void {
    this.changes = [];
    this.stale = 0;
  }

  private undo({ start, removed }: Change): void {
    if (removed === undefined) this.length = start;
    else this.write(removed);
  }

  /** Loses some sectors of an append; a lost end may or may not count in the file's size. */
  private tear(append: { start: number; end: number }, random: (n: number) => number): void {
    const end = Math.min(append.end, this.length);
    let last = append.start;
    let from = append.start;
    while (from < end) {
      const to = Math.min(end, (Math.floor(from / SECTOR_BYTES) + 1) * SECTOR_BYTES);
      if (random(3) === 0) this.content.fill(0, from, to);
      else last = to;
      from = to;
    }
    if (end === this.length && random(2) === 0) this.length = last;
  }

  private write(bytes: Uint8Array): void {
    const end = this.length + bytes.length;
    if (end > this.content.length) {
      const larger = new Uint8Array(Math.max(end, this.content.length * 2, INITIAL_CAPACITY));
      larger.set(this.content.subarray(0, this.length));
      this.content = larger;
    }
    this.content.set(bytes, this.length);
    this.length = end;
  }
}

function isAppend({ removed }: Change): boolean {
  return removed === undefined;
}

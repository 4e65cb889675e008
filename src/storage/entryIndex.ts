/**
 * Where each live entry is on disk, in eight bytes an entry: offset and data length in typed
 * arrays. Terms and segment numbers change rarely from one entry to the next, so they are kept
 * as runs (first index, value) and found by binary search.
 *
 * The entries are contiguous, [first, next). `first` may lie beyond the log's own first index
 * while a log is replayed whose oldest segments are gone; the recovery checks that in the end.
 */
const INITIAL_CAPACITY = 1024;

/** Values that hold from an index on, until the next run. */
class Runs {
  private starts: number[] = [];
  private values: number[] = [];

  push(index: number, value: number): void {
    if (this.values.length > 0 && this.values[this.values.length - 1] === value) return;
    this.starts.push(index);
    this.values.push(value);
  }

  at(index: number): number {
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle]! <= index) low = middle;
      else high = middle - 1;
    }
    return this.values[low]!;
  }

  dropFrom(index: number): void {
    while (this.starts.length > 0 && this.starts[this.starts.length - 1]! >= index) {
      this.starts.pop();
      this.values.pop();
    }
  }

  /** Forgets runs that end before `index`. */
  dropBefore(index: number): void {
    let gone = 0;
    while (gone + 1 < this.starts.length && this.starts[gone + 1]! <= index) gone++;
    if (gone > 0) {
      this.starts.splice(0, gone);
      this.values.splice(0, gone);
    }
  }

  clear(): void {
    this.starts = [];
    this.values = [];
  }
}

export class EntryIndex {
  private offsets = new Uint32Array(INITIAL_CAPACITY);
  private lengths = new Uint32Array(INITIAL_CAPACITY);
  /** Array position of entry `first`. */
  private head = 0;
  private readonly terms = new Runs();
  private readonly segments = new Runs();
  private firstIndex = 1;
  private count = 0;
  private dataBytes = 0;

  get first(): number {
    return this.firstIndex;
  }

  /** One past the last entry. */
  get next(): number {
    return this.firstIndex + this.count;
  }

  /** Bytes of data of all entries. */
  get bytes(): number {
    return this.dataBytes;
  }

  offset(index: number): number {
    return this.offsets[this.head + index - this.firstIndex]!;
  }

  length(index: number): number {
    return this.lengths[this.head + index - this.firstIndex]!;
  }

  term(index: number): number {
    return this.terms.at(index);
  }

  segment(index: number): number {
    return this.segments.at(index);
  }

  /** Forgets everything; the next entry will be `first`. */
  reset(first: number): void {
    this.offsets = new Uint32Array(INITIAL_CAPACITY);
    this.lengths = new Uint32Array(INITIAL_CAPACITY);
    this.terms.clear();
    this.segments.clear();
    this.head = 0;
    this.count = 0;
    this.dataBytes = 0;
    this.firstIndex = first;
  }

  push(term: number, segment: number, offset: number, length: number): void {
    if (this.head + this.count === this.offsets.length) this.makeRoom();
    const at = this.head + this.count;
    this.offsets[at] = offset;
    this.lengths[at] = length;
    this.terms.push(this.next, term);
    this.segments.push(this.next, segment);
    this.count++;
    this.dataBytes += length;
  }

  /** Drops entries from `index` on. */
  dropFrom(index: number): void {
    if (index >= this.next) return;
    if (index <= this.firstIndex) return this.reset(index);
    for (let i = index; i < this.next; i++) this.dataBytes -= this.length(i);
    this.count = index - this.firstIndex;
    this.terms.dropFrom(index);
    this.segments.dropFrom(index);
  }

  /** Drops entries before `index`. */
  dropBefore(index: number): void {
    if (index <= this.firstIndex) return;
    if (index >= this.next) return this.reset(index);
    for (let i = this.firstIndex; i < index; i++) this.dataBytes -= this.length(i);
    const gone = index - this.firstIndex;
    this.head += gone;
    this.count -= gone;
    this.firstIndex = index;
    this.terms.dropBefore(index);
    this.segments.dropBefore(index);
  }

  /** How many entries from `low` (at least one, below `high`) have at most `bytesMax` bytes. */
  countWithin(low: number, high: number, bytesMax: number): number {
    let bytes = this.length(low);
    let index = low + 1;
    while (index < high) {
      bytes += this.length(index);
      if (bytes > bytesMax) break;
      index++;
    }
    return index - low;
  }

  /** Moves the entries to the front, or into arrays twice as long when they fill half of these. */
  private makeRoom(): void {
    const end = this.head + this.count;
    if (this.count * 2 <= this.offsets.length) {
      this.offsets.copyWithin(0, this.head, end);
      this.lengths.copyWithin(0, this.head, end);
    } else {
      const offsets = new Uint32Array(this.offsets.length * 2);
      const lengths = new Uint32Array(this.lengths.length * 2);
      offsets.set(this.offsets.subarray(this.head, end));
      lengths.set(this.lengths.subarray(this.head, end));
      this.offsets = offsets;
      this.lengths = lengths;
    }
    this.head = 0;
  }
}

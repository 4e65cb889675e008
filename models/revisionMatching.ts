/**
 * Matches gaps with operations of unknown outcome: each gap to one, none to two gaps.
 *
 * Gaps are numbered by revision. Operations stand in lists, sorted by the first gap that they can
 * have made: a gap takes from some lists, and from each of them any operation that was called in
 * time. Filling gap after gap and moving earlier ones by augmenting paths (Kuhn 1955) finds a
 * matching whenever there is one.
 */

/** Operations that can stand in for each other; `firstGap` ascends. */
export class Candidates {
  readonly firstGap: Int32Array;
  /** Index of the next entry at or below that may be unused: a forest with short paths. */
  private readonly below: Int32Array;

  constructor(
    readonly operations: Int32Array,
    firstGapOf: Int32Array,
  ) {
    this.firstGap = operations.map((i) => firstGapOf[i]!);
    this.below = Int32Array.from(operations, (_, at) => at);
  }

  /** The number of entries that can have made a gap. */
  readyAt(gap: number): number {
    let low = 0;
    let high = this.firstGap.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.firstGap[middle]! <= gap) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The last unused entry before `end`; -1 when there is none. */
  lastUnused(end: number, used: Uint8Array): number {
    const { below, operations } = this;
    let at = end - 1;
    while (at >= 0 && (below[at] !== at || used[operations[at]!] === 1)) {
      // What is used stays used, so its entry may point past itself for good.
      if (below[at] === at) below[at] = at - 1;
      const next = below[at]!;
      if (next >= 0 && below[next] !== next) below[at] = below[next]!;
      at = next;
    }
    return at;
  }
}

/** From which lists a gap may take, and which entries of them it must not. */
export interface Admission {
  listsOf(gap: number): readonly Candidates[];
  isRefused?(gap: number, operation: number): boolean;
}

const NOBODY = -1;

export class Matching {
  /** The operation of each gap. */
  readonly taken: Int32Array;
  /** The gap of each operation, where it may still be moved. */
  private readonly gapOf: Int32Array;
  private readonly seen: Int32Array;
  private round = 0;

  constructor(
    gapCount: number,
    private readonly used: Uint8Array,
    private readonly admission: Admission,
    private looksLeft: number,
  ) {
    this.taken = new Int32Array(gapCount).fill(NOBODY);
    this.gapOf = new Int32Array(used.length).fill(NOBODY);
    this.seen = new Int32Array(gapCount);
  }

  /** Whether the search for paths was cut short, so that a refusal proves nothing. */
  get isSpent(): boolean {
    return this.looksLeft <= 0;
  }

  /** Gives a gap an operation for good. */
  fix(gap: number, operation: number): void {
    this.taken[gap] = operation;
    this.used[operation] = 1;
  }

  /** Keeps the operation of a gap where it is. */
  pin(gap: number): void {
    this.gapOf[this.taken[gap]!] = NOBODY;
  }

  /** Finds an operation for a gap, moving others if need be; false when there is none. */
  fill(gap: number): boolean {
    const free = this.freeFor(gap);
    if (free !== NOBODY) {
      this.move(gap, free);
      return true;
    }
    return this.augment(gap);
  }

  /** Gives a gap an operation that may be moved again. */
  move(gap: number, operation: number): void {
    this.taken[gap] = operation;
    this.gapOf[operation] = gap;
    this.used[operation] = 1;
  }

  private freeFor(gap: number): number {
    for (const list of this.admission.listsOf(gap)) {
      let at = list.lastUnused(list.readyAt(gap), this.used);
      while (at >= 0 && this.admission.isRefused?.(gap, list.operations[at]!) === true) {
        at = list.lastUnused(at, this.used);
      }
      if (at >= 0) return list.operations[at]!;
    }
    return NOBODY;
  }

  /** Breadth first over gaps: each takes the operation of another until one finds a free one. */
  private augment(start: number): boolean {
    const round = ++this.round;
    const queue = [start];
    const from = new Map<number, number>();
    this.seen[start] = round;
    for (let head = 0; head < queue.length; head++) {
      const gap = queue[head]!;
      for (const list of this.admission.listsOf(gap)) {
        const end = list.readyAt(gap);
        for (let at = 0; at < end; at++) {
          if (--this.looksLeft <= 0) return false;
          const operation = list.operations[at]!;
          const other = this.gapOf[operation]!;
          if (other === NOBODY || this.seen[other] === round) continue;
          if (this.admission.isRefused?.(gap, operation) === true) continue;
          this.seen[other] = round;
          from.set(other, gap);
          const free = this.freeFor(other);
          if (free !== NOBODY) {
            this.shift(start, other, from, free);
            return true;
          }
          queue.push(other);
        }
      }
    }
    return false;
  }

  /** Moves operations along the path that ends at `last`, which takes the free one. */
  private shift(start: number, last: number, from: Map<number, number>, free: number): void {
    let gap = last;
    let operation = free;
    while (gap !== start) {
      const given = this.taken[gap]!;
      this.move(gap, operation);
      operation = given;
      gap = from.get(gap)!;
    }
    this.move(start, operation);
  }
}

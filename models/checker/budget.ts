/**
 * How much a check may cost. When it runs out the verdict is `unknown`, never a guess.
 *
 * The checker has no clock of its own and cannot see the heap: without `now` there is no limit in
 * time, without `heap` only what the search holds is counted. One budget is shared by all parts
 * of a history, so that the limits are those of the whole check.
 */

export interface BudgetOptions {
  /** Configurations a search may visit. Default 20 000 000. */
  readonly nodesMax?: number;
  /**
   * Bytes of configurations, states and steps held at once by the search of one part. A state is
   * counted by the length of its hash. Default 512 MiB.
   */
  readonly bytesMax?: number;
  /** Milliseconds by `now`. Default: no limit. */
  readonly budgetMs?: number;
  /** Milliseconds of them that are spent already. Default 0. */
  readonly spentMs?: number;
  /** A clock in milliseconds. Default: none, and then no limit, no duration and no progress. */
  readonly now?: () => number;
  /** What the heap of the process holds. Past nine tenths of its limit the check ends. */
  readonly heap?: () => HeapUse;
  /** An AbortSignal, or something like it: aborted ends the check as `unknown`. */
  readonly signal?: { readonly aborted: boolean };
  /** Told now and then how far a search has come. */
  readonly onProgress?: (progress: SearchProgress) => void;
}

export interface HeapUse {
  readonly usedBytes: number;
  readonly limitBytes: number;
}

/** How far the search of a part has come. */
export interface SearchProgress {
  /** Configurations visited so far, in all parts. */
  readonly nodes: number;
  /** Bytes that the search of this part holds. */
  readonly bytes: number;
  /** How many of the part's returns the furthest configuration is past. */
  readonly reached: number;
  /** The operations of the part that returned. */
  readonly returns: number;
}

const nodesMaxDefault = 20_000_000;
const bytesMaxDefault = 512 * 1024 * 1024;
const heapShareMax = 0.9;
/** Nodes between two looks at the clock. */
const nodesBetweenLooks = 256;
const progressEveryMs = 200;
const mib = 1024 * 1024;

/** What a search says of itself when it is asked. */
export type Position = () => Omit<SearchProgress, 'nodes'>;

export class Budget {
  readonly bytesMax: number;
  /** Configurations visited so far. */
  nodes = 0;
  private readonly nodesMax: number;
  private readonly budgetMs: number;
  private readonly now: () => number;
  private readonly startMs: number;
  private toldMs: number;
  private position: Position | undefined;
  private reason: string | undefined;

  constructor(private readonly options: BudgetOptions = {}) {
    this.nodesMax = options.nodesMax ?? nodesMaxDefault;
    this.bytesMax = options.bytesMax ?? bytesMaxDefault;
    this.now = options.now ?? (() => 0);
    this.budgetMs = options.now === undefined ? Infinity : (options.budgetMs ?? Infinity);
    this.startMs = this.now() - (options.spentMs ?? 0);
    this.toldMs = this.now();
  }

  get elapsedMs(): number {
    return this.now() - this.startMs;
  }

  /** Why the budget is used up; undefined while it is not. */
  get exhausted(): string | undefined {
    return this.reason;
  }

  /** The search that spends from now on. */
  follow(position: Position | undefined): void {
    this.position = position;
  }

  /** Counts one configuration; false when the budget is used up. */
  spend(): boolean {
    this.nodes++;
    if (this.nodes % nodesBetweenLooks === 0 || this.nodes >= this.nodesMax) this.look();
    return this.reason === undefined;
  }

  /** Looks at the limits now; for loops that count no configurations. */
  look(): boolean {
    this.tell();
    this.reason ??= this.excess();
    return this.reason === undefined;
  }

  private excess(): string | undefined {
    const { nodesMax, budgetMs } = this;
    if (this.nodes >= nodesMax) return `the limit of ${nodesMax} configurations is reached`;
    if (this.elapsedMs > budgetMs) return `the limit of ${budgetMs} ms is reached`;
    if (this.options.signal?.aborted === true) return 'the check was cancelled';
    const heap = this.options.heap?.();
    if (heap === undefined || heap.usedBytes <= heapShareMax * heap.limitBytes) return undefined;
    const [used, limit] = [heap.usedBytes, heap.limitBytes].map((n) => Math.round(n / mib));
    return `the heap holds ${used} MiB, nine tenths of its limit of ${limit} MiB are reached`;
  }

  private tell(): void {
    const { onProgress } = this.options;
    if (onProgress === undefined || this.position === undefined) return;
    const now = this.now();
    if (now - this.toldMs < progressEveryMs) return;
    this.toldMs = now;
    onProgress({ nodes: this.nodes, ...this.position() });
  }
}

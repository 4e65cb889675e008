/**
 * How much a check may cost. When it runs out the verdict is `unknown`, never a guess.
 *
 * The checker has no clock of its own: without `now` there is no limit in time. One budget is
 * shared by all parts of a history, so that the limits are those of the whole check.
 */

export interface BudgetOptions {
  /** Configurations a search may visit. Default 20 000 000. */
  readonly nodesMax?: number;
  /** Bytes of configurations held at once by the search of one part. Default 512 MiB. */
  readonly bytesMax?: number;
  /** Milliseconds by `now`. Default: no limit. */
  readonly budgetMs?: number;
  /** A clock in milliseconds. Default: none, and then neither a limit nor a duration. */
  readonly now?: () => number;
  /** Asked now and then; true ends the check as `unknown`. */
  readonly cancelled?: () => boolean;
}

const nodesMaxDefault = 20_000_000;
const bytesMaxDefault = 512 * 1024 * 1024;
/** Nodes between two looks at the clock. */
const nodesBetweenLooks = 256;

export class Budget {
  readonly bytesMax: number;
  /** Configurations visited so far. */
  nodes = 0;
  private readonly nodesMax: number;
  private readonly budgetMs: number;
  private readonly now: () => number;
  private readonly cancelled: () => boolean;
  private readonly startMs: number;
  private reason: string | undefined;

  constructor(options: BudgetOptions = {}) {
    this.nodesMax = options.nodesMax ?? nodesMaxDefault;
    this.bytesMax = options.bytesMax ?? bytesMaxDefault;
    this.now = options.now ?? (() => 0);
    this.budgetMs = options.now === undefined ? Infinity : (options.budgetMs ?? Infinity);
    this.cancelled = options.cancelled ?? (() => false);
    this.startMs = this.now();
  }

  get elapsedMs(): number {
    return this.now() - this.startMs;
  }

  /** Why the budget is used up; undefined while it is not. */
  get exhausted(): string | undefined {
    return this.reason;
  }

  /** Counts one configuration; false when the budget is used up. */
  spend(): boolean {
    this.nodes++;
    if (this.nodes % nodesBetweenLooks === 0 || this.nodes >= this.nodesMax) this.look();
    return this.reason === undefined;
  }

  /** Looks at the limits now; for loops that count no configurations. */
  look(): boolean {
    if (this.nodes >= this.nodesMax) {
      this.reason ??= `the limit of ${this.nodesMax} configurations is reached`;
    } else if (this.elapsedMs > this.budgetMs) {
      this.reason ??= `the limit of ${this.budgetMs} ms is reached`;
    } else if (this.cancelled()) {
      this.reason ??= 'the check was cancelled';
    }
    return this.reason === undefined;
  }
}

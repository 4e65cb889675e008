/**
 * A range request that is read a part at a time, so that a large range keeps nobody waiting: all
 * parts see the store as it was at the first one, whatever is written between them.
 *
 * etcd's answer says how many keys are in the whole range, also when it is asked for the first
 * few. Counting them is what makes pages of a large range slow, so counts are remembered: what
 * follows a page at the same revision has as many keys less, and then reading ends with the page.
 */
import { keyRange, liveCursor, RangeAnswer } from './reads';
import type { KeySink } from './reads';
import type { KeyRange, LiveCursor, ScanBudget } from './versions';
import { versionPrefix } from './layout';
import type { OrderedStore, StoreView } from './orderedStore';
import type { RangeRequest, RangeResult, Revision } from './types';

/** Pages of as many ranges can be read side by side. */
const COUNTS_MAX = 256;
/** Of the keys that a remembered count is found by; a count of longer ones is not kept. */
const COUNT_KEY_BYTES_MAX = 4096;

/** How many keys were in a range at a revision; bounded, the one kept longest goes first. */
export class RangeCounts {
  private readonly counts = new Map<string, number>();

  get({ from, to }: KeyRange, revision: Revision): number | undefined {
    return this.counts.get(nameOf(from, to, revision));
  }

  set({ from, to }: KeyRange, revision: Revision, count: number): void {
    if (from.length + to.length > COUNT_KEY_BYTES_MAX) return;
    const name = nameOf(from, to, revision);
    this.counts.delete(name);
    this.counts.set(name, count);
    if (this.counts.size <= COUNTS_MAX) return;
    this.counts.delete(this.counts.keys().next().value!);
  }
}

/** The length of the first bound tells where it ends. */
function nameOf(from: string, to: string, revision: Revision): string {
  return `${revision} ${from.length} ${from}${to}`;
}

/** The smallest key; a range from it to '\0' is everything. */
const FIRST_KEY = '\0';

export class RangeReading {
  /** What the answer is made at. */
  readonly revision: Revision;
  private readonly at: Revision;
  private readonly range: KeyRange;
  private readonly answer: RangeAnswer;
  private readonly cursor: LiveCursor;
  private view: StoreView | undefined;
  private isBegun = false;

  /** The request is checked; the store is at `newest` and has `keyCount` keys. */
  constructor(
    private readonly store: OrderedStore,
    request: RangeRequest,
    newest: Revision,
    keyCount: number,
    private readonly counts: RangeCounts,
    sink?: KeySink,
  ) {
    const isNewest = request.revision <= 0 || request.revision >= newest;
    this.revision = newest;
    this.at = isNewest ? newest : request.revision;
    this.range = keyRange(request.key, request.rangeEnd);
    const isAll = isNewest && request.key === FIRST_KEY && request.rangeEnd === '\0';
    const known = isAll ? keyCount : counts.get(this.range, this.at);
    this.answer = new RangeAnswer(request, this.range.single ? undefined : known, sink);
    const at = isNewest ? undefined : this.at;
    this.cursor = liveCursor(this.range, at, this.answer.visit, this.answer.isDirect);
  }

  /** The answer, or undefined when the budget was spent before it was complete. */
  step(budget: ScanBudget): RangeResult | undefined {
    if (this.isBegun && this.view === undefined) {
      throw new Error('a range cannot go on: nothing held the state that it began with');
    }
    this.isBegun = true;
    if (!this.answer.isComplete && this.cursor.advance(this.view ?? this.store, budget)) {
      return undefined;
    }
    this.release();
    const result = this.answer.finish();
    this.remember(result);
    return result;
  }

  /**
   * Keeps the state for the parts to come, until there is an answer or `release`. Call it before
   * anything is written after the first part.
   */
  hold(): void {
    this.view ??= this.store.view();
  }

  /** Gives back what holds the old state. Idempotent. */
  release(): void {
    this.view?.release();
    this.view = undefined;
  }

  private remember({ more, count }: RangeResult): void {
    const { range, at, answer } = this;
    if (range.single) return;
    this.counts.set(range, at, count);
    if (!more || !answer.isPage) return;
    const next = versionPrefix(`${answer.lastKey!}\0`);
    this.counts.set({ ...range, from: next }, at, count - answer.keys);
  }
}

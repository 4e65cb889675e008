/**
 * Reads the whole state as it lies in the store, a part at a time, and compares it with what the
 * machine knows of it: the hash of each record, and the sums over all of them.
 *
 * `hashKv` comes from sums that are carried along, so it tells members apart that applied
 * different things, and costs nothing. What a disk does to records afterwards only reading them
 * can tell. The parts all see the state as it was when the audit began.
 */
import { compareBytes, DamagedBytes } from './bytes';
import type { Counters, SlowCounters } from './counters';
import { kindEnd, NEWEST } from './layout';
import type { StoreEntry, StoreView } from './orderedStore';
import { StoreSnapshot } from './snapshot';
import { SnapshotContent } from './snapshotContent';

export interface AuditOutcome {
  /** What is wrong; undefined when the state is what it should be. */
  readonly damage: string | undefined;
}

/** Of one part. */
const PART_BYTES = 1024 * 1024;
const PART_KEYS = 1000;

export class StateAudit {
  private readonly source: StoreSnapshot;
  private readonly pages: Iterator<readonly StoreEntry[]>;
  private readonly content: SnapshotContent;
  /** Where counting the entries of the newest versions goes on. */
  private newestFrom: string = NEWEST;
  private newestCount = 0;

  constructor(
    private readonly view: StoreView,
    private readonly counters: Counters,
    private readonly slow: SlowCounters,
  ) {
    this.source = new StoreSnapshot(view, counters, slow);
    this.pages = this.source.pages(PART_BYTES)[Symbol.iterator]();
    this.content = new SnapshotContent(slow.compacted);
  }

  /** Reads the next part. The outcome, or undefined when there is more to read. */
  step(): AuditOutcome | undefined {
    try {
      const page = this.pages.next();
      if (page.done === true) return this.countNewest() ? undefined : this.compare();
      for (const { key, value } of page.value) this.add(key, value);
      return undefined;
    } catch (error) {
      if (error instanceof DamagedBytes) return this.ended(error.message);
      this.release();
      throw error;
    }
  }

  /** Gives back what holds the old state, at the end or when nobody wants to know. Idempotent. */
  release(): void {
    this.source.release();
  }

  /** What is derived from an entry is looked up, for it is no part of a snapshot. */
  private add(key: string, value: Uint8Array): void {
    const derived = this.content.add(key, value);
    if (derived?.value === undefined) return;
    const found = this.view.get(derived.key);
    if (found !== undefined && compareBytes(found, derived.value) === 0) return;
    throw new DamagedBytes(`no newest version under the key ${JSON.stringify(derived.key)}`);
  }

  /** True while there is more to count. */
  private countNewest(): boolean {
    let count = 0;
    this.view.scanKeys(this.newestFrom, kindEnd(NEWEST), (key) => {
      this.newestFrom = `${key}\0`;
      return ++count < PART_KEYS;
    });
    this.newestCount += count;
    return count === PART_KEYS;
  }

  private compare(): AuditOutcome {
    this.content.verify(this.counters, this.slow);
    const { keys } = this.counters;
    if (this.newestCount === keys) return this.ended(undefined);
    throw new DamagedBytes(`${this.newestCount} newest versions of ${keys} keys`);
  }

  private ended(damage: string | undefined): AuditOutcome {
    this.release();
    return { damage };
  }
}

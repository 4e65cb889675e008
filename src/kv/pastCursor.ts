/**
 * The live keys of a range at an older revision: all versions of the range in their order, newest
 * first within a key, so the first version that is old enough is the one.
 */
import {
  isTombstone,
  isVersionOf,
  lastOfPrefix,
  newestSuffix,
  prefixOfVersion,
  revisionOfVersion,
} from './layout';
import type { LoadValue, OrderedReader } from './orderedStore';
import { versionAt } from './versions';
import type { KeyRange, LiveCursor, ScanBudget, VisitVersion } from './versions';
import type { Revision } from './types';

/** Older versions that a scan steps over one by one before it seeks past them. */
const STEPS_BEFORE_SEEK = 16;
/** So many show that keys are overwritten: from then on values are copied only when wanted. */
const STEPS_BEFORE_KEYS = 2;

export class PastCursor implements LiveCursor {
  private at: string;
  /** Where to go on when the scan was stopped to step over many versions at once. */
  private seek: string | undefined = undefined;
  private prefix = '';
  private decided = false;
  private steps = 0;
  private entriesLeft = 0;
  private bytesLeft = 0;
  private stopped = false;
  private byKeys = false;

  constructor(
    private readonly range: KeyRange,
    private readonly revision: Revision,
    private readonly visit: VisitVersion,
  ) {
    this.at = range.from;
  }

  advance(reader: OrderedReader, budget: ScanBudget): boolean {
    const { range, revision } = this;
    if (range.single) {
      const found = versionAt(reader, range.from, revision);
      if (found !== undefined && !isTombstone(found.record)) {
        const load = (): Uint8Array => found.record;
        this.visit(found.prefix, found.storeKey, load, load);
      }
      return false;
    }
    this.entriesLeft = budget.entries;
    this.bytesLeft = budget.bytes;
    while (this.at < range.to && !this.stopped) {
      if (this.entriesLeft <= 0 || this.bytesLeft <= 0) return true;
      this.seek = undefined;
      if (this.byKeys) reader.scanKeys(this.at, range.to, this.stepKey);
      else reader.scan(this.at, range.to, this.step);
      if (this.seek === undefined) return false;
      this.at = this.seek;
    }
    return false;
  }

  private readonly step = (storeKey: string, record: Uint8Array): boolean =>
    this.pass(storeKey, this.wants(storeKey) ? record : undefined, record.length);

  private readonly stepKey = (storeKey: string, load: LoadValue): boolean => {
    const record = this.wants(storeKey) ? load() : undefined;
    return this.pass(storeKey, record, record?.length ?? 0);
  };

  /** Whether an entry is the version of its key that is looked for. */
  private wants(storeKey: string): boolean {
    if (this.prefix === '' || !isVersionOf(storeKey, this.prefix)) {
      this.prefix = prefixOfVersion(storeKey);
      this.decided = false;
      this.steps = 0;
    }
    return !this.decided && revisionOfVersion(storeKey) <= this.revision;
  }

  private pass(storeKey: string, wanted: Uint8Array | undefined, valueBytes: number): boolean {
    this.entriesLeft--;
    this.bytesLeft -= storeKey.length + valueBytes;
    if (!(wanted === undefined ? this.stepOver(storeKey) : this.take(storeKey, wanted))) {
      return false;
    }
    if (this.entriesLeft > 0 && this.bytesLeft > 0) return true;
    this.seek = `${storeKey}\0`;
    return false;
  }

  private take(storeKey: string, record: Uint8Array): boolean {
    this.decided = true;
    this.steps = 0;
    const load = (): Uint8Array => record;
    this.stopped = !isTombstone(record) && this.visit(this.prefix, storeKey, load, load) === false;
    return !this.stopped;
  }

  private stepOver(storeKey: string): boolean {
    this.steps++;
    if (!this.byKeys && this.steps > STEPS_BEFORE_KEYS) {
      this.byKeys = true;
      this.seek = `${storeKey}\0`;
      return false;
    }
    if (this.steps <= STEPS_BEFORE_SEEK) return true;
    this.steps = 0;
    const { prefix, revision } = this;
    this.seek = this.decided ? lastOfPrefix(prefix) : prefix + newestSuffix(revision);
    return false;
  }
}

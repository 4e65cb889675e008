/**
 * The live keys of a range as they are now: one entry for each, however often it was written.
 * A version is read when the visit asks for it.
 */
import { headOfNewest, newestBound, NEWEST, prefixOfNewest, versionKeyOfNewest } from './layout';
import type { OrderedReader } from './orderedStore';
import { newestVersion, recordAt } from './versions';
import type { KeyRange, LiveCursor, ScanBudget, VisitVersion } from './versions';

export class NewestCursor implements LiveCursor {
  private at: string;
  private readonly to: string;

  constructor(
    private readonly range: KeyRange,
    private readonly visit: VisitVersion,
    /** Records are good until the next one is loaded. */
    private readonly borrows: boolean,
  ) {
    this.at = newestBound(range.from);
    this.to = newestBound(range.to);
  }

  advance(reader: OrderedReader, budget: ScanBudget): boolean {
    if (this.range.single) {
      this.visitSingle(reader);
      return false;
    }
    let { entries, bytes } = budget;
    let isCut = false;
    reader.scan(this.at, this.to, (storeKey, newest) => {
      const prefix = prefixOfNewest(storeKey);
      const versionKey = versionKeyOfNewest(prefix, newest);
      entries--;
      bytes -= storeKey.length + newest.length;
      const load = (): Uint8Array => {
        const record = recordAt(reader, versionKey, this.borrows);
        bytes -= record.length;
        return record;
      };
      if (this.visit(prefix, versionKey, load, () => headOfNewest(newest)) === false) return false;
      if (entries > 0 && bytes > 0) return true;
      this.at = `${storeKey}\0`;
      isCut = true;
      return false;
    });
    return isCut;
  }

  private visitSingle(reader: OrderedReader): void {
    const found = newestVersion(reader, this.range.from);
    if (found === undefined) return;
    const load = (): Uint8Array => found.record;
    this.visit(found.prefix, found.storeKey, load, load);
  }
}

/** Throws for a store that has live keys and no entries for them: nothing would be found in it. */
export function assertNewestIndexed(reader: OrderedReader): void {
  if (reader.ceiling(NEWEST)?.key.startsWith(NEWEST) === true) return;
  throw new Error(
    'the state has keys and no entries of their newest versions: an older version of this ' +
      'program wrote it; empty the data directory and let the member fetch it from the others',
  );
}

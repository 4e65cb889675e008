/**
 * Which ranges of which keys are open at a gap, and what may stand in it by that.
 */

import type { Candidates } from './revisionMatching';
import { sameValue } from './revisionedStore';
import type { Miss, Range } from './revisionTimelines';
import { plainOf, plainTo } from './revisionUnknowns';
import type { Unknowns } from './revisionUnknowns';

/** Whether a failed cas that looks behind the gap did not find this value there. */
export function isMissed(misses: readonly Miss[], gap: number, value: unknown): boolean {
  return misses.some((miss) => miss.gaps > gap && sameValue(miss.value, value));
}

/** Finds the ranges that are open at a gap, one for each key. */
export class KeysOpen {
  private readonly byKey = new Map<string, Range[]>();

  constructor(ranges: readonly Range[]) {
    for (const range of ranges) {
      const list = this.byKey.get(range.key);
      if (list === undefined) this.byKey.set(range.key, [range]);
      else list.push(range);
    }
    for (const list of this.byKey.values()) list.sort((a, b) => a.from - b.from);
  }

  at(gap: number): Range[] {
    const open: Range[] = [];
    for (const list of this.byKey.values()) {
      let low = 0;
      let high = list.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (list[middle]!.from <= gap) low = middle + 1;
        else high = middle;
      }
      const range = list[low - 1];
      if (range !== undefined && gap < range.to) open.push(range);
    }
    return open;
  }
}

/** Lets plain writes into the open ranges of their keys. */
export class OpenRanges {
  private keys = new KeysOpen([]);
  private rangesOf: Range[][] = [];

  constructor(private readonly unknowns: Unknowns) {}

  open(ranges: readonly Range[], gapCount: number): void {
    this.keys = new KeysOpen(ranges);
    this.rangesOf = new Array<Range[]>(gapCount);
  }

  rangesAt(gap: number): readonly Range[] {
    return (this.rangesOf[gap] ??= this.keys.at(gap)).filter((range) => range.from <= gap);
  }

  listsOf(gap: number): Candidates[] {
    const lists: Candidates[] = [];
    for (const { key, only } of this.rangesAt(gap)) {
      const name = only === undefined ? plainOf(key) : plainTo({ key, value: only.is });
      const list = this.unknowns.list(name);
      if (list !== undefined) lists.push(list);
    }
    return lists;
  }

  isRefused(gap: number, operation: number): boolean {
    const { key, value } = this.unknowns.changesOf[operation]![0]!;
    const range = this.rangesAt(gap).find((open) => open.key === key);
    if (range === undefined || isMissed(range.misses, gap, value)) return true;
    return range.only !== undefined && !sameValue(range.only.is, value);
  }
}

/**
 * Compaction drops what no read and no watch may ask for any more, in two movements.
 *
 * Logically it is one number and takes effect at once. Physically the old versions go a bounded
 * number of changes at a time: each change up to the compacted revision lets go of the version it
 * superseded, and of itself if it is a tombstone. What changed at exactly the compacted revision
 * stays, for a watch may start there and must see its deletes; the next compaction comes by it
 * again. How far this has got is nobody's business: reads never see what is due to go, and
 * neither the content hash nor a snapshot contains it.
 */

import { ZERO_LANES } from './contentHash';
import { changeKey, CHANGES, decodeChange, isTombstone, lastChangeKey } from './layout';
import { revisionOfChange, revisionOfVersion, versionPrefix, versionSuffix } from './layout';
import type { Change } from './layout';
import type { OrderedReader, StoreOp } from './orderedStore';
import { versionBefore } from './versions';
import type { Revision } from './types';

export interface CompactionStep {
  readonly ops: readonly StoreOp[];
  /** Prefixes of the keys whose tombstones go: some of them leave no version behind. */
  readonly goneKeys: readonly string[];
  /** Bytes that the operations take out of the store. */
  readonly bytes: number;
  /** Where the next step begins; undefined when this was the last. */
  readonly cursor: string | undefined;
}

export const COMPACTION_START = CHANGES;

/** Looks at the next `changesMax` changes from `cursor` on. */
export function compactionStep(
  reader: OrderedReader,
  compacted: Revision,
  cursor: string,
  changesMax: number,
): CompactionStep {
  const ops: StoreOp[] = [];
  const goneKeys: string[] = [];
  let bytes = 0;
  const drop = (storeKey: string, value: Uint8Array): void => {
    ops.push({ key: storeKey, value: undefined });
    bytes += storeKey.length + value.length;
  };
  const changes: { readonly storeKey: string; readonly value: Uint8Array }[] = [];
  const end = `${lastChangeKey(compacted)}\0`;
  reader.scan(cursor, end, (storeKey, value) => {
    changes.push({ storeKey, value });
    return changes.length < changesMax;
  });
  for (const { storeKey, value } of changes) {
    const { revision, sub } = revisionOfChange(storeKey);
    const prefix = versionPrefix(decodeChange(value).key);
    const versionKey = prefix + versionSuffix(revision, sub);
    const before = versionBefore(reader, prefix, versionKey);
    // An older tombstone goes with its own change, not with what came after it.
    if (
      before !== undefined &&
      !isTombstone(before.record) &&
      revisionOfVersion(before.storeKey) < compacted
    ) {
      drop(before.storeKey, before.record);
    }
    if (revision >= compacted) continue;
    drop(storeKey, value);
    const record = reader.get(versionKey);
    if (record === undefined || !isTombstone(record)) continue;
    drop(versionKey, record);
    goneKeys.push(prefix);
  }
  const last = changes.at(-1);
  const more = last !== undefined && changes.length >= changesMax;
  return { ops, goneKeys, bytes, cursor: more ? `${last.storeKey}\0` : undefined };
}

/** The first change that a watch may still ask for. */
function firstChangeKept(compacted: Revision): string {
  return changeKey(Math.max(compacted, 0), 0);
}

/** The sums as of a revision that is not compacted; revisions 0 and 1 changed nothing. */
export function sumsAt(
  reader: OrderedReader,
  revision: Revision,
): Pick<Change, 'written' | 'dead'> {
  const last = reader.floor(lastChangeKey(revision));
  if (last === undefined || last.key < firstChangeKept(revision)) {
    if (revision <= 1) return { written: ZERO_LANES, dead: ZERO_LANES };
    throw new Error(`revision ${revision} left no change in the store`);
  }
  return decodeChange(last.value);
}

/**
 * The newest versions of keys that were written lately, so that overwriting a busy key need not
 * look for its old version in the store.
 *
 * Only a shortcut: an entry is what the store holds, or is absent. Two generations stand in for
 * an order of use: when the young one is full it becomes the old one, and the old one is let go.
 */

import type { StoredVersion } from './versions';

/** Versions in one generation. */
const GENERATION_MAX = 16_384;
/** Larger versions, their keys included, are not kept, so that the cache stays below 32 MiB. */
const VERSION_BYTES_MAX = 1024;

export class NewestCache {
  private young = new Map<string, StoredVersion>();
  private old = new Map<string, StoredVersion>();

  get(prefix: string): StoredVersion | undefined {
    return this.young.get(prefix) ?? this.old.get(prefix);
  }

  /** The version is in the store, and it is the newest of its key. */
  set(version: StoredVersion): void {
    const { prefix, storeKey, record } = version;
    if (prefix.length + storeKey.length + record.length > VERSION_BYTES_MAX) {
      this.forget(prefix);
      return;
    }
    this.young.set(prefix, version);
    if (this.young.size < GENERATION_MAX) return;
    this.old = this.young;
    this.young = new Map();
  }

  /** Whatever was the newest of the key is not any more, or not there. */
  forget(prefix: string): void {
    this.young.delete(prefix);
    this.old.delete(prefix);
  }

  clear(): void {
    this.young.clear();
    this.old.clear();
  }
}

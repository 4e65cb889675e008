/**
 * Watches in step, found by the keys that changed: those of a single key by that key, those of
 * a range by asking each. So a change of one key costs nothing for a hundred thousand watches
 * of other keys.
 */

import { eventsFor } from './watch';
import type { Watcher } from './watchStream';
import type { Key, KvEvent, Revision } from './types';

const NOBODY: readonly (readonly [Watcher, readonly KvEvent[]])[] = [];

export class WatcherIndex {
  private readonly byKey = new Map<Key, Set<Watcher>>();
  private readonly byRange = new Set<Watcher>();

  add(watcher: Watcher): void {
    if (!watcher.keys.single) {
      this.byRange.add(watcher);
      return;
    }
    const key = watcher.keys.from;
    const others = this.byKey.get(key);
    if (others === undefined) this.byKey.set(key, new Set([watcher]));
    else others.add(watcher);
  }

  remove(watcher: Watcher): void {
    if (!watcher.keys.single) {
      this.byRange.delete(watcher);
      return;
    }
    const key = watcher.keys.from;
    const others = this.byKey.get(key);
    others?.delete(watcher);
    if (others?.size === 0) this.byKey.delete(key);
  }

  /** Who wants some of these events, and which, in the order of the watches' creation. */
  wanted(
    revision: Revision,
    events: readonly KvEvent[],
  ): readonly (readonly [Watcher, readonly KvEvent[]])[] {
    if (this.byRange.size === 0 && !this.isAnyOf(events)) return NOBODY;
    const candidates = new Set<Watcher>(this.byRange);
    for (const event of events) {
      for (const watcher of this.byKey.get(event.kv.key) ?? []) candidates.add(watcher);
    }
    const page = [{ revision, events }];
    return [...candidates]
      .filter((watcher) => watcher.next <= revision)
      .sort((a, b) => a.number - b.number)
      .map(
        (watcher) => [watcher, eventsFor(watcher.request, watcher.keys, page, revision)] as const,
      )
      .filter(([, wanted]) => wanted.length > 0);
  }

  private isAnyOf(events: readonly KvEvent[]): boolean {
    if (this.byKey.size === 0) return false;
    for (const event of events) if (this.byKey.has(event.kv.key)) return true;
    return false;
  }
}

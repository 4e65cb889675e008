/**
 * The events that wait in streams, counted by identity: one event may wait in thousands of
 * streams, and is in memory once.
 */

import { bytesOfEvent } from './history';
import type { KeyValue, KvEvent } from './types';

interface Held {
  readonly bytes: number;
  streams: number;
}

export class HeldEvents {
  private readonly held = new Map<KeyValue, Held>();
  private sum = 0;

  /** Bytes of all events that are held by somebody. */
  get bytes(): number {
    return this.sum;
  }

  hold(events: readonly KvEvent[]): void {
    for (const event of events) {
      const held = this.held.get(event.kv);
      if (held !== undefined) {
        held.streams++;
        continue;
      }
      const bytes = bytesOfEvent(event);
      this.held.set(event.kv, { bytes, streams: 1 });
      this.sum += bytes;
    }
  }

  /** Only what was held before, and as often. */
  release(events: readonly KvEvent[]): void {
    for (const { kv } of events) {
      const held = this.held.get(kv)!;
      if (--held.streams > 0) continue;
      this.held.delete(kv);
      this.sum -= held.bytes;
    }
  }
}

/**
 * Responses of watches as bytes. An event that goes to a thousand watches is encoded once: they
 * are served one right after the other, so the newest few events are all that is kept.
 */
import type { KeyValue, KvEvent } from '../../kv/types';
import type { WatchResponse } from '../../kv/watch';
import { encodeEvent, WireWriter } from './wireWriter';

/** Larger than the events of any one revision that is worth keeping. */
const KEPT_BYTES_MAX = 1024 * 1024;

export class WatchWriter {
  /** Encoded events without the value before, oldest first. */
  private readonly kept = new Map<KeyValue, Buffer>();
  private keptBytes = 0;

  encode(header: Buffer, response: WatchResponse): Buffer {
    const events = response.events.map((event) => this.event(event));
    const bytes = events.reduce((sum, event) => sum + event.length + 12, header.length + 64);
    const writer = new WireWriter(bytes + response.cancelReason.length);
    writer.message(1, header);
    writer.bigint(2, response.watchId);
    writer.flag(3, response.created);
    writer.flag(4, response.canceled);
    writer.number(5, response.compactRevision);
    writer.latin1(6, response.cancelReason);
    writer.flag(7, response.fragment);
    for (const event of events) writer.message(11, event);
    return writer.finish();
  }

  private event(event: KvEvent): Buffer {
    // With the value before it, an event is rarely asked for by many.
    if (event.prevKv !== undefined) return encodeEvent(event);
    const known = this.kept.get(event.kv);
    if (known !== undefined) return known;
    const encoded = encodeEvent(event);
    if (encoded.length > KEPT_BYTES_MAX) return encoded;
    this.kept.set(event.kv, encoded);
    this.keptBytes += encoded.length;
    for (const [oldest, { length }] of this.kept) {
      if (this.keptBytes <= KEPT_BYTES_MAX) break;
      this.kept.delete(oldest);
      this.keptBytes -= length;
    }
    return encoded;
  }
}

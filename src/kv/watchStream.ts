/**
 * One client's stream of watches: what waits to be sent to it, in order and bounded.
 *
 * Events that wait are only a copy of history. When there is no room for more, or when the hub
 * needs the memory, they are dropped and the watch goes back to the first revision it lost; it
 * catches up from the store once the client reads on. So a client that does not read costs a
 * bounded amount and misses nothing. What was taken and lies with the connection can not be
 * dropped any more: it is counted, and there is little of it.
 */

import { bytesOfEvent } from './history';
import { response } from './watch';
import type { WatchedKeys, WatchId, WatchRequest, WatchResponse } from './watch';
import type { KvEvent, Revision } from './types';

/** A watch as the hub sees it. */
export interface Watcher {
  readonly id: WatchId;
  /** In the order of creation over all streams. */
  readonly number: number;
  readonly request: WatchRequest;
  readonly keys: WatchedKeys;
  readonly stream: WatchStream;
  /**
   * While behind: the first revision it has not been given. While in step: the first revision it
   * wants, which only matters for a start in the future.
   */
  next: Revision;
  behind: boolean;
  /** Nothing was delivered since the last progress notification fell due. */
  quiet: boolean;
}

interface EventItem {
  readonly kind: 'events';
  readonly watcher: Watcher;
  /** The watch's `next` before this item. */
  readonly from: Revision;
  readonly revision: Revision;
  readonly events: readonly KvEvent[];
  readonly bytes: number;
}

type Item =
  | EventItem
  /** `whole` is a manual progress response, for the stream and not for one watch. */
  | { readonly kind: 'progress'; readonly response: WatchResponse; readonly whole: boolean }
  | { readonly kind: 'control'; readonly response: WatchResponse };

export interface WatchStreamLimits {
  readonly bytesMax: number;
  readonly eventsMax: number;
  readonly fragmentBytes: number;
  readonly sendingBytesMax: number;
  /** What history brings is cut, between revisions, into responses of about this. */
  readonly responseBytes: number;
}

/** What a stream tells its hub. */
export interface StreamOwner {
  create(stream: WatchStream, request: WatchRequest): void;
  cancel(stream: WatchStream, id: WatchId): void;
  progress(stream: WatchStream): void;
  closed(stream: WatchStream): void;
  /** These events begin and cease to wait in a stream. */
  hold(events: readonly KvEvent[]): void;
  release(events: readonly KvEvent[]): void;
  /** Counts what is taken from all streams. */
  nextTurn(): number;
  /** So many bytes more, or less, are on their way to a client. */
  sending(bytes: number): void;
  /** There is room again for watches that are behind. */
  room(stream: WatchStream): void;
}

export class WatchStream {
  /** By id; iterated in the order of creation. */
  readonly watchers = new Map<WatchId, Watcher>();
  /** Of these, how many are behind. */
  behind = 0;
  progressWanted = false;
  /** When the client last took something, in turns of the hub. */
  takenAt = 0;

  private items: Item[] = [];
  private first = 0;
  private fragments: WatchResponse[] = [];
  private bytes = 0;
  private events = 0;
  private sendingBytes = 0;
  private drained = true;
  private open = true;
  /** What waited was dropped, and nobody asked for more since. */
  private parked = false;
  private lastId = -1n;

  constructor(
    private readonly owner: StreamOwner,
    private readonly limits: WatchStreamLimits,
    private readonly onReady: () => void,
  ) {}

  /** Bytes of events that wait to be taken. */
  get waitingBytes(): number {
    return this.bytes;
  }

  /** Responses that wait: a server stops reading requests from a client that lets this grow. */
  get waitingResponses(): number {
    return this.items.length - this.first + this.fragments.length;
  }

  /** The connection holds enough: nothing should be taken until some of it was sent. */
  get full(): boolean {
    return this.sendingBytes >= this.limits.sendingBytesMax;
  }

  /** Watches that are behind may be served: nothing waits, and the client reads. */
  get takesMore(): boolean {
    return this.events === 0 && !this.parked;
  }

  /** An id that no watch of the stream has. */
  newId(): WatchId {
    do this.lastId++;
    while (this.watchers.has(this.lastId));
    return this.lastId;
  }

  /** Answered with a `created` response, which is `canceled` too if the request is refused. */
  create(request: WatchRequest): void {
    if (this.open) this.owner.create(this, request);
  }

  /** Answered with a `canceled` response; an unknown id is passed over in silence. */
  cancel(id: WatchId): void {
    if (this.open) this.owner.cancel(this, id);
  }

  /** Answered, once every watch of the stream is in step, with the revision it is at. */
  requestProgress(): void {
    if (this.open) this.owner.progress(this);
  }

  /** The next response to send; undefined when there is none, and `onReady` calls for the next. */
  take(): WatchResponse | undefined {
    this.takenAt = this.owner.nextTurn();
    const fragment = this.fragments.shift();
    if (fragment !== undefined) return fragment;
    const item = this.items[this.first];
    if (item === undefined) {
      this.drained = true;
      if (this.parked) {
        this.parked = false;
        this.owner.room(this);
      }
      return undefined;
    }
    this.first++;
    if (this.first * 2 >= this.items.length) {
      this.items = this.items.slice(this.first);
      this.first = 0;
    }
    if (item.kind !== 'events') return item.response;
    this.uncount(item);
    this.fragments = this.cut(item);
    if (this.events === 0) this.owner.room(this);
    return this.fragments.shift();
  }

  /** A response of so many bytes was given to the connection. */
  sending(bytes: number): void {
    if (!this.open) return;
    this.sendingBytes += bytes;
    this.owner.sending(bytes);
  }

  /** The connection has passed it on. */
  sent(bytes: number): void {
    this.sending(-bytes);
  }

  /** Ends all its watches. Idempotent. */
  close(): void {
    if (!this.open) return;
    this.sent(this.sendingBytes);
    this.open = false;
    for (const item of this.items.slice(this.first)) this.uncount(item);
    this.items = [];
    this.first = 0;
    this.fragments = [];
    this.owner.closed(this);
  }

  /** Events may be queued always when none are waiting, else within the limits. */
  private hasRoom(bytes: number, events: number): boolean {
    if (this.events === 0) return true;
    const { bytesMax, eventsMax } = this.limits;
    return this.bytes + bytes <= bytesMax && this.events + events <= eventsMax;
  }

  /** False when there is no room. */
  offer(watcher: Watcher, from: Revision, revision: Revision, events: readonly KvEvent[]): boolean {
    const bytes = events.reduce((sum, event) => sum + bytesOfEvent(event), 0);
    if (!this.hasRoom(bytes, events.length)) return false;
    watcher.quiet = false;
    this.bytes += bytes;
    this.events += events.length;
    this.owner.hold(events);
    this.push({ kind: 'events', watcher, from, revision, events, bytes });
    return true;
  }

  /**
   * A page of history up to `upTo`, whole or not at all. A client that takes it response by
   * response never has more than one of them on its way.
   */
  offerPage(watcher: Watcher, upTo: Revision, events: readonly KvEvent[]): boolean {
    const bytes = events.reduce((sum, event) => sum + bytesOfEvent(event), 0);
    if (!this.hasRoom(bytes, events.length)) return false;
    watcher.quiet = false;
    this.bytes += bytes;
    this.events += events.length;
    this.owner.hold(events);
    let from = watcher.next;
    for (const part of partsOf(events, this.limits.responseBytes)) {
      const isLast = part.end === events.length;
      const revision = isLast ? upTo : part.events.at(-1)!.kv.modRevision;
      this.push({
        kind: 'events',
        watcher,
        from,
        revision,
        events: part.events,
        bytes: part.bytes,
      });
      from = revision + 1;
    }
    return true;
  }

  control(given: WatchResponse): void {
    this.push({ kind: 'control', response: given });
  }

  progress(id: WatchId, revision: Revision, whole: boolean): void {
    this.push({ kind: 'progress', response: response(id, revision), whole });
  }

  /**
   * Drops the events that wait, but for so many responses with events, and progress responses
   * behind them. Returns, for each watch that lost some, where it has to go back to.
   */
  shed(keep: number): ReadonlyMap<Watcher, Revision> {
    const backTo = new Map<Watcher, Revision>();
    const kept: Item[] = [];
    let left = keep;
    for (const item of this.items.slice(this.first)) {
      if (item.kind === 'events' && left-- > 0) {
        kept.push(item);
        continue;
      }
      this.uncount(item);
      if (item.kind === 'control') kept.push(item);
      else if (item.kind === 'progress') this.progressWanted ||= item.whole;
      else if (!backTo.has(item.watcher)) backTo.set(item.watcher, item.from);
    }
    this.items = kept;
    this.first = 0;
    this.parked = true;
    return backTo;
  }

  private push(item: Item): void {
    if (!this.open) return;
    this.items.push(item);
    if (!this.drained) return;
    this.drained = false;
    this.onReady();
  }

  private uncount(item: Item): void {
    if (item.kind !== 'events') return;
    this.bytes -= item.bytes;
    this.events -= item.events.length;
    this.owner.release(item.events);
  }

  private cut(item: EventItem): WatchResponse[] {
    const { watcher, revision, events } = item;
    if (!watcher.request.fragment || item.bytes <= this.limits.fragmentBytes) {
      return [response(watcher.id, revision, { events })];
    }
    const parts: KvEvent[][] = [];
    let bytes = Infinity;
    for (const event of events) {
      const more = bytesOfEvent(event);
      if (bytes + more > this.limits.fragmentBytes) {
        parts.push([]);
        bytes = 0;
      }
      parts.at(-1)!.push(event);
      bytes += more;
    }
    return parts.map((part, i) =>
      response(watcher.id, revision, { events: part, fragment: i < parts.length - 1 }),
    );
  }
}

interface Part {
  readonly events: KvEvent[];
  bytes: number;
  /** How many of all events are in this part and those before it. */
  end: number;
}

/** Events in parts of about so many bytes; those of one revision stay together. */
function partsOf(events: readonly KvEvent[], bytesMax: number): readonly Part[] {
  const parts: Part[] = [];
  let revision = -1;
  events.forEach((event, i) => {
    const bytes = bytesOfEvent(event);
    let part = parts.at(-1);
    if (!part || (event.kv.modRevision !== revision && part.bytes + bytes > bytesMax)) {
      part = { events: [], bytes: 0, end: 0 };
      parts.push(part);
    }
    revision = event.kv.modRevision;
    part.events.push(event);
    part.bytes += bytes;
    part.end = i + 1;
  });
  return parts;
}

/**
 * All watches of a member: gives each what it is due, from what was just applied or, for those
 * that started in the past or fell behind, from history in bounded reads.
 *
 * A watch is either in step (it was given everything up to the published revision) or behind (its
 * `next` says from where). Events go straight to watches in step; where a stream has no room the
 * watch falls behind at that revision, and `pump` brings it back when there is room again. Only
 * the published revision counts, not what the store already holds, so no event can come twice and
 * no progress response can overtake one.
 */

import { HeldEvents } from './heldEvents';
import type { HistoryOptions, HistoryPage } from './history';
import { eventsFor, NO_WATCH, response, watchedKeys } from './watch';
import type { WatchId, WatchRequest } from './watch';
import { WatcherIndex } from './watcherIndex';
import { WatchStream } from './watchStream';
import type { StreamOwner, Watcher, WatchStreamLimits } from './watchStream';
import type { KvEvent, Revision } from './types';

/** The state machine, as far as watches need it. */
export interface WatchSource {
  readonly revision: Revision;
  readonly compactedRevision: Revision;
  history(from: Revision, options: HistoryOptions): HistoryPage;
  /** `wanted` tells, at any time, whether somebody wants events with previous values. */
  askForPrevious(wanted: () => boolean): void;
}

export interface WatchHubOptions {
  /** Events that may wait in one stream. Default 4 MiB; a single response may be larger. */
  readonly streamBytesMax?: number;
  /** Default 128. */
  readonly streamEventsMax?: number;
  /**
   * Events that may wait in all streams, and responses on their way to clients; beyond, the
   * streams that were not read from for longest go back to reading history. Default 64 MiB; a
   * single response may be larger.
   */
  readonly totalBytesMax?: number;
  /**
   * Responses of one stream that its connection may hold: those can not be taken back when memory
   * is short. Default 128 KiB, hence that and one response.
   */
  readonly sendingBytesMax?: number;
  /** Watches in one stream; more are refused. Default 100 000. */
  readonly streamWatchersMax?: number;
  /** Responses larger than this are cut where the watch allows it. Default 1.5 MiB. */
  readonly fragmentBytes?: number;
  /** One catch-up read. Default 1000 revisions, 4 MiB. */
  readonly catchUpRevisions?: number;
  readonly catchUpBytes?: number;
  /** Watches served by one catch-up read. Default 512. */
  readonly catchUpWatchers?: number;
  /** Called whenever `pump` has got something to do; may be called again before it is. */
  readonly onPumpDue?: () => void;
}

export class WatchHub {
  private published: Revision;
  private readonly inStep = new WatcherIndex();
  /** Watches that are behind, in the order in which they are served. */
  private readonly behind = new Set<Watcher>();
  private readonly held = new HeldEvents();
  private readonly streams = new Set<WatchStream>();
  private count = 0;
  /** Watches that want previous values. */
  private previousWanted = 0;
  private created = 0;
  private turns = 0;
  private sending = 0;
  private readonly limits: WatchStreamLimits;
  readonly totalBytesMax: number;
  private readonly streamWatchersMax: number;
  private readonly catchUp: Required<Pick<HistoryOptions, 'revisionsMax' | 'bytesMax'>>;
  private readonly catchUpWatchers: number;
  private readonly onPumpDue: () => void;
  private readonly owner: StreamOwner = {
    create: (stream, request) => this.create(stream, request),
    cancel: (stream, id) => this.cancel(stream, id),
    progress: (stream) => this.requestProgress(stream),
    closed: (stream) => this.closed(stream),
    hold: (events) => this.held.hold(events),
    release: (events) => this.held.release(events),
    nextTurn: () => ++this.turns,
    sending: (bytes) => void (this.sending += bytes),
    room: (stream) => {
      if (stream.behind > 0) this.onPumpDue();
    },
  };

  constructor(
    private readonly source: WatchSource,
    options: WatchHubOptions = {},
  ) {
    this.published = source.revision;
    source.askForPrevious(() => this.previousWanted > 0);
    const sendingBytesMax = options.sendingBytesMax ?? 128 * 2 ** 10;
    this.limits = {
      sendingBytesMax,
      responseBytes: sendingBytesMax,
      bytesMax: options.streamBytesMax ?? 4 * 2 ** 20,
      eventsMax: options.streamEventsMax ?? 128,
      fragmentBytes: options.fragmentBytes ?? 1.5 * 2 ** 20,
    };
    this.totalBytesMax = options.totalBytesMax ?? 64 * 2 ** 20;
    this.streamWatchersMax = options.streamWatchersMax ?? 100_000;
    this.catchUp = {
      revisionsMax: options.catchUpRevisions ?? 1000,
      // What one read brings must find room, or it would be dropped and read again for ever.
      bytesMax: Math.min(
        options.catchUpBytes ?? 4 * 2 ** 20,
        this.limits.bytesMax,
        this.totalBytesMax / 2,
      ),
    };
    this.catchUpWatchers = options.catchUpWatchers ?? 512;
    this.onPumpDue = options.onPumpDue ?? (() => undefined);
  }

  /** Everything up to here was handed to the watches, or is theirs to catch up with. */
  get revision(): Revision {
    return this.published;
  }

  get watcherCount(): number {
    return this.count;
  }

  /** Bytes of the events that wait, each counted once. */
  get waitingBytes(): number {
    return this.held.bytes;
  }

  /** Bytes of responses that connections hold, of all streams. */
  get sendingBytes(): number {
    return this.sending;
  }

  get streamCount(): number {
    return this.streams.size;
  }

  get behindCount(): number {
    return this.behind.size;
  }

  /** `pump` has something to do: some watch is behind and its stream has room. */
  get pumpDue(): boolean {
    for (const watcher of this.behind) if (watcher.stream.takesMore) return true;
    return false;
  }

  /** `onReady` is called when the stream has something to take after `take` had nothing. */
  open(onReady: () => void): WatchStream {
    const stream = new WatchStream(this.owner, this.limits, onReady);
    this.streams.add(stream);
    return stream;
  }

  /**
   * What a command has just changed. Call it for each command in order, before its proposer
   * hears of it. A revision that was published before is passed over; if revisions are skipped
   * (a snapshot was installed) the watches read them from history.
   */
  publish(revision: Revision, events: readonly KvEvent[]): void {
    if (revision <= this.published) return;
    if (revision > this.published + 1) this.jump(revision - 1);
    this.published = revision;
    for (const [watcher, wanted] of this.inStep.wanted(revision, events)) {
      if (watcher.stream.offer(watcher, revision, revision, wanted)) continue;
      this.fallBehind(watcher, revision);
    }
    this.shed();
  }

  /** The state was replaced by a snapshot. Watches go on where they were, through history. */
  restored(): void {
    if (this.source.revision > this.published) this.jump(this.source.revision);
  }

  /** One catch-up read for watches that are behind. True while there is more to do. */
  pump(): boolean {
    const served = this.chooseBehind();
    if (served.length === 0) return false;
    const from = Math.min(...served.map((watcher) => watcher.next));
    const prevKv = served.some(({ request }) => request.prevKv);
    const page = this.source.history(from, { ...this.catchUp, to: this.published, prevKv });
    for (const watcher of served) this.give(watcher, page);
    this.shed();
    return this.pumpDue;
  }

  /**
   * Call once in each progress interval: notifies the watches that ask for it and heard nothing.
   */
  notifyProgress(): void {
    for (const stream of this.streams) {
      for (const watcher of stream.watchers.values()) {
        if (!watcher.request.progressNotify || watcher.behind) continue;
        // A watch that begins in the future has nothing to be told of the time before.
        if (watcher.quiet && watcher.next <= this.published + 1) {
          stream.progress(watcher.id, this.published, false);
        }
        watcher.quiet = true;
      }
    }
  }

  private create(stream: WatchStream, request: WatchRequest): void {
    const keys = watchedKeys(request);
    const refused =
      keys === undefined
        ? 'mvcc: watcher range is empty'
        : stream.watchers.size >= this.streamWatchersMax
          ? 'etcdserver: too many requests'
          : stream.watchers.has(request.watchId) && request.watchId !== 0n
            ? 'mvcc: duplicate watch ID provided on the WatchStream'
            : undefined;
    if (keys === undefined || refused !== undefined) {
      stream.control(
        response(NO_WATCH, this.published, {
          created: true,
          canceled: true,
          cancelReason: refused ?? '',
        }),
      );
      return;
    }
    const { startRevision } = request;
    const id = request.watchId === 0n ? stream.newId() : request.watchId;
    const next = startRevision === 0 ? this.published + 1 : startRevision;
    const behind = next <= this.published;
    const number = ++this.created;
    const watcher = { id, number, request, keys, stream, next, behind, quiet: true };
    stream.watchers.set(id, watcher);
    this.count++;
    if (request.prevKv) this.previousWanted++;
    stream.control(response(id, this.published, { created: true }));
    if (behind) this.enlistBehind(watcher);
    else this.inStep.add(watcher);
  }

  private cancel(stream: WatchStream, id: WatchId): void {
    const watcher = stream.watchers.get(id);
    if (watcher === undefined) return;
    this.remove(watcher);
    stream.control(response(id, this.published, { canceled: true }));
    this.answerProgress(stream);
  }

  private requestProgress(stream: WatchStream): void {
    stream.progressWanted = true;
    this.answerProgress(stream);
  }

  private answerProgress(stream: WatchStream): void {
    if (!stream.progressWanted || stream.behind > 0) return;
    stream.progressWanted = false;
    stream.progress(NO_WATCH, this.published, true);
  }

  private closed(stream: WatchStream): void {
    for (const watcher of [...stream.watchers.values()]) this.remove(watcher);
    this.streams.delete(stream);
  }

  /** Revisions up to `to` were not published one by one. */
  private jump(to: Revision): void {
    const from = this.published + 1;
    this.published = to;
    for (const stream of this.streams) {
      for (const watcher of stream.watchers.values()) {
        if (!watcher.behind && watcher.next <= to) {
          this.fallBehind(watcher, Math.max(from, watcher.next));
        }
      }
    }
  }

  private chooseBehind(): readonly Watcher[] {
    const served: Watcher[] = [];
    for (const watcher of [...this.behind]) {
      if (served.length >= this.catchUpWatchers) break;
      if (!watcher.stream.takesMore) continue;
      if (watcher.next < this.source.compactedRevision) this.cancelCompacted(watcher);
      else served.push(watcher);
    }
    // Whoever was served goes to the back, so that all get their turn.
    for (const watcher of served) {
      this.behind.delete(watcher);
      this.behind.add(watcher);
    }
    return served;
  }

  private give(watcher: Watcher, page: HistoryPage): void {
    if (watcher.next >= page.next) return;
    const events = eventsFor(watcher.request, watcher.keys, page.revisions, watcher.next);
    const upTo = page.next - 1;
    if (events.length > 0 && !watcher.stream.offerPage(watcher, upTo, events)) return;
    watcher.next = page.next;
    if (watcher.next <= this.published) return;
    this.leaveBehind(watcher);
    this.inStep.add(watcher);
    this.answerProgress(watcher.stream);
  }

  private cancelCompacted(watcher: Watcher): void {
    const { stream, id } = watcher;
    const compactRevision = this.source.compactedRevision;
    this.remove(watcher);
    stream.control(response(id, this.published, { canceled: true, compactRevision }));
    this.answerProgress(stream);
  }

  private shed(): void {
    const isTooMuch = (): boolean => this.held.bytes + this.sending > this.totalBytesMax;
    if (!isTooMuch()) return;
    // The streams that were not read from for longest go first, so a client that reads is served.
    const idle = [...this.streams]
      .filter((stream) => stream.waitingBytes > 0)
      .sort((a, b) => a.takenAt - b.takenAt);
    const last = idle.at(-1);
    for (const stream of idle) {
      if (!isTooMuch()) return;
      // One response may be larger than the limit, or it could never be delivered.
      for (const [watcher, next] of stream.shed(stream === last ? 1 : 0)) {
        if (stream.watchers.get(watcher.id) === watcher) this.fallBehind(watcher, next);
      }
      this.answerProgress(stream);
    }
  }

  private fallBehind(watcher: Watcher, next: Revision): void {
    watcher.next = next;
    if (watcher.behind) return;
    this.inStep.remove(watcher);
    watcher.behind = true;
    this.enlistBehind(watcher);
  }

  private enlistBehind(watcher: Watcher): void {
    this.behind.add(watcher);
    watcher.stream.behind++;
    if (watcher.stream.takesMore) this.onPumpDue();
  }

  private leaveBehind(watcher: Watcher): void {
    this.behind.delete(watcher);
    watcher.stream.behind--;
    watcher.behind = false;
  }

  private remove(watcher: Watcher): void {
    if (watcher.behind) this.leaveBehind(watcher);
    else this.inStep.remove(watcher);
    watcher.stream.watchers.delete(watcher.id);
    this.count--;
    if (watcher.request.prevKv) this.previousWanted--;
  }
}

/**
 * Clients that watch: they connect to a member, take what it gives at their own pace, break off,
 * resume where they were, and move on when their member dies. What each is given is compared
 * with the one true history by `WatchDelivery`.
 *
 * A slow watcher takes one response at a time, so its member has to let it fall behind and bring
 * it back from history; now and then a watcher asks how far it is.
 */
import type { WatchResponse, WatchStream } from '../kv';
import type { WatchDelivery, WatchView } from './invariants';
import type { Marks } from './marks';
import { keyName } from './operations';
import type { PlannedWatcher } from './plan';
import type { Prng } from './prng';
import type { EventHandler, Scheduler } from './scheduler';
import type { SimMember } from './simMember';
import { TraceKind } from './trace';
import type { Trace } from './trace';

export interface WatchersParts {
  readonly scheduler: Scheduler;
  readonly random: Prng;
  readonly marks: Marks;
  readonly trace: Trace;
  readonly members: readonly SimMember[];
  readonly delivery: WatchDelivery;
}

interface Watcher {
  readonly plan: PlannedWatcher;
  readonly view: WatchView;
  member: SimMember | undefined;
  stream: WatchStream | undefined;
  /** Counts connections: what belongs to an earlier one is void. */
  connection: number;
  takePending: boolean;
  takeMs: number;
}

const WatchEvent = { connect: 1, take: 2, leave: 3, ask: 4 } as const;

const RETRY_MS = 100;
/** How often a watcher asks how far it is. */
const ASK_MS = 150;
/** A client finds its messages after this. */
const WAY_US = 200;
/** A watch of the future begins so many revisions ahead. */
const AHEAD = 3;
/** Everything that keys of plans can be. */
const ALL_KEYS_END = '\0';

export class Watchers implements EventHandler {
  private readonly watchers: Watcher[] = [];
  private isClosing = false;
  private allowed: ReadonlySet<SimMember>;

  constructor(private readonly parts: WatchersParts) {
    this.allowed = new Set(parts.members);
  }

  plan(planned: readonly PlannedWatcher[]): void {
    const { scheduler, delivery } = this.parts;
    for (const plan of planned) {
      const key = plan.key === undefined ? undefined : keyName(plan.key);
      const view = delivery.watcher(this.watchers.length, key);
      const { takeMs } = plan;
      const watcher: Watcher = {
        plan,
        view,
        member: undefined,
        stream: undefined,
        connection: 0,
        takePending: false,
        takeMs,
      };
      this.watchers.push(watcher);
      scheduler.schedule(plan.atMs * 1000, this, WatchEvent.connect, 0, watcher);
    }
  }

  /** From now on nobody is slow, nobody breaks off, and only these members are watched at. */
  close(members: readonly SimMember[]): void {
    this.isClosing = true;
    this.allowed = new Set(members);
    for (const watcher of this.watchers) {
      watcher.takeMs = 0;
      if (watcher.member !== undefined && !this.allowed.has(watcher.member)) this.leave(watcher);
    }
  }

  /** A watcher that has not heard of everything up to `revision`; undefined: all have. */
  laggard(revision: number): string | undefined {
    const behind = this.watchers.find(({ view }) => view.next <= revision);
    return behind && `watcher ${behind.view.id} waits for revision ${behind.view.next}`;
  }

  memberDown(id: number): void {
    for (const watcher of this.watchers) {
      if (watcher.member?.id !== id) continue;
      this.disconnect(watcher);
      this.connectAfter(watcher, RETRY_MS);
    }
  }

  handle(kind: number, connection: number, payload: unknown): void {
    const watcher = payload as Watcher;
    if (kind === WatchEvent.connect) {
      if (watcher.stream === undefined) this.connect(watcher);
      return;
    }
    if (connection !== watcher.connection || watcher.stream === undefined) return;
    const { stream, member } = watcher;
    switch (kind) {
      case WatchEvent.take:
        member!.runtime!.enter(() => this.take(watcher, stream, connection));
        return;
      case WatchEvent.ask:
        member!.runtime!.enter(() => stream.requestProgress());
        this.after(watcher, WatchEvent.ask, ASK_MS * 1000);
        return;
      case WatchEvent.leave:
        if (!this.isClosing) this.leave(watcher);
        return;
    }
  }

  private connect(watcher: Watcher): void {
    const member = this.memberFor(watcher);
    const hub = member?.watches;
    if (member === undefined || hub === undefined) {
      this.connectAfter(watcher, RETRY_MS);
      return;
    }
    const { plan, view } = watcher;
    const connection = ++watcher.connection;
    watcher.member = member;
    watcher.takePending = false;
    member.runtime!.enter(() => {
      const stream = hub.open(() => this.ready(watcher, connection));
      watcher.stream = stream;
      stream.create({
        key: view.key ?? 'k',
        rangeEnd: view.key === undefined ? ALL_KEYS_END : '',
        startRevision: this.startOf(watcher, hub.revision),
        progressNotify: false,
        noPut: false,
        noDelete: false,
        prevKv: false,
        watchId: 0n,
        fragment: false,
      });
    });
    this.after(watcher, WatchEvent.ask, ASK_MS * 1000);
    if (plan.reconnectMs > 0) this.after(watcher, WatchEvent.leave, plan.reconnectMs * 1000);
  }

  private startOf({ plan, view }: Watcher, revision: number): number {
    if (view.next > 0) {
      this.parts.marks.hit('watch resumed');
      if (view.next <= revision) this.parts.marks.hit('watch fell behind');
      return view.next;
    }
    if (plan.from === 'now') return 0;
    view.next = plan.from === 'first' ? 1 : revision + AHEAD;
    return view.next;
  }

  private memberFor({ plan, connection }: Watcher): SimMember | undefined {
    const { members } = this.parts;
    for (let i = 0; i < members.length; i++) {
      const member = members[(plan.member - 1 + connection + i) % members.length]!;
      if (member.isUp && !member.isPaused && this.allowed.has(member)) return member;
    }
    return undefined;
  }

  private ready(watcher: Watcher, connection: number): void {
    if (connection !== watcher.connection || watcher.takePending) return;
    watcher.takePending = true;
    this.after(watcher, WatchEvent.take, watcher.takeMs * 1000 + WAY_US);
  }

  private take(watcher: Watcher, stream: WatchStream, connection: number): void {
    if (connection !== watcher.connection) return;
    watcher.takePending = false;
    for (;;) {
      const response = stream.take();
      if (response === undefined) return;
      this.received(watcher, response);
      if (connection !== watcher.connection) return;
      if (watcher.takeMs === 0) continue;
      this.ready(watcher, connection);
      return;
    }
  }

  private received(watcher: Watcher, response: WatchResponse): void {
    const { scheduler, trace, delivery, marks } = this.parts;
    const { view, member } = watcher;
    const { nowUs, events } = scheduler;
    const shown = response.events.length;
    trace.record(nowUs, events, TraceKind.watch, member!.id, view.id, response.revision, shown);
    delivery.received(view, member!.id, response);
    if (!response.canceled) return;
    if (response.compactRevision > 0) marks.hit('watch cancelled by compaction');
    this.leave(watcher);
  }

  private leave(watcher: Watcher): void {
    const { stream, member } = watcher;
    this.disconnect(watcher);
    if (stream !== undefined) member?.runtime?.enter(() => stream.close());
    this.connectAfter(watcher, RETRY_MS);
  }

  private disconnect(watcher: Watcher): void {
    watcher.connection++;
    watcher.stream = undefined;
    watcher.member = undefined;
  }

  private connectAfter(watcher: Watcher, ms: number): void {
    const jitterUs = this.parts.random.below(1000);
    this.after(watcher, WatchEvent.connect, ms * 1000 + jitterUs);
  }

  private after(watcher: Watcher, kind: number, delayUs: number): void {
    const { scheduler } = this.parts;
    scheduler.schedule(scheduler.nowUs + delayUs, this, kind, watcher.connection, watcher);
  }
}

/**
 * Clients that watch while others write: several, each at a random member with a random request
 * (one key or a range, from now, the past or the future, with previous values, filters, fragments
 * and progress), canceled, broken off and opened again all the time.
 *
 * What each watch delivered is recorded when nothing more can come of it. The last ones stay open
 * beyond the work: a watch that outlived the faults must in the end have shown everything.
 */
import { EtcdClient, FROM_KEY, type WatchInit, type WatchStream } from '../src/client';
import type {
  WatchEvent,
  WatchFilter,
  WatchLog,
  WatchRequest,
  WatchResponse,
} from '../src/history';
import type { Random } from './random';
import { everythingIn, keyIn, revisionIn, revisionInStore, type StoreScope } from './storeScope';
import type { Member, StoreAccess } from './target';
import { pause } from './wait';

export interface WatchClientsOptions {
  readonly members: readonly Member[];
  readonly access?: StoreAccess | undefined;
  readonly scope: StoreScope;
  /** The keys of the workload; none of them is a prefix of another one. */
  readonly keys: readonly string[];
  readonly random: Random;
  readonly count: number;
  /** Nanoseconds on the clock of the run. */
  readonly clock: () => number;
  readonly record: (log: WatchLog) => void;
}

type StreamResponse = Parameters<ConstructorParameters<typeof WatchStream>[1]['onResponse']>[0];

/** How long a stream lives on average, and the pause before the next one. */
const streamMs = 1_200;
const reopenMs = 50;
/** How far into the past and the future of the store a watch may begin. */
const pastMax = 200;
const futureMax = 20;
const watchesPerStreamMax = 3;

export class WatchClients {
  private readonly watchers: readonly Watcher[];
  private readonly stopped = new AbortController();
  private readonly running: Promise<unknown>;

  constructor(options: WatchClientsOptions) {
    this.watchers = Array.from(
      { length: options.count },
      (_, i) => new Watcher(options, i, this.stopped.signal),
    );
    this.running = Promise.all(this.watchers.map((watcher) => watcher.run()));
  }

  /** Opens no more streams; the last ones stay open. */
  async stop(): Promise<void> {
    this.stopped.abort();
    await this.running;
  }

  /** The watches that are still open, as far as they got. */
  open(): readonly WatchLog[] {
    return this.watchers.flatMap((watcher) => watcher.openLogs());
  }

  /** Why there were no watches at all, where the store has none. */
  get refusal(): string | undefined {
    return this.watchers.find(({ refusal }) => refusal !== undefined)?.refusal;
  }

  /** Records what is still open, and ends it. */
  close(): void {
    this.stopped.abort();
    for (const watcher of this.watchers) watcher.close();
  }
}

/** One watch of a stream. */
interface OpenWatch {
  readonly name: string;
  readonly request: WatchRequest;
  readonly call: number;
  readonly responses: WatchResponse[];
  id: bigint | undefined;
  created: number | undefined;
  isOver: boolean;
}

class Watcher {
  refusal: string | undefined;
  private readonly client: EtcdClient;
  private readonly random: Random;
  private stream: WatchStream | undefined;
  private watches: OpenWatch[] = [];
  private member = '';
  private opened = 0;
  /** The newest revision seen, and what a watch showed last, for one that goes on behind it. */
  private revision = 1;
  private last: { readonly request: WatchRequest; readonly rev: number } | undefined;
  /** The newest compaction that a refusal told of: the border is where stores go wrong. */
  private compacted = 0;
  private broken: () => void = () => undefined;

  constructor(
    private readonly options: WatchClientsOptions,
    private readonly index: number,
    private readonly stop: AbortSignal,
  ) {
    this.random = options.random.stream(`watcher ${index}`);
    const endpoints = options.members.map(({ clientUrl }) => clientUrl);
    this.client = new EtcdClient({ endpoints, ...options.access });
  }

  async run(): Promise<void> {
    while (!this.stop.aborted && this.refusal === undefined) {
      this.endStream();
      const ended = this.openStream();
      await this.live(ended);
      if (this.isStreamOver) await pause(this.random.around(reopenMs), this.stop);
    }
  }

  openLogs(): readonly WatchLog[] {
    return this.watches.filter(({ isOver, id }) => !isOver && id !== undefined).map(logOf(this));
  }

  close(): void {
    this.endStream();
    this.client.close();
  }

  private get isStreamOver(): boolean {
    return this.stream === undefined;
  }

  /** Asks for progress and cancels at random moments, until it is time for another stream. */
  private async live(ended: AbortSignal): Promise<void> {
    const { random } = this;
    const until = AbortSignal.any([ended, this.stop]);
    // Right behind the creation is where progress can overtake what is still to come.
    if (random.chance(0.3)) this.stream?.requestProgress();
    for (let left = random.around(streamMs); left > 0 && !until.aborted;) {
      const waitMs = random.around(streamMs / 6);
      left -= waitMs;
      await pause(waitMs, until);
      if (until.aborted) return;
      if (random.chance(0.3)) this.stream?.requestProgress();
      if (random.chance(0.1)) this.cancelOne();
    }
  }

  private cancelOne(): void {
    const open = this.watches.filter(({ isOver, id }) => !isOver && id !== undefined);
    if (open.length > 0) this.stream?.cancel(this.random.pick(open).id!);
  }

  private openStream(): AbortSignal {
    const { members, scope } = this.options;
    const ended = new AbortController();
    this.broken = () => ended.abort();
    const endpoint = this.random.integer(members.length);
    this.member = members[endpoint]!.name;
    const stream: WatchStream = this.client.watch(
      {
        onResponse: (response) => {
          if (stream === this.stream) this.take(response);
        },
        onEnd: ({ code, error }) => {
          if (stream !== this.stream) return;
          if (code === 'unimplemented') this.refusal = `${code}: ${error}`;
          this.stream = undefined;
          this.endStream();
          this.broken();
        },
      },
      { endpoint },
    );
    this.stream = stream;
    const count = 1 + this.random.integer(watchesPerStreamMax);
    for (let i = 0; i < count; i += 1) this.create(stream, scope);
    return ended.signal;
  }

  private create(stream: WatchStream, scope: StoreScope): void {
    const { random } = this;
    const isResumed = this.last !== undefined && random.chance(0.15);
    const request = isResumed
      ? { ...this.last!.request, revision: this.last!.rev + 1 }
      : this.draw();
    this.watches.push({
      ...{ name: `watcher ${this.index}.${this.opened++}`, request, call: this.options.clock() },
      ...{ responses: [], id: undefined, created: undefined, isOver: false },
    });
    const { filters = [], progressNotify = false, prevKv = false, revision = 0 } = request;
    const init: WatchInit = {
      ...this.inStore(scope, request),
      ...{ progressNotify, prevKv, startRevision: revisionInStore(scope, revision) },
      fragment: random.chance(0.2),
      without: filters.map((one) => (one === 'noput' ? 'put' : 'delete')),
    };
    stream.create(init);
  }

  private inStore(
    scope: StoreScope,
    { key, end }: WatchRequest,
  ): Pick<WatchInit, 'key' | 'rangeEnd'> {
    if (key === FROM_KEY) return everythingIn(scope);
    const from = { key: scope.keyPrefix + key };
    if (end === FROM_KEY) return { ...from, rangeEnd: everythingIn(scope).rangeEnd };
    return end === undefined ? from : { ...from, rangeEnd: scope.keyPrefix + end };
  }

  private draw(): WatchRequest {
    const { random, revision } = this;
    const { keys } = this.options;
    const at = random.integer(keys.length);
    const interval = random.weighted([
      [4, { key: keys[at]! }],
      [4, { key: FROM_KEY, end: FROM_KEY }],
      [2, { key: keys[at]!, end: keys[at + 2] ?? FROM_KEY }],
    ] as const);
    const from = random.weighted([
      [3, 0],
      [5, Math.max(1, revision - random.integer(pastMax))],
      [1, revision <= pastMax * 10 ? 1 : revision],
      [1, revision + 1 + random.integer(futureMax)],
      [this.compacted === 0 ? 0 : 2, this.compacted],
    ] as const);
    const filter = random.weighted<WatchFilter | undefined>([
      [8, undefined],
      [1, 'noput'],
      [1, 'nodelete'],
    ]);
    return {
      ...interval,
      ...(from === 0 ? {} : { revision: from }),
      ...(random.chance(0.5) ? { prevKv: true } : {}),
      ...(random.chance(0.3) ? { progressNotify: true } : {}),
      ...(filter === undefined ? {} : { filters: [filter] }),
    };
  }

  /** Watches are answered in the order they were asked for, each with an id of its own. */
  private take(response: StreamResponse): void {
    const { watchId, created, canceled } = response;
    const rev = revisionIn(this.options.scope, response.header?.revision ?? 0n);
    this.revision = Math.max(this.revision, rev);
    const waiting = this.watches.find(({ id, isOver }) => id === undefined && !isOver);
    if (created && waiting !== undefined) {
      waiting.id = watchId;
      if (rev > 0) waiting.created = rev;
      if (!canceled && response.events.length === 0) return;
    }
    const isForAll = watchId < 0n && !created;
    const isForOne = (one: OpenWatch): boolean => one.id === watchId;
    for (const watch of this.watches) {
      if (!isForAll && !isForOne(watch)) continue;
      // What comes behind the end of a watch is recorded: a rule looks for it.
      if (isForAll && (watch.isOver || watch.id === undefined)) continue;
      const shown = this.responseOf(response, rev);
      watch.responses.push(shown);
      if (canceled) watch.isOver = true;
      this.compacted = Math.max(this.compacted, shown.compacted ?? 0);
      const lastRev = shown.events.at(-1)?.rev;
      if (lastRev !== undefined) this.last = { request: watch.request, rev: lastRev };
    }
  }

  private responseOf(response: StreamResponse, rev: number): WatchResponse {
    const { events, canceled, created, compactRevision, fragment, cancelReason } = response;
    const { scope, clock } = this.options;
    const isProgress = events.length === 0 && !canceled && !created && !fragment;
    return {
      ...{ rev, time: clock(), events: events.flatMap((event) => eventOf(event, scope)) },
      ...(isProgress ? { isProgress } : {}),
      ...(fragment ? { isFragment: true } : {}),
      ...(canceled ? { isCanceled: true, error: cancelReason } : {}),
      ...(compactRevision > 0n ? { compacted: revisionIn(scope, compactRevision) } : {}),
    };
  }

  private endStream(): void {
    const { stream, watches } = this;
    this.stream = undefined;
    this.watches = [];
    stream?.close();
    for (const watch of watches) {
      if (watch.id !== undefined) this.options.record(logOf(this)(watch));
    }
  }

  get memberName(): string {
    return this.member;
  }
}

function logOf({ memberName: member }: Watcher): (watch: OpenWatch) => WatchLog {
  return ({ name, request, call, responses, created }) => ({
    ...{ name, member, call, request, responses },
    ...(created === undefined ? {} : { created }),
  });
}

/** The generated enum numbers a deletion 1. */
const deletion = 1;

function eventOf(
  { type, kv, prevKv }: StreamResponse['events'][number],
  scope: StoreScope,
): readonly WatchEvent[] {
  if (kv === undefined) return [];
  const stored = kv.key.toString('utf8');
  const key = keyIn(scope, stored) ?? stored;
  const rev = revisionIn(scope, kv.modRevision);
  const prev =
    prevKv === undefined
      ? {}
      : {
          prev: {
            value: prevKv.value.toString('utf8'),
            mod: revisionIn(scope, prevKv.modRevision),
            version: Number(prevKv.version),
          },
        };
  if (Number(type) === deletion) return [{ type: 'delete', key, rev, ...prev }];
  const create = revisionIn(scope, kv.createRevision);
  const version = Number(kv.version);
  const value = kv.value.toString('utf8');
  const isCreate = create === rev;
  return [{ type: 'put', key, value, rev, version, create, isCreate, ...prev }];
}

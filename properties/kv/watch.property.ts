/**
 * Watches: whatever clients do and however little they read, each watch gets exactly the events
 * of the naive model's history that it asked for, and every progress response is true.
 *
 * The consumers here behave as a server does: they take only after `onReady`, until there is
 * nothing, and pump only after `onPumpDue`, until nothing is due. So a missing call shows.
 */

import fc from 'fast-check';
import { NO_WATCH, StateMachine, WatchHub } from '../../src/kv';
import type { KeyCommand, KvEvent, WatchRequest, WatchResponse, WatchStream } from '../../src/kv';
import { bytesOfEvent } from '../../src/kv/history';
import { commands, keys, rangeEnds } from './commands';
import { inRange, NaiveModel } from './naiveModel';
import { show } from './show';

const STREAMS = 3;
const TOTAL_BYTES_MAX = 3000;

type Action =
  | { readonly do: 'apply'; readonly command: KeyCommand }
  /** Commands that arrive by snapshot: the hub hears of the result only. */
  | { readonly do: 'jump'; readonly commands: readonly KeyCommand[] }
  | { readonly do: 'create'; readonly stream: number; readonly request: WatchRequest }
  | { readonly do: 'cancel'; readonly stream: number; readonly id: bigint }
  | { readonly do: 'progress'; readonly stream: number }
  | { readonly do: 'take'; readonly stream: number; readonly count: number }
  | { readonly do: 'pump' }
  | { readonly do: 'notify' };

const streamNumbers = fc.nat(STREAMS - 1);
const requests: fc.Arbitrary<WatchRequest> = fc.record({
  key: keys,
  rangeEnd: rangeEnds,
  startRevision: fc.oneof(fc.constant(0), fc.integer({ min: -1, max: 25 })),
  progressNotify: fc.boolean(),
  noPut: fc.constantFrom(false, false, false, true),
  noDelete: fc.constantFrom(false, false, false, true),
  prevKv: fc.boolean(),
  watchId: fc.constantFrom(0n, 0n, 0n, 1n, 5n),
  fragment: fc.boolean(),
});

const actions: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 12,
    arbitrary: commands.map((command): Action => ({ do: 'apply', command })),
  },
  {
    weight: 1,
    arbitrary: fc
      .array(commands, { maxLength: 4 })
      .map((list): Action => ({ do: 'jump', commands: list })),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('create'),
      stream: streamNumbers,
      request: requests,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('cancel'),
      stream: streamNumbers,
      id: fc.constantFrom(0n, 1n, 2n, 5n),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('progress'), stream: streamNumbers }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('take'), stream: streamNumbers, count: fc.nat(4) }),
  },
  { weight: 3, arbitrary: fc.constant<Action>({ do: 'pump' }) },
  { weight: 1, arbitrary: fc.constant<Action>({ do: 'notify' }) },
);

/** One watch as its client sees it. */
interface Seen {
  readonly request: WatchRequest;
  /** The first revision that it must get. */
  readonly start: number;
  readonly events: { readonly revision: number; readonly text: string }[];
  /** Nothing at or before this may come any more. */
  past: number;
  inFragments: boolean;
}

class Client {
  ready = false;
  readonly stream: WatchStream;
  readonly seen = new Map<bigint, Seen>();
  /** Requests whose `created` response did not arrive yet, and the revision when they were made. */
  private readonly asked: { readonly request: WatchRequest; readonly at: number }[] = [];

  constructor(
    hub: WatchHub,
    private readonly model: NaiveModel,
  ) {
    this.stream = hub.open(() => {
      this.ready = true;
    });
  }

  create(request: WatchRequest): void {
    this.asked.push({ request, at: this.model.revision });
    this.stream.create(request);
  }

  take(max: number): void {
    for (let i = 0; i < max && this.ready; i++) {
      const response = this.stream.take();
      if (response === undefined) this.ready = false;
      else this.receive(response);
    }
  }

  /** What the watch must have got of the revisions up to `upTo`. */
  expected(seen: Seen, upTo: number): string[] {
    const { request, start } = seen;
    return this.model.events.flatMap((events, revision) =>
      revision < start || revision > upTo
        ? []
        : events
            .filter((event) => (event.type === 'put' ? !request.noPut : !request.noDelete))
            .filter((event) => inRange(event.kv.key, request.key || '\0', request.rangeEnd))
            .map((event) => show({ ...event, prevKv: undefined })),
    );
  }

  private receive(response: WatchResponse): void {
    if (response.created) return this.created(response);
    if (response.watchId === NO_WATCH) {
      for (const seen of this.seen.values()) this.progressed(seen, response.revision);
      return;
    }
    const seen = this.seen.get(response.watchId)!;
    expect(seen).toBeDefined();
    if (response.canceled) {
      this.canceled(seen, response);
      this.seen.delete(response.watchId);
    } else if (response.events.length === 0) {
      this.progressed(seen, response.revision);
      expect(seen.request.progressNotify).toBe(true);
    } else this.delivered(seen, response);
  }

  private created(response: WatchResponse): void {
    const { request, at } = this.asked.shift()!;
    if (response.canceled) {
      expect(response.watchId).toBe(NO_WATCH);
      expect(response.cancelReason).toMatch(/watcher range is empty|duplicate watch ID/);
      return;
    }
    if (request.watchId !== 0n) expect(response.watchId).toBe(request.watchId);
    expect(this.seen.has(response.watchId)).toBe(false);
    const start = request.startRevision === 0 ? at + 1 : request.startRevision;
    this.seen.set(response.watchId, {
      request,
      start,
      events: [],
      past: 0,
      inFragments: false,
    });
  }

  private delivered(seen: Seen, response: WatchResponse): void {
    const first = response.events[0]!.kv.modRevision;
    // A revision is never split over two responses, but for fragments of one.
    if (seen.inFragments) expect(first).toBeGreaterThanOrEqual(seen.past);
    else expect(first).toBeGreaterThan(seen.past);
    expect(response.fragment && !seen.request.fragment).toBe(false);
    for (const event of response.events) {
      const revision = event.kv.modRevision;
      expect(revision).toBeGreaterThanOrEqual(seen.past);
      expect(revision).toBeLessThanOrEqual(response.revision);
      seen.past = revision;
      seen.events.push({ revision, text: show({ ...event, prevKv: undefined }) });
      if (!seen.request.prevKv) expect(event.prevKv).toBeUndefined();
      else if (event.prevKv !== undefined) this.checkPrevKv(event.prevKv, revision, event.kv.key);
    }
    seen.inFragments = response.fragment;
    if (!response.fragment) seen.past = Math.max(seen.past, response.revision);
  }

  private checkPrevKv(prevKv: unknown, revision: number, key: string): void {
    const candidates = this.model.events[revision]!.filter((event) => event.kv.key === key);
    expect(candidates.map((event) => show(event.prevKv))).toContain(show(prevKv));
  }

  private progressed(seen: Seen, revision: number): void {
    expect(seen.inFragments).toBe(false);
    expect(revision).toBeGreaterThanOrEqual(seen.past);
    expect(seen.events.map(({ text }) => text)).toEqual(this.expected(seen, revision));
    seen.past = Math.max(seen.past, revision);
  }

  private canceled(seen: Seen, response: WatchResponse): void {
    // Whatever arrived is a beginning of what should have.
    const texts = seen.events.map(({ text }) => text);
    expect(this.expected(seen, Infinity).slice(0, texts.length)).toEqual(texts);
    expect(response.compactRevision).toBeLessThanOrEqual(Math.max(0, this.model.compacted));
  }
}

const bytesOfEvents = (events: readonly KvEvent[]): number =>
  events.reduce((sum, event) => sum + bytesOfEvent(event), 0);

class Bench {
  readonly machine = new StateMachine({ compactionChangesPerCommand: 1 });
  readonly model = new NaiveModel();
  readonly hub: WatchHub;
  readonly clients: readonly Client[];
  private pumpDue = false;
  private index = 0;

  constructor() {
    this.hub = new WatchHub(this.machine, {
      streamBytesMax: 900,
      streamEventsMax: 4,
      totalBytesMax: TOTAL_BYTES_MAX,
      fragmentBytes: 300,
      catchUpRevisions: 3,
      catchUpBytes: 500,
      catchUpWatchers: 2,
      onPumpDue: () => {
        this.pumpDue = true;
      },
    });
    this.clients = Array.from({ length: STREAMS }, () => new Client(this.hub, this.model));
  }

  act(action: Action): void {
    switch (action.do) {
      case 'apply': {
        const { revision, events } = this.apply(action.command);
        this.hub.publish(revision, events);
        break;
      }
      case 'jump':
        for (const command of action.commands) this.apply(command);
        this.hub.restored();
        break;
      case 'create':
        this.clients[action.stream]!.create(action.request);
        break;
      case 'cancel':
        this.clients[action.stream]!.stream.cancel(action.id);
        break;
      case 'progress':
        this.clients[action.stream]!.stream.requestProgress();
        break;
      case 'take':
        this.clients[action.stream]!.take(action.count);
        break;
      case 'pump':
        this.pump();
        break;
      case 'notify':
        this.hub.notifyProgress();
    }
    // A single response may be larger than what may wait in all.
    const largest = Math.max(...this.model.events.map(bytesOfEvents));
    expect(this.hub.waitingBytes).toBeLessThanOrEqual(Math.max(TOTAL_BYTES_MAX, 500 + largest));
  }

  /** Lets everybody read and catch up, and must come to an end. */
  settle(): void {
    for (let round = 0; round < 1000; round++) {
      this.pump();
      for (const client of this.clients) client.take(1000);
      if (!this.pumpDue && this.clients.every((client) => !client.ready)) return;
    }
    throw new Error('the watches do not settle');
  }

  private pump(): void {
    if (this.pumpDue) this.pumpDue = this.hub.pump();
  }

  private apply(command: KeyCommand) {
    this.model.apply(command);
    return this.machine.apply(command, ++this.index)!;
  }
}

describe('watches', () => {
  test('get exactly the history they asked for, and true progress', () => {
    fc.assert(
      fc.property(fc.array(actions, { maxLength: 80, size: 'max' }), (list) => {
        const bench = new Bench();
        for (const action of list) bench.act(action);
        bench.settle();
        for (const client of bench.clients) {
          for (const seen of client.seen.values()) {
            expect(seen.events.map(({ text }) => text)).toEqual(
              client.expected(seen, bench.model.revision),
            );
          }
        }
        expect(bench.hub.behindCount).toBe(0);
        expect(bench.hub.waitingBytes).toBe(0);
        for (const { stream } of bench.clients) {
          expect(stream.waitingBytes).toBe(0);
          stream.close();
        }
        expect(bench.hub.watcherCount).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  test('answer a progress request for every stream once all is read', () => {
    fc.assert(
      fc.property(fc.array(actions, { maxLength: 40, size: 'max' }), (list) => {
        const bench = new Bench();
        for (const action of list) bench.act(action);
        bench.settle();
        for (const client of bench.clients) {
          client.stream.requestProgress();
          expect(client.stream.take()).toMatchObject({
            watchId: NO_WATCH,
            revision: bench.machine.revision,
          });
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('a stream whose client does not read', () => {
  test('costs a bounded amount, however many there are', () => {
    const machine = new StateMachine();
    const totalBytesMax = 100_000;
    const hub = new WatchHub(machine, { streamBytesMax: 20_000, totalBytesMax });
    const request: WatchRequest = {
      key: '\0',
      rangeEnd: '\0',
      startRevision: 1,
      progressNotify: false,
      noPut: false,
      noDelete: false,
      prevKv: true,
      watchId: 0n,
      fragment: false,
    };
    const streams = Array.from({ length: 50 }, () => hub.open(() => undefined));
    for (const stream of streams) stream.create(request);
    let pumps = 0;
    for (let i = 1; i <= 300; i++) {
      const value = new Uint8Array(1000);
      const put = {
        key: `${i % 7}`,
        value,
        lease: 0n,
        prevKv: false,
        ignoreValue: false,
        ignoreLease: false,
      };
      const { revision, events } = machine.apply({ kind: 'put', request: put }, i)!;
      hub.publish(revision, events);
      while (hub.pump()) pumps++;
      expect(hub.waitingBytes).toBeLessThanOrEqual(totalBytesMax);
      for (const stream of streams) {
        expect(stream.waitingBytes).toBeLessThanOrEqual(20_000 + bytesOfEvents(events));
      }
    }
    // Nobody reads, so nobody catches up again and again.
    expect(pumps).toBeLessThan(1000);
    // The first of them reads on and gets everything.
    let got = 0;
    for (let round = 0; round < 10_000 && got < 300; round++) {
      const response = streams[0]!.take();
      got += response?.events.length ?? 0;
      if (response === undefined) hub.pump();
    }
    expect(got).toBe(300);
  });
});

/**
 * The log store against a plain array, on a disk that crashes. What a finished sync covered is
 * there after any power failure; of what came later a prefix of whole batches; nothing else.
 */
import fc from 'fast-check';
import type { ConfState, Entry, EntryType } from '../../src/raft/types';
import { StorageError } from '../../src/storage/errors';
import type { LogWork } from '../../src/storage/logStore';
import { LogStore } from '../../src/storage/logStore';
import type { ModelLog } from './logModel';
import {
  contentOf,
  describeEntries,
  describeLog,
  modelAppend,
  modelCompact,
  modelLast,
  modelTerm,
} from './logModel';
import { TestDisk } from './testDisk';

const CONF: ConfState = {
  voters: [1, 2, 3],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};
const TYPES: readonly EntryType[] = ['normal', 'change', 'changeV2'];

/** Numbers are taken modulo what is possible at that moment, so that shrinking stays valid. */
type Op =
  | { readonly op: 'append'; readonly back: number; readonly sizes: readonly number[] }
  | { readonly op: 'newTerm'; readonly vote: number; readonly commit: number }
  | { readonly op: 'install'; readonly ahead: number; readonly size: number }
  | { readonly op: 'snapshot'; readonly at: number }
  | { readonly op: 'compact'; readonly at: number }
  | { readonly op: 'sync' | 'step' | 'settle' | 'kill' | 'crash' }
  | { readonly op: 'read'; readonly low: number; readonly count: number; readonly bytes: number }
  | { readonly op: 'fail'; readonly what: 'append' | 'sync'; readonly code: string }
  | { readonly op: 'powerOff'; readonly after: number };

const small = fc.nat(20);
const size = fc.oneof(fc.nat(40), fc.nat(700), fc.constant(5000));
const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant('append' as const),
      back: fc.oneof(fc.constant(0), small),
      sizes: fc.array(size, { maxLength: 5 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('newTerm' as const), vote: fc.nat(3), commit: small }),
  },
  fc.record({ op: fc.constant('install' as const), ahead: small, size }),
  fc.record({ op: fc.constant('snapshot' as const), at: small }),
  fc.record({ op: fc.constant('compact' as const), at: small }),
  { weight: 4, arbitrary: fc.record({ op: fc.constant('sync' as const) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('step' as const) }) },
  fc.record({ op: fc.constantFrom('settle' as const, 'kill' as const) }),
  { weight: 2, arbitrary: fc.record({ op: fc.constant('crash' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('read' as const),
      low: small,
      count: small,
      bytes: fc.oneof(fc.nat(3000), fc.constant(Infinity)),
    }),
  },
  fc.record({
    op: fc.constant('fail' as const),
    what: fc.constantFrom('append' as const, 'sync' as const),
    code: fc.constantFrom('EIO', 'ENOSPC'),
  }),
  fc.record({ op: fc.constant('powerOff' as const), after: fc.nat(12) }),
);

/** The store, its model, and the states that a power failure may leave behind. */
class Run {
  private readonly disk: TestDisk;
  private store: LogStore;
  /** Possible states; the first is durable, the last is the present one. */
  private states: ModelLog[];
  private bytesWritten = 0;

  constructor(
    seed: number,
    private readonly segmentBytesMax: number,
    private readonly cacheBytesMax: number,
  ) {
    this.disk = new TestDisk(seed);
    this.store = this.open();
    this.states = [contentOf(this.store)];
  }

  private get now(): ModelLog {
    return this.states[this.states.length - 1]!;
  }

  do(step: Op): void {
    switch (step.op) {
      case 'append':
        return this.append(step.back, step.sizes);
      case 'newTerm': {
        const { hard } = this.now;
        const commit = Math.min(modelLast(this.now), hard.commit + step.commit);
        return this.write({ hard: { term: hard.term + 1, vote: step.vote, commit } });
      }
      case 'install':
        return this.install(step.ahead, step.size);
      case 'snapshot':
        return this.setSnapshot(step.at);
      case 'compact': {
        const index = this.now.baseIndex + step.at;
        return this.change(modelCompact(this.now, index), () => this.store.compact(index));
      }
      case 'sync':
        return this.sync();
      case 'step':
        this.disk.step();
        return;
      case 'settle':
        return this.disk.settle();
      case 'kill':
        return this.kill();
      case 'crash':
        this.disk.crash();
        this.disk.reopen();
        return this.reopen(this.states);
      case 'read':
        return this.read(step.low, step.count, step.bytes);
      case 'fail':
        return this.disk.failNext(step.what, step.code);
      case 'powerOff':
        return this.disk.powerOffAfter(step.after);
    }
  }

  check(): void {
    expect(this.store.cachedBytes).toBeLessThanOrEqual(this.cacheBytesMax);
    const bytes = this.now.entries.reduce((sum, entry) => sum + entry.data.length, 0);
    expect(this.store.retainedBytes).toBe(bytes);
    expect(this.store.lastIndex()).toBe(modelLast(this.now));
    expect(this.store.firstIndex()).toBe(this.now.baseIndex + 1);
    // The newest entries come from the cache, which every kind of change has to keep in step.
    this.read(Math.max(1, this.now.entries.length - 2), 3, Infinity);
  }

  /** Everything once more, from the disk alone, after a last power failure. */
  finish(): void {
    this.disk.crash();
    this.disk.reopen();
    this.reopen(this.states);
    this.disk.settle();
    this.kill();
  }

  /**
   * The page cache outlives the process, unless a sync failed; that may have been one of the
   * store's own, of a segment it closed, and then the store has to refuse work already.
   */
  private kill(): void {
    const { poisoned } = this.disk;
    if (poisoned) {
      expect(() => this.store.append({ hard: this.now.hard })).toThrow(StorageError);
    }
    this.disk.kill();
    this.reopen(poisoned ? this.states : [this.now]);
  }

  private open(): LogStore {
    return LogStore.open(this.disk, 'data/log', {
      bootstrap: CONF,
      segmentBytesMax: this.segmentBytesMax,
      cacheBytesMax: this.cacheBytesMax,
    });
  }

  private append(back: number, sizes: readonly number[]): void {
    const { now } = this;
    const lowest = Math.max(now.snapshot.index, now.hard.commit);
    const first = Math.max(lowest, modelLast(now) - back) + 1;
    const term = Math.max(1, now.hard.term);
    const hard = now.hard.term === 0 ? { term, vote: 0, commit: 0 } : undefined;
    const entries = sizes.map((length, i): Entry => {
      const data = new Uint8Array(length);
      for (let n = 0; n < length; n++) data[n] = this.bytesWritten++ * 7;
      return { term, index: first + i, type: TYPES[(length + i) % 3]!, data };
    });
    this.write({ hard, entries });
  }

  private install(ahead: number, length: number): void {
    const index = Math.max(this.now.hard.commit, this.now.baseIndex) + ahead + 1;
    const term = Math.max(1, this.now.hard.term);
    const conf = { ...CONF, learners: [ahead + 10] };
    const entry: Entry = { term, index: index + 1, type: 'normal', data: new Uint8Array(length) };
    this.write({
      snapshot: { index, term, conf },
      hard: { term, vote: 1, commit: index },
      entries: length % 2 === 0 ? [entry] : [],
    });
  }

  private setSnapshot(at: number): void {
    const { now } = this;
    const index = Math.min(modelLast(now), now.baseIndex + at);
    const metadata = { index, term: modelTerm(now, index)!, conf: { ...CONF, voters: [at] } };
    const next = index > now.snapshot.index ? { ...now, snapshot: metadata } : now;
    this.change(next, () => this.store.setSnapshot(metadata));
  }

  private write(work: LogWork): void {
    this.change(modelAppend(this.now, work), () => this.store.append(work));
  }

  /** A call that fails may have written all of its batch before the power went, or nothing. */
  private change(next: ModelLog, call: () => void): void {
    try {
      call();
      this.states.push(next);
    } catch (error) {
      this.afterFailure(error, next);
    }
  }

  private afterFailure(error: unknown, attempted: ModelLog): void {
    if (!(error instanceof StorageError)) throw error;
    expect(['EIO', 'ENOSPC', 'EPOWER']).toContain(error.code);
    expect(() => this.store.append({ hard: this.now.hard })).toThrow(error);
    expect(() => this.store.sync(() => undefined)).toThrow(error);
    if (error.code === 'EPOWER') {
      this.disk.reopen();
      this.reopen([...this.states, attempted]);
    } else {
      // Only the process ends: the half-written batch was cut, everything before it stays.
      this.disk.kill();
      this.reopen(this.states);
    }
  }

  private sync(): void {
    const covered = this.now;
    const { store } = this;
    const done = (error: unknown): void => {
      if (store !== this.store) return;
      if (error === undefined) {
        this.states.splice(0, Math.max(0, this.states.indexOf(covered)));
      } else {
        expect(() => store.append({ hard: this.now.hard })).toThrow(StorageError);
        this.disk.kill();
        this.reopen(this.states);
      }
    };
    try {
      store.sync(done);
    } catch (error) {
      this.afterFailure(error, this.now);
    }
  }

  /**
   * The store must hold one of these states. An injected failure may stop the first attempts;
   * after that, whatever was not durable may be lost as well.
   */
  private reopen(expected: readonly ModelLog[]): void {
    let possible = expected;
    for (;;) {
      try {
        this.store = this.open();
        break;
      } catch (error) {
        if (!(error instanceof StorageError) || error.code === 'CORRUPT') throw error;
        this.disk.reopen();
        this.disk.kill();
        possible = [...expected, ...this.states];
      }
    }
    const content = contentOf(this.store);
    expect(possible.map(describeLog)).toContain(describeLog(content));
    this.states = [content];
  }

  private read(lowBy: number, count: number, bytesMax: number): void {
    const { now } = this;
    const low = now.baseIndex + lowBy;
    const high = low + count;
    let found: readonly Entry[] | undefined;
    try {
      found = this.store.entries(low, high, bytesMax);
    } catch (error) {
      // The power went while a segment was removed in the background; the read is who notices.
      if (!(error instanceof StorageError)) throw error;
      expect(error.code).toBe('EPOWER');
      this.disk.reopen();
      return this.reopen(this.states);
    }
    if (low <= now.baseIndex || high > modelLast(now) + 1) {
      expect(found).toBeUndefined();
      return;
    }
    let bytes = 0;
    const wanted = now.entries
      .slice(low - now.baseIndex - 1, high - now.baseIndex - 1)
      .filter((entry, i) => (bytes += entry.data.length) <= bytesMax || i === 0);
    expect(found && describeEntries(found)).toBe(describeEntries(wanted));
    for (const { index, term } of wanted) expect(this.store.term(index)).toBe(term);
  }
}

describe('a log store on a disk that crashes', () => {
  test('holds what a model of it may hold, after every step and every restart', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.constantFrom(200, 1500, 20_000),
        fc.constantFrom(0, 600, 4000, 100_000),
        fc.array(op, { maxLength: 60, size: 'max' }),
        (seed, segmentBytesMax, cacheBytesMax, ops) => {
          const run = new Run(seed, segmentBytesMax, cacheBytesMax);
          for (const step of ops) {
            run.do(step);
            run.check();
          }
          run.finish();
        },
      ),
      { numRuns: 300 },
    );
  });
});

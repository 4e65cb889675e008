/**
 * Cases of the log store worth a name; the rest is held by properties/storage. All of them run on
 * the simulated disk with a scheduler that the test drives.
 */
import { TestDisk } from '../../properties/storage/testDisk';
import type { Entry } from '../raft/types';
import type { DiskError } from './disk';
import { LogStore } from './logStore';

const CONF = {
  voters: [1, 2, 3],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

function entry(index: number, term = 1, bytes = 10): Entry {
  return { index, term, type: 'normal', data: new Uint8Array(bytes).fill(index) };
}

function entries(low: number, high: number, bytes = 10): Entry[] {
  return Array.from({ length: high - low }, (_, i) => entry(low + i, 1, bytes));
}

const HARD = { term: 1, vote: 1, commit: 0 };

function syncs(disk: TestDisk, store: LogStore): DiskError | undefined {
  let outcome: DiskError | undefined;
  store.sync((error) => (outcome = error));
  disk.settle();
  return outcome;
}

describe('a new log', () => {
  test('has the membership it was given and nothing else, durably', () => {
    const disk = new TestDisk(1);
    const store = LogStore.open(disk, 'log', { bootstrap: CONF });
    expect(store.initialState()).toEqual({
      hard: { term: 0, vote: 0, commit: 0 },
      conf: CONF,
      confIndex: 0,
    });
    expect([store.firstIndex(), store.lastIndex(), store.term(0)]).toEqual([1, 0, 0]);
    expect(store.snapshot()).toBeUndefined();
    expect(store.entries(1, 1, 100)).toEqual([]);
    disk.crash();
    disk.reopen();
    // The membership is the log's from now on, not the option's.
    expect(LogStore.open(disk, 'log').initialState().conf).toEqual(CONF);
  });

  test('of a member that joins has no voters', () => {
    const { conf } = LogStore.open(new TestDisk(1), 'log').initialState();
    expect(conf.voters).toEqual([]);
  });

  test('whose first segment never became durable begins again', () => {
    const disk = new TestDisk(3);
    for (let calls = 0; calls < 8; calls++) {
      disk.powerOffAfter(calls);
      try {
        LogStore.open(disk, 'log', { bootstrap: CONF });
      } catch (error) {
        expect((error as DiskError).code).toBe('EPOWER');
      }
      disk.reopen();
      disk.kill();
    }
    expect(LogStore.open(disk, 'log', { bootstrap: CONF }).initialState().conf).toEqual(CONF);
  });
});

describe('group commit', () => {
  test('one sync covers every append before it, and those who ask meanwhile share the next', () => {
    const disk = new TestDisk(1);
    const store = LogStore.open(disk, 'log');
    const heard: string[] = [];
    store.append({ hard: HARD, entries: [entry(1)] });
    store.sync(() => heard.push('one'));
    store.append({ entries: [entry(2)] });
    store.sync(() => heard.push('two'));
    store.sync(() => heard.push('three'));
    expect(heard).toEqual([]);
    disk.step();
    expect(heard).toEqual(['one']);
    disk.step();
    expect(heard).toEqual(['one', 'two', 'three']);
    expect(disk.step()).toBe(false);
  });
});

describe('a store whose disk fails', () => {
  test('tells everybody who waits for a sync, and refuses all work with the same error', () => {
    const disk = new TestDisk(1);
    const store = LogStore.open(disk, 'log');
    store.append({ hard: HARD, entries: [entry(1)] });
    const heard: unknown[] = [];
    disk.failNext('sync', 'EIO');
    store.sync((error) => heard.push(error));
    store.sync((error) => heard.push(error));
    disk.settle();
    expect(heard).toHaveLength(2);
    expect(heard[0]).toBe(heard[1]);
    for (const call of [
      () => store.append({ entries: [entry(2)] }),
      () => store.sync(() => undefined),
      () => store.compact(1),
      () => store.setSnapshot({ index: 1, term: 1, conf: CONF }),
    ]) {
      expect(call).toThrow(heard[0] as Error);
    }
    expect(store.entries(1, 2, 100)).toEqual([entry(1)]);
  });

  test('cuts a half-written batch off when the disk is full, and serves the rest again', () => {
    const disk = new TestDisk(2);
    const store = LogStore.open(disk, 'log');
    store.append({ hard: HARD, entries: [entry(1)] });
    const { bytes } = store;
    disk.capacityBytes = disk.usedBytes + 100;
    expect(() => store.append({ entries: entries(2, 5, 1000) })).toThrow('ENOSPC');
    expect(store.bytes).toBe(bytes);
    expect(store.lastIndex()).toBe(1);
    store.close();
    disk.capacityBytes = Infinity;
    const again = LogStore.open(disk, 'log');
    again.append({ entries: [entry(2)] });
    expect(again.entries(1, 3, 1000)).toEqual([entry(1), entry(2)]);
  });

  test('closed under a sync, it still tells who waits', () => {
    const disk = new TestDisk(1);
    const store = LogStore.open(disk, 'log');
    const heard: (string | undefined)[] = [];
    store.append({ hard: HARD });
    store.sync((error) => heard.push(error?.code));
    store.sync((error) => heard.push(error?.code));
    store.close();
    disk.settle();
    expect(heard).toEqual([undefined, 'CLOSED']);
    expect(() => store.append({ hard: HARD })).toThrow('log is closed');
  });
});

describe('a store keeps its caller to the contract', () => {
  const cases: readonly (readonly [string, Parameters<LogStore['append']>[0], string])[] = [
    ['a gap', { entries: [entry(5)] }, 'entry 5 does not follow 3'],
    ['a gap within', { entries: [entry(4), entry(6)] }, 'entry 6 does not follow 4'],
    ['a term nobody voted in', { entries: [entry(4, 2)] }, 'term 2, not in 1..1'],
    ['a term that goes back', { hard: { term: 0, vote: 0, commit: 0 } }, 'back to 0'],
    ['a commit past the end', { hard: { ...HARD, commit: 9 } }, 'past the last entry 3'],
    ['entries a snapshot covers', { entries: [entry(2)] }, 'not after the snapshot at 2'],
  ];
  test.each(cases)('%s', (_, work, text) => {
    const store = LogStore.open(new TestDisk(1), 'log');
    store.append({ hard: HARD, entries: entries(1, 4) });
    store.setSnapshot({ index: 2, term: 1, conf: CONF });
    const { bytes } = store;
    expect(() => store.append(work)).toThrow(text);
    expect(store.bytes).toBe(bytes);
    store.append({ entries: [entry(4)] });
    expect(store.lastIndex()).toBe(4);
  });

  test('a snapshot past the end is no snapshot of this log', () => {
    const store = LogStore.open(new TestDisk(1), 'log');
    expect(() => store.setSnapshot({ index: 1, term: 1, conf: CONF })).toThrow('past the last');
  });
});

describe('compaction', () => {
  function filled(): [TestDisk, LogStore] {
    const disk = new TestDisk(1);
    const store = LogStore.open(disk, 'log', { segmentBytesMax: 1000, cacheBytesMax: 500 });
    for (let i = 1; i <= 100; i++) {
      store.append({ hard: { ...HARD, commit: i - 1 }, entries: [entry(i, 1, 50)] });
      expect(syncs(disk, store)).toBeUndefined();
    }
    return [disk, store];
  }

  test('stops at the newest snapshot', () => {
    const [, store] = filled();
    store.compact(50);
    expect(store.firstIndex()).toBe(1);
    store.setSnapshot({ index: 20, term: 1, conf: CONF });
    store.compact(50);
    expect([store.firstIndex(), store.term(20), store.term(19)]).toEqual([21, 1, undefined]);
    expect(store.entries(20, 22, 100)).toBeUndefined();
    expect(store.entries(21, 22, 100)).toEqual([entry(21, 1, 50)]);
  });

  test('removes segments once its record is durable, and the rest is whole without them', () => {
    const [disk, store] = filled();
    const { bytes } = store;
    const count = disk.paths().length;
    store.setSnapshot({ index: 90, term: 1, conf: CONF });
    store.compact(90);
    expect(disk.paths().length).toBeGreaterThanOrEqual(count);
    disk.settle();
    expect(disk.paths().length).toBeLessThan(count / 2);
    expect(store.bytes).toBeLessThan(bytes / 2);
    expect(store.retainedBytes).toBe(10 * 50);
    disk.crash();
    disk.reopen();
    const again = LogStore.open(disk, 'log', { segmentBytesMax: 1000 });
    expect(again.entries(91, 101, Infinity)).toEqual(entries(91, 101, 50));
    expect(again.snapshot()).toEqual({ index: 90, term: 1, conf: CONF });
  });

  test('an old segment that a power failure brought back alone does no harm', () => {
    const [disk, store] = filled();
    const oldest = disk.paths()[0]!;
    const bytes = disk.bytesOf(oldest);
    store.setSnapshot({ index: 90, term: 1, conf: CONF });
    store.compact(90);
    disk.settle();
    store.close();
    disk.create(oldest).append(bytes);
    const again = LogStore.open(disk, 'log', { segmentBytesMax: 1000 });
    expect(again.entries(91, 101, Infinity)).toEqual(entries(91, 101, 50));
    expect(disk.paths()).not.toContain(oldest);
  });

  test('a window is counted from the end in entries and bytes, whichever is less', () => {
    const [, store] = filled();
    expect(store.windowStart(10, Infinity)).toBe(90);
    expect(store.windowStart(Infinity, 500)).toBe(90);
    expect(store.windowStart(Infinity, 499)).toBe(91);
    expect(store.windowStart(0, 0)).toBe(100);
    expect(store.windowStart(1000, 1e9)).toBe(0);
  });
});

describe('memory', () => {
  test('is bounded by bytes whatever the entries are, and reads go to the disk beyond', () => {
    const disk = new TestDisk(1);
    const cacheBytesMax = 20_000;
    const store = LogStore.open(disk, 'log', { cacheBytesMax });
    store.append({ hard: HARD });
    const sizes = [0, 5000, 19_000, 30_000, 1, 0, 0, 9000];
    for (let i = 1; i <= 400; i++) {
      store.append({ entries: [entry(i, 1, sizes[i % sizes.length])] });
      expect(store.cachedBytes).toBeLessThanOrEqual(cacheBytesMax);
    }
    for (const index of [1, 200, 399]) {
      const [found] = store.entries(index, index + 1, 0)!;
      expect(found).toEqual(entry(index, 1, sizes[index % sizes.length]));
    }
    const some = store.entries(1, 401, 40_000)!;
    expect(some.reduce((sum, { data }) => sum + data.length, 0)).toBeLessThanOrEqual(40_000);
  });
});

/**
 * Every way to damage a small log, one by one: cut at each byte, each byte changed, each record
 * put where another one belongs. The store may then give a prefix of what was written, cut at a
 * place no sync vouches for, or refuse and name the file. It never gives anything else.
 */
import type { Entry } from '../../src/raft/types';
import { CorruptionError } from '../../src/storage/errors';
import { LogStore } from '../../src/storage/logStore';
import type { ModelLog } from './logModel';
import { contentOf, describeLog, modelAppend, modelCompact } from './logModel';
import { TestDisk } from './testDisk';

const CONF = {
  voters: [1, 2, 3],
  learners: [4],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

interface SmallLog {
  readonly disk: TestDisk;
  /** States after each batch, in order; those up to `durable` are vouched for by a later one. */
  readonly states: readonly ModelLog[];
  readonly durable: number;
}

function entry(index: number, term: number, length: number): Entry {
  return { index, term, type: 'normal', data: new Uint8Array(length).fill(index) };
}

/** Three segments: votes, entries, a conflict, a snapshot, a compaction, then an unsynced tail. */
function smallLog(): SmallLog {
  const disk = new TestDisk(5);
  const store = LogStore.open(disk, 'log', { bootstrap: CONF, segmentBytesMax: 700 });
  const states = [contentOf(store)];
  const write = (work: Parameters<LogStore['append']>[0]): void => {
    store.append(work);
    states.push(modelAppend(states[states.length - 1]!, work));
  };
  const sync = (): void => {
    store.sync(() => undefined);
    disk.settle();
  };
  write({ hard: { term: 1, vote: 2, commit: 0 } });
  write({ entries: [entry(1, 1, 20), entry(2, 1, 3), entry(3, 1, 200)] });
  sync();
  write({ hard: { term: 2, vote: 1, commit: 2 }, entries: [entry(3, 2, 100)] });
  sync();
  write({ entries: [entry(4, 2, 0), entry(5, 2, 50)] });
  store.setSnapshot({ index: 3, term: 2, conf: CONF });
  states.push({ ...states[states.length - 1]!, snapshot: { index: 3, term: 2, conf: CONF } });
  sync();
  write({ entries: [entry(6, 2, 120)] });
  sync();
  // The entries of the first segment are needed still: nothing is removed by this.
  store.compact(1);
  states.push(modelCompact(states[states.length - 1]!, 1));
  sync();
  const durable = states.length - 1;
  write({ entries: [entry(7, 2, 40)] });
  write({ hard: { term: 3, vote: 3, commit: 6 }, entries: [entry(8, 3, 10), entry(9, 3, 10)] });
  store.close();
  disk.kill();
  return { disk, states, durable };
}

/** Which state a damaged log comes back in, or the refusal. */
function outcomeOf(disk: TestDisk, states: readonly ModelLog[]): number | CorruptionError {
  let store: LogStore;
  try {
    store = LogStore.open(disk, 'log', { bootstrap: CONF, segmentBytesMax: 700 });
  } catch (error) {
    if (error instanceof CorruptionError) return error;
    throw error;
  }
  const found = describeLog(contentOf(store));
  store.close();
  return states.findIndex((state) => describeLog(state) === found);
}

describe('a small log, damaged in every possible way', () => {
  const { disk, states, durable } = smallLog();
  const paths = disk.paths();
  const intact = new Map(paths.map((path) => [path, disk.bytesOf(path)]));

  function damaged(path: string, bytes: Uint8Array): number | CorruptionError {
    // Opening may remove or cut files, so everything is put back first.
    for (const [name, content] of intact) {
      if (!disk.exists(name)) disk.create(name);
      disk.replaceBytes(name, name === path ? bytes : content);
    }
    disk.kill();
    const found = new Map(disk.paths().map((name) => [name, disk.bytesOf(name)]));
    const outcome = outcomeOf(disk, states);
    if (outcome instanceof CorruptionError) {
      // A refused log is evidence: it stays as it was found.
      expect(disk.paths()).toEqual([...found.keys()]);
      for (const [name, content] of found) {
        if (Buffer.compare(disk.bytesOf(name), content) !== 0) throw new Error(`${name} changed`);
      }
    }
    return outcome;
  }

  const last = paths[paths.length - 1]!;

  test('is whole as it stands, in several segments', () => {
    expect(paths.length).toBeGreaterThanOrEqual(2);
    expect(damaged(last, intact.get(last)!)).toBe(states.length - 1);
  });

  test.each(paths.map((path) => [path]))('%s, cut at each byte', (path) => {
    const bytes = intact.get(path)!;
    for (let length = 0; length < bytes.length; length++) {
      const outcome = damaged(path, bytes.slice(0, length));
      if (path !== last) expect(outcome).toBeInstanceOf(CorruptionError);
      // Cutting a synced end off leaves no witness of it: a prefix is all that can be asked.
      else if (!(outcome instanceof CorruptionError)) expect(outcome).toBeGreaterThanOrEqual(0);
    }
  });

  test.each(paths.map((path) => [path]))('%s, each byte changed', (path) => {
    const bytes = intact.get(path)!;
    const outcomes = new Set<string>();
    for (let at = 0; at < bytes.length; at++) {
      for (const change of [0x01, 0x80, 0xff]) {
        const copy = bytes.slice();
        copy[at]! ^= change;
        const outcome = damaged(path, copy);
        if (outcome instanceof CorruptionError) {
          expect(outcome.path).toContain('log/');
          outcomes.add('refused');
          continue;
        }
        // Only what no later record vouches for may be cut.
        expect(outcome).toBeGreaterThanOrEqual(durable);
        expect(path).toBe(last);
        outcomes.add(`state ${outcome}`);
      }
    }
    expect(outcomes.has('refused')).toBe(true);
    if (path === last) expect(outcomes.size).toBe(states.length - durable);
  });

  test('a sector written to another place is noticed', () => {
    const bytes = intact.get(last)!;
    for (let from = 0; from + 64 <= bytes.length; from += 16) {
      for (let to = 0; to + 64 <= bytes.length; to += 48) {
        if (from === to) continue;
        const copy = bytes.slice();
        copy.copyWithin(to, from, from + 64);
        const outcome = damaged(last, copy);
        if (!(outcome instanceof CorruptionError)) expect(outcome).toBeGreaterThanOrEqual(durable);
      }
    }
  });

  test('a missing segment is noticed, and so is one under another’s name', () => {
    for (const path of paths.slice(0, -1)) {
      damaged(last, intact.get(last)!);
      disk.remove(path);
      const left = disk.paths();
      expect(outcomeOf(disk, states)).toBeInstanceOf(CorruptionError);
      expect(disk.paths()).toEqual(left);
      damaged(last, intact.get(last)!);
      expect(damaged(path, intact.get(last)!)).toBeInstanceOf(CorruptionError);
    }
  });

  test('an entry damaged while the store is open is not handed out', () => {
    damaged(last, intact.get(last)!);
    const store = LogStore.open(disk, 'log', { cacheBytesMax: 0 });
    const bytes = disk.bytesOf(last);
    for (let at = 0; at < bytes.length; at++) {
      disk.flipBit(last, at, 3);
      try {
        const found = store.entries(store.firstIndex(), store.lastIndex() + 1, Infinity)!;
        const wanted = states[states.length - 1]!.entries;
        expect(found).toEqual(wanted);
      } catch (error) {
        expect(error).toBeInstanceOf(CorruptionError);
      }
      disk.flipBit(last, at, 3);
    }
    store.close();
  });
});

test('a record written in the place of another of its size and kind is noticed', () => {
  const disk = new TestDisk(1);
  const store = LogStore.open(disk, 'log', { bootstrap: CONF });
  store.append({
    hard: { term: 1, vote: 1, commit: 0 },
    entries: [1, 2, 3].map((i) => entry(i, 1, 0)),
  });
  const places: number[] = [];
  for (const commit of [1, 2, 3]) {
    places.push(store.bytes);
    store.append({ hard: { term: 1, vote: 1, commit } });
    store.sync(() => undefined);
    disk.settle();
  }
  const length = store.bytes - places[2]!;
  store.close();
  const [path] = disk.paths();
  const bytes = disk.bytesOf(path!);
  // The commit index of the first stands where the second was: nothing else looks wrong.
  bytes.copyWithin(places[1]!, places[0]!, places[0]! + length);
  disk.replaceBytes(path!, bytes);
  expect(() => LogStore.open(disk, 'log')).toThrow(CorruptionError);
});

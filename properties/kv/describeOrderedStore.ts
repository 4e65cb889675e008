/**
 * The behaviour that every ordered store has, as one suite for all of them:
 * `describeOrderedStore('MemoryStore', () => new MemoryStore())` in a test file.
 *
 * Examples first, for the corners; then random batches and reads against a sorted array. A store
 * that survives its process passes `describeDurability` as well.
 */

import fc from 'fast-check';
import type { Durability, OrderedReader, OrderedStore, StoreEntry, StoreOp } from '../../src/kv';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

const set = (key: string, ...value: number[]): StoreOp => ({ key, value: bytes(...value) });
const unset = (key: string): StoreOp => ({ key, value: undefined });

type Row = readonly [key: string, value: readonly number[]];

const row = ({ key, value }: StoreEntry): Row => [key, [...value]];

function rowsOf(
  reader: OrderedReader,
  from = '',
  to: string | undefined = undefined,
  back = false,
  max = Infinity,
): Row[] {
  const rows: Row[] = [];
  reader[back ? 'scanBack' : 'scan'](from, to, (key, value) => {
    rows.push(row({ key, value }));
    return rows.length < max;
  });
  if (!back) expect(loadedRowsOf(reader, from, to, max)).toEqual(rows);
  return rows;
}

/** The same rows by way of their keys. */
function loadedRowsOf(
  reader: OrderedReader,
  from: string,
  to: string | undefined,
  max: number,
): Row[] {
  const rows: Row[] = [];
  reader.scanKeys(from, to, (key, load) => {
    rows.push(row({ key, value: load() }));
    return rows.length < max;
  });
  return rows;
}

/** Keys that share prefixes, with bytes at both ends of the range. */
const keys = fc.string({
  unit: fc.constantFrom('\0', '\x01', 'a', 'b', '\x7f', '\x80', '\xff'),
  minLength: 1,
  maxLength: 4,
});
const values = fc.uint8Array({ maxLength: 3 });
const ops = fc.record({ key: keys, value: fc.option(values, { nil: undefined }) });

export function describeOrderedStore(
  name: string,
  make: () => OrderedStore | Promise<OrderedStore>,
  runs = 200,
): void {
  describe(name, () => {
    let store: OrderedStore;
    beforeEach(async () => {
      store = await make();
    });
    afterEach(() => store.close());

    test('is empty at first', () => {
      expect(store.size).toBe(0);
      expect(store.get('a')).toBeUndefined();
      expect(store.ceiling('')).toBeUndefined();
      expect(store.floor('\xff')).toBeUndefined();
      expect(rowsOf(store)).toEqual([]);
      expect(rowsOf(store, '', undefined, true)).toEqual([]);
    });

    test('orders keys by their bytes', () => {
      store.batch([set('b', 1), set('a\0', 2), set('\xff', 3), set('a', 4), set('\x7f', 5)]);
      expect(rowsOf(store).map(([key]) => key)).toEqual(['a', 'a\0', 'b', '\x7f', '\xff']);
    });

    test('carries the operations of a batch out in order', () => {
      store.batch([set('a', 1), unset('a'), set('b', 1), set('b', 2), unset('absent')]);
      expect(rowsOf(store)).toEqual([['b', [2]]]);
      expect(store.size).toBe(1);
    });

    test('tells an empty value from no value', () => {
      store.batch([set('a')]);
      expect(store.get('a')).toEqual(bytes());
      expect(store.get('b')).toBeUndefined();
    });

    test('keeps a value as it is when the next one is read', () => {
      store.batch([set('a', 1, 2, 3), set('b', 4, 5, 6)]);
      const first = store.get('a');
      store.get('b');
      store.batch([set('a', 9, 9, 9)]);
      expect(first).toEqual(bytes(1, 2, 3));
    });

    test('scans nothing in an empty or inverted range', () => {
      store.batch([set('a', 1), set('b', 2)]);
      for (const back of [false, true]) {
        expect(rowsOf(store, 'a', 'a', back)).toEqual([]);
        expect(rowsOf(store, 'b', 'a', back)).toEqual([]);
        expect(rowsOf(store, 'c', undefined, back)).toEqual([]);
      }
    });

    test('shows a view what was there when it was taken', () => {
      store.batch([set('a', 1), set('b', 2)]);
      const view = store.view();
      store.batch([set('a', 9), unset('b'), set('c', 3)]);
      expect(rowsOf(view)).toEqual([
        ['a', [1]],
        ['b', [2]],
      ]);
      expect(view.ceiling('b\0')).toBeUndefined();
      view.release();
      view.release();
      expect(rowsOf(store)).toEqual([
        ['a', [9]],
        ['c', [3]],
      ]);
    });

    test('refuses to read from a released view', () => {
      const view = store.view();
      view.release();
      expect(() => view.get('a')).toThrow();
    });

    test('behaves as a sorted array of entries does', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(ops, { maxLength: 12 }), { maxLength: 12 }),
          fc.array(fc.tuple(keys, fc.option(keys, { nil: undefined }), fc.nat(5)), {
            minLength: 1,
            maxLength: 8,
          }),
          fc.nat(11),
          async (batches, reads, viewAt) => {
            const own = await make();
            const model = new Map<string, Uint8Array>();
            let frozen: readonly Row[] = [];
            let view = own.view();
            batches.forEach((batch, i) => {
              own.batch(batch);
              applyTo(model, batch);
              if (i !== viewAt) return;
              view.release();
              view = own.view();
              frozen = sortedRows(model);
            });
            expect(own.size).toBe(model.size);
            compareReads(own, sortedRows(model), reads);
            compareReads(view, frozen, reads);
            view.release();
            own.close();
          },
        ),
        { numRuns: runs },
      );
    });

    test('has no limit on the length of keys', () => {
      const long = (tail: string): string => 'x'.repeat(5000) + tail;
      store.batch([
        set(long('b'), 2),
        set(long(''), 1),
        set('x', 0),
        set(long('b\0'), 3),
        set('y', 4),
      ]);
      store.batch([set(long('\xff'.repeat(5000)), 5), set('x'.repeat(4999) + 'y', 6)]);
      expect(rowsOf(store).map(([, value]) => value[0])).toEqual([0, 1, 2, 3, 5, 6, 4]);
      expect(rowsOf(store, long('b'), long('c'), true).map(([, value]) => value[0])).toEqual([
        3, 2,
      ]);
      expect(store.get(long('b'))).toEqual(bytes(2));
      expect(store.get(long('a'))).toBeUndefined();
      expect(store.floor(long('a'))).toEqual({ key: long(''), value: bytes(1) });
      expect(store.ceiling(long('c'))?.value).toEqual(bytes(5));
      store.batch([unset(long('')), unset(long('b')), unset(long('absent'))]);
      expect(rowsOf(store).map(([, value]) => value[0])).toEqual([0, 3, 5, 6, 4]);
      expect(store.size).toBe(5);
    });

    test('keeps large values', () => {
      const large = new Uint8Array(3 * 2 ** 20).map((_, i) => i % 251);
      store.batch([{ key: 'large', value: large }, set('small', 1)]);
      expect(Buffer.compare(store.get('large')!, large)).toBe(0);
      expect(store.get('small')).toEqual(bytes(1));
    });

    test('finds its way in many entries, and with many of them removed', () => {
      const key = (i: number): string => String.fromCharCode(i >> 8, i & 0xff);
      const count = 5000;
      const all = Array.from({ length: count }, (_, i) => (i * 7919) % count);
      store.batch(all.map((i) => set(key(i), i & 0xff)));
      const view = store.view();
      store.batch(all.filter((i) => i % 10 !== 3).map((i) => unset(key(i))));
      expect(store.size).toBe(count / 10);
      expect(store.ceiling(key(4))).toEqual({ key: key(13), value: bytes(13) });
      expect(store.floor(key(12))).toEqual({ key: key(3), value: bytes(3) });
      expect(rowsOf(store)).toHaveLength(count / 10);
      expect(rowsOf(view)).toHaveLength(count);
      expect(rowsOf(view, '', undefined, true, 2).map(([last]) => last)).toEqual([
        key(count - 1),
        key(count - 2),
      ]);
      view.release();
    });
  });
}

/** One data directory, real or simulated, and the processes that use it one after the other. */
export interface StoreHome {
  /** A new process opens what the last one left; the last one is gone without a word. */
  restart(): Promise<OrderedStore>;
  /** An empty store beside the one that a restart finds. */
  beside(): OrderedStore;
  /** Lets transactions that are under way finish. */
  settle(): Promise<void>;
  remove(): void | Promise<void>;
}

/** What a store whose batches become durable owes its owner. */
export function describeDurability(name: string, makeHome: () => StoreHome, runs = 60): void {
  describe(`${name}, over restarts`, () => {
    let home: StoreHome;
    beforeEach(() => (home = makeHome()));
    afterEach(() => home.remove());

    /** The store's durability; every store in here has one. */
    const lasting = (store: OrderedStore): Durability => {
      if (store.durability === undefined) throw new Error(`${name} has no durability`);
      return store.durability;
    };

    async function synced(store: OrderedStore): Promise<void> {
      let outcome: unknown = 'pending';
      lasting(store).sync((error) => (outcome = error));
      // Never before the call returns.
      expect(outcome).toBe('pending');
      await home.settle();
      expect(outcome).toBeUndefined();
    }

    test('keeps what was synced and loses the rest, batch by batch', async () => {
      let store = await home.restart();
      store.batch([set('a', 1), set('b', 1)]);
      await synced(store);
      store.batch([set('a', 2), unset('b'), set('c', 2)]);
      expect(rowsOf(store)).toEqual([
        ['a', [2]],
        ['c', [2]],
      ]);
      store = await home.restart();
      expect(rowsOf(store)).toEqual([
        ['a', [1]],
        ['b', [1]],
      ]);
      expect(store.size).toBe(2);
    });

    test('may be synced in place', async () => {
      const store = await home.restart();
      store.batch([set('a', 1), set('b', 1)]);
      lasting(store).syncNow();
      store.batch([unset('a')]);
      lasting(store).syncNow();
      store.batch([unset('b')]);
      expect(rowsOf(await home.restart())).toEqual([['b', [1]]]);
    });

    test('counts what is pending, and says when it is too much and when no more', async () => {
      const store = await home.restart();
      const durability = lasting(store);
      expect([durability.pendingBytes, durability.backlogged]).toEqual([0, false]);
      let drained = 0;
      durability.whenDrained(() => drained++);
      let batches = 0;
      while (!durability.backlogged && batches < 10_000) {
        store.batch([{ key: `k${batches++}`, value: new Uint8Array(100) }]);
      }
      expect(durability.backlogged).toBe(true);
      expect(drained).toBe(0);
      await home.settle();
      expect([drained, durability.backlogged]).toEqual([1, false]);
      await synced(store);
      expect(durability.pendingBytes).toBe(0);
      expect((await home.restart()).size).toBe(batches);
    });

    test('is found by a restart once it was claimed, and not before', async () => {
      const old = await home.restart();
      old.batch([set('old', 1)]);
      await synced(old);
      const other = home.beside();
      other.batch([set('new', 1)]);
      await synced(other);
      expect(rowsOf(await home.restart())).toEqual([['old', [1]]]);
      const next = home.beside();
      next.batch([set('next', 1)]);
      await synced(next);
      lasting(next).claim();
      expect(rowsOf(await home.restart())).toEqual([['next', [1]]]);
    });

    test('keeps a view readable over a close, and finishes what it was writing', async () => {
      const store = await home.restart();
      store.batch([set('a', 1)]);
      await synced(store);
      store.batch([set('b', 2)]);
      const view = store.view();
      lasting(store).sync(() => undefined);
      store.close();
      await home.settle();
      expect(rowsOf(view)).toEqual([
        ['a', [1]],
        ['b', [2]],
      ]);
      view.release();
      expect(rowsOf(await home.restart())).toHaveLength(2);
    });

    test('is what some prefix of its batches left, at least the synced one', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(ops, { minLength: 1, maxLength: 12 }), { maxLength: 10 }),
          fc.array(fc.constantFrom('sync', 'begin', 'settle', 'restart', 'none'), {
            minLength: 10,
            maxLength: 10,
          }),
          async (batches, steps) => {
            const own = makeHome();
            try {
              let store = await own.restart();
              const model = new Map<string, Uint8Array>();
              let possible: (readonly Row[])[] = [[]];
              for (const [i, batch] of batches.entries()) {
                store.batch(batch);
                applyTo(model, batch);
                possible.push(sortedRows(model));
                const step = steps[i];
                if (step === 'sync' || step === 'begin') lasting(store).sync(() => undefined);
                if (step === 'sync' || step === 'settle') await own.settle();
                expect(rowsOf(store)).toEqual(possible.at(-1));
                if (step === 'sync') possible = possible.slice(-1);
                if (step !== 'restart') continue;
                store = await own.restart();
                const found = rowsOf(store);
                expect(possible).toContainEqual(found);
                expect(store.size).toBe(found.length);
                model.clear();
                for (const [key, value] of found) model.set(key, Uint8Array.from(value));
                possible = [found];
              }
            } finally {
              await own.remove();
            }
          },
        ),
        { numRuns: runs },
      );
    });
  });
}

function applyTo(model: Map<string, Uint8Array>, batch: readonly StoreOp[]): void {
  for (const { key, value } of batch) {
    if (value === undefined) model.delete(key);
    else model.set(key, value);
  }
}

function sortedRows(model: ReadonlyMap<string, Uint8Array>): readonly Row[] {
  return [...model].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => row({ key, value }));
}

function compareReads(
  reader: OrderedReader,
  rows: readonly Row[],
  reads: readonly (readonly [string, string | undefined, number])[],
): void {
  expect(rowsOf(reader)).toEqual(rows);
  for (const [from, to, max] of reads) {
    const within = rows.filter(([key]) => key >= from && (to === undefined || key < to));
    const first = Math.max(1, max);
    expect(rowsOf(reader, from, to, false, first)).toEqual(within.slice(0, first));
    expect(rowsOf(reader, from, to, true, first)).toEqual(within.toReversed().slice(0, first));
    const ceiling = reader.ceiling(from);
    expect(ceiling && row(ceiling)).toEqual(rows.find(([key]) => key >= from));
    const floor = reader.floor(from);
    expect(floor && row(floor)).toEqual(rows.findLast(([key]) => key <= from));
    expect([...(reader.get(from) ?? [-1])]).toEqual(
      rows.find(([key]) => key === from)?.[1] ?? [-1],
    );
  }
}

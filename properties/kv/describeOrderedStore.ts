/**
 * The behaviour that every ordered store has, as one suite for all of them:
 * `describeOrderedStore('MemoryStore', () => new MemoryStore())` in a test file.
 *
 * Examples first, for the corners; then random batches and reads against a sorted array.
 */

import fc from 'fast-check';
import type { OrderedReader, OrderedStore, StoreEntry, StoreOp } from '../../src/kv';

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

export function describeOrderedStore(name: string, make: () => OrderedStore): void {
  describe(name, () => {
    let store: OrderedStore;
    beforeEach(() => {
      store = make();
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

    test('behaves as a sorted array of entries does', () => {
      fc.assert(
        fc.property(
          fc.array(fc.array(ops, { maxLength: 12 }), { maxLength: 12 }),
          fc.array(fc.tuple(keys, fc.option(keys, { nil: undefined }), fc.nat(5)), {
            minLength: 1,
            maxLength: 8,
          }),
          fc.nat(11),
          (batches, reads, viewAt) => {
            const own = make();
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
        { numRuns: 200 },
      );
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

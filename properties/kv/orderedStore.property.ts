/**
 * The laws of an ordered store, for the one in memory and for the one on a durable table, here a
 * table in memory whose transactions take until somebody lets them finish.
 */
import { MemoryStore, MemoryTables, OverlayStore } from '../../src/kv';
import type { OrderedStore } from '../../src/kv';
import { describeDurability, describeOrderedStore } from './describeOrderedStore';
import type { StoreHome } from './describeOrderedStore';

/** Small, so that a short test meets transactions under way. */
const FLUSH_BYTES = 1000;

describeOrderedStore('MemoryStore', () => new MemoryStore());

/** Transactions are done when the test says so; keys in the table are cut every few bytes. */
class SimulatedHome implements StoreHome {
  private writes: (() => void)[] = [];
  private readonly tables: MemoryTables;

  constructor(keyBytesMax: number) {
    this.tables = new MemoryTables((run) => this.writes.push(run), keyBytesMax);
  }

  restart(): Promise<OrderedStore> {
    // What the dead process had under way is lost with it.
    this.writes = [];
    const store = new OverlayStore(this.tables.open(), { flushBytes: FLUSH_BYTES });
    return Promise.resolve(store);
  }

  beside(): OrderedStore {
    return new OverlayStore(this.tables.create(), { flushBytes: FLUSH_BYTES });
  }

  settle(): Promise<void> {
    for (let next = this.writes.shift(); next; next = this.writes.shift()) next();
    return Promise.resolve();
  }

  remove(): void {
    this.writes = [];
  }
}

describe.each([8, 9, 10, 64])('with keys of at most %d bytes in the table', (keyBytesMax) => {
  describeOrderedStore('OverlayStore', () => new SimulatedHome(keyBytesMax).restart());
  describeDurability('OverlayStore', () => new SimulatedHome(keyBytesMax));

  test('leaves nothing of a long key behind', () => {
    const tables = new MemoryTables((run) => run(), keyBytesMax);
    const table = tables.open();
    const store = new OverlayStore(table);
    const keys = Array.from({ length: 20 }, (_, i) => 'k'.repeat(i * 7) + String(i));
    store.batch(keys.map((key) => ({ key, value: Uint8Array.of(1) })));
    store.durability.syncNow();
    store.batch(keys.slice(1).map((key) => ({ key, value: undefined })));
    store.durability.syncNow();
    // One entry, and the count of names given so far.
    expect(table.entries).toBe(2);
    expect(store.size).toBe(1);
  });
});

describe('a store that nobody writes to for a while', () => {
  function setUp() {
    const writes: (() => void)[] = [];
    const table = new MemoryTables((run) => void writes.push(run)).open();
    const due: (() => void)[] = [];
    const failed = jest.fn();
    const later = (run: () => void) => {
      due.push(run);
      return { cancel: () => void due.splice(due.indexOf(run), 1) };
    };
    const store = new OverlayStore(table, { later, failed, flushBytes: 1000 });
    const put = (key: string, bytes = 1): void =>
      store.batch([{ key, value: new Uint8Array(bytes) }]);
    return { writes, table, due, failed, store, put };
  }

  test('gives what it has in memory to the table, and goes on', () => {
    const { writes, table, due, store, put } = setUp();
    put('a');
    put('b');
    expect(due).toHaveLength(1);
    // Somebody wrote since: it is looked at again.
    due.shift()!();
    expect([due.length, writes.length]).toEqual([1, 0]);
    due.shift()!();
    expect([due.length, writes.length]).toEqual([0, 1]);
    // What comes meanwhile waits for its own time, and never for two writes at once.
    put('c');
    due.shift()!();
    expect([due.length, writes.length]).toEqual([1, 1]);
    writes.shift()!();
    expect([store.pendingBytes > 0, table.entries]).toEqual([true, 2]);
    due.shift()!();
    writes.shift()!();
    expect([store.pendingBytes, table.entries, due.length]).toEqual([0, 3, 0]);
  });

  test('has nothing to do when all is in the table, nor when it is closed', () => {
    const { writes, due, store, put } = setUp();
    put('a');
    store.sync(() => undefined);
    writes.shift()!();
    due.shift()!();
    expect([due.length, writes.length]).toEqual([0, 0]);
    put('b');
    store.close();
    expect([due.length, writes.length]).toEqual([0, 0]);
  });

  test('tells of a table that fails', () => {
    const { table, due, failed, put } = setUp();
    const error = new Error('no space left');
    table.write = () => {
      throw error;
    };
    put('a');
    due.shift()!();
    due.shift()?.();
    expect(failed).toHaveBeenCalledWith(error);
  });
});

test('a table that fails ends its store, and tells everybody who waits', () => {
  const table = new MemoryTables((run) => run()).open();
  let finish: (error: Error | undefined) => void = () => undefined;
  table.write = (_, done) => void (finish = done);
  const heard: unknown[] = [];
  const store = new OverlayStore(table, { failed: (error) => heard.push(['failed', error]) });
  store.batch([{ key: 'a', value: Uint8Array.of(1) }]);
  store.sync((error) => heard.push(['one', error]));
  store.sync((error) => heard.push(['two', error]));
  const error = new Error('no space left');
  finish(error);
  expect(heard).toEqual([
    ['one', error],
    ['two', error],
    ['failed', error],
  ]);
  expect(() => store.batch([])).toThrow(error);
  expect(() => store.sync(() => undefined)).toThrow(error);
  expect(store.get('a')).toEqual(Uint8Array.of(1));
});

import { MemoryStore, NO_LEASE, Refused, StateMachine } from '.';
import type { Command, PutRequest, RangeRequest } from '.';
import { bytesOfString, stringOfBytes } from './bytes';

const put = (key: string, value: string, more: Partial<PutRequest> = {}): Command => ({
  kind: 'put',
  request: {
    key,
    value: bytesOfString(value),
    lease: NO_LEASE,
    prevKv: false,
    ignoreValue: false,
    ignoreLease: false,
    ...more,
  },
});

const remove = (key: string, rangeEnd = ''): Command => ({
  kind: 'deleteRange',
  request: { key, rangeEnd, prevKv: false },
});

const compact = (revision: number): Command => ({
  kind: 'compact',
  request: { revision, physical: false },
});

const range = (key: string, more: Partial<RangeRequest> = {}): RangeRequest => ({
  key,
  rangeEnd: '',
  limit: 0,
  revision: 0,
  sortOrder: 'none',
  sortTarget: 'key',
  keysOnly: false,
  countOnly: false,
  minModRevision: 0,
  maxModRevision: 0,
  minCreateRevision: 0,
  maxCreateRevision: 0,
  ...more,
});

class Bench {
  index = 0;
  constructor(readonly machine: StateMachine = new StateMachine()) {}

  do(command: Command) {
    return this.machine.apply(command, ++this.index)!;
  }

  value(key: string, revision = 0): string | undefined {
    const found = this.machine.range(range(key, { revision })).kvs[0];
    return found === undefined ? undefined : stringOfBytes(found.value);
  }
}

describe('a new state machine', () => {
  test('is at revision 1, never compacted', () => {
    const { machine } = new Bench();
    expect([machine.revision, machine.compactedRevision, machine.appliedIndex]).toEqual([1, -1, 0]);
  });

  test('accepts a compaction at 0 once', () => {
    const bench = new Bench();
    expect(bench.do(compact(0)).result).toEqual({ kind: 'compact' });
    expect(bench.do(compact(0)).result).toMatchObject({
      code: 'outOfRange',
      message: 'etcdserver: mvcc: required revision has been compacted',
    });
  });
});

describe('a state machine', () => {
  test('answers reads at every revision that is not compacted', () => {
    const bench = new Bench();
    bench.do(put('a', '1'));
    bench.do(put('a', '2'));
    bench.do(remove('a'));
    bench.do(put('a', '3'));
    expect([1, 2, 3, 4, 5].map((revision) => bench.value('a', revision))).toEqual([
      undefined,
      '1',
      '2',
      undefined,
      '3',
    ]);
    bench.do(compact(3));
    expect(bench.value('a', 3)).toBe('2');
    expect(() => bench.value('a', 2)).toThrow(Refused);
    expect(() => bench.value('a', 6)).toThrow('required revision is a future revision');
  });

  test('skips an index that it has applied', () => {
    const bench = new Bench();
    bench.do(put('a', '1'));
    expect(bench.machine.apply(put('a', '2'), 1)).toBeUndefined();
    expect(bench.value('a')).toBe('1');
  });

  test('takes up the state of its store', () => {
    const store = new MemoryStore();
    const bench = new Bench(new StateMachine({ store }));
    bench.do(put('a', '1'));
    bench.do(compact(2));
    const again = new StateMachine({ store });
    expect(again.hash()).toBe(bench.machine.hash());
    expect(again.appliedIndex).toBe(2);
    expect(again.compactedRevision).toBe(2);
  });

  test('refuses a store whose keys nothing leads to, instead of finding none of them', () => {
    const store = new MemoryStore();
    const machine = new StateMachine({ store });
    machine.apply(put('a', '1'), 1);
    expect(new StateMachine({ store }).keyCount).toBe(1);
    store.batch([{ key: 'na\0', value: undefined }]);
    expect(() => new StateMachine({ store })).toThrow('empty the data directory');
  });

  test('deletes all keys of a revoked lease in one revision, in key order', () => {
    const bench = new Bench();
    bench.do({ kind: 'leaseGrant', id: 7n, ttlSeconds: 10 });
    bench.do(put('b', '1', { lease: 7n }));
    bench.do(put('a', '1', { lease: 7n }));
    bench.do(put('c', '1', { lease: 7n }));
    bench.do(put('c', '2'));
    expect(bench.machine.leaseKeys(7n)).toEqual(['a', 'b']);
    const { events, revision } = bench.do({ kind: 'leaseRevoke', id: 7n });
    expect(events.map((event) => [event.type, event.kv.key, event.kv.modRevision])).toEqual([
      ['delete', 'a', revision],
      ['delete', 'b', revision],
    ]);
    expect(bench.machine.leases()).toEqual([]);
  });

  test('refuses a transaction that reads a compacted revision as a whole', () => {
    const bench = new Bench();
    bench.do(put('a', '1'));
    bench.do(put('a', '2'));
    bench.do(compact(3));
    const hash = bench.machine.hash();
    const { result, events } = bench.do({
      kind: 'txn',
      request: {
        compare: [],
        success: [put('b', '1') as never, { kind: 'range', request: range('a', { revision: 2 }) }],
        failure: [],
      },
    });
    expect(result).toBeInstanceOf(Refused);
    expect(events).toEqual([]);
    expect(bench.machine.hash()).toBe(hash);
    expect(bench.machine.revision).toBe(3);
  });

  test('keeps a delete at the compacted revision for watchers, and drops it afterwards', () => {
    const bench = new Bench();
    bench.do(put('k', 'v'));
    bench.do(remove('k'));
    bench.do(compact(3));
    while (bench.machine.compactStep());
    const page = bench.machine.history(3);
    expect(page.revisions[0]!.events[0]).toMatchObject({ type: 'delete', kv: { key: 'k' } });
    bench.do(put('other', 'v'));
    bench.do(compact(4));
    while (bench.machine.compactStep());
    expect(bench.machine.history(4).revisions.map((each) => each.revision)).toEqual([4]);
    expect(() => bench.machine.history(3)).toThrow(Refused);
  });
});

describe('old versions', () => {
  const keys = Array.from({ length: 100 }, (_, i) => `key${i}`);
  const value = 'x'.repeat(100);

  /** All keys again, in one transaction, and what was before is compacted. */
  function overwrite(bench: Bench): void {
    const success = keys.map((key) => put(key, value) as never);
    bench.do({ kind: 'txn', request: { compare: [], success, failure: [] } });
    bench.do(compact(bench.machine.revision));
  }

  test('go as fast as large transactions leave them', () => {
    const bench = new Bench();
    for (let round = 0; round < 10; round++) overwrite(bench);
    const { bytes } = bench.machine;
    for (let round = 0; round < 50; round++) overwrite(bench);
    expect(bench.machine.bytes).toBeLessThan(1.5 * bytes);
  });
});

describe('a snapshot', () => {
  function filled(): Bench {
    const bench = new Bench();
    bench.do({ kind: 'leaseGrant', id: -5n, ttlSeconds: 10 });
    for (let i = 0; i < 300; i++) {
      bench.do(put(`key${i % 40}`, `value ${i}`, { lease: i % 3 === 0 ? -5n : NO_LEASE }));
    }
    bench.do(remove('key1', 'key2'));
    bench.do(compact(250));
    return bench;
  }

  test('carries the state over while commands go on', () => {
    const bench = filled();
    const hash = bench.machine.hash();
    const source = bench.machine.snapshot();
    const other = new StateMachine();
    const restorer = other.restorer();
    for (const chunk of source.chunks(100)) {
      expect(chunk.length).toBeLessThanOrEqual(100);
      restorer.write(chunk);
      bench.do(put('key7', 'newer'));
    }
    restorer.finish();
    source.release();
    expect(other.hash()).toBe(hash);
    expect(other.appliedIndex).toBe(source.index);
    expect(other.range(range('\0', { rangeEnd: '\0', revision: 260 }))).toEqual(
      bench.machine.range(range('\0', { rangeEnd: '\0', revision: 260 })),
    );
  });

  test('that breaks off leaves the old state', () => {
    const [first] = filled().machine.snapshot().chunks(1000);
    const other = new Bench();
    other.do(put('mine', '1'));
    const restorer = other.machine.restorer();
    restorer.write(first!);
    expect(() => restorer.finish()).toThrow('breaks off');
    expect(other.value('mine')).toBe('1');
  });
});

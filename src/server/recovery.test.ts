/** A state is filled from a snapshot whatever its entries are like. */
import { MemoryTables, OverlayStore, StateMachine } from '../kv';
import { fillState } from './recovery';

it('a snapshot of many small keys fills a store that writes by itself when it has enough', () => {
  const from = new StateMachine();
  for (let i = 1; i <= 40_000; i++) {
    const value = new Uint8Array(1);
    const request = { key: i.toString(36), value, lease: 0n, prevKv: false };
    from.apply({ kind: 'put', request: { ...request, ignoreValue: false, ignoreLease: false } }, i);
  }
  const content = Buffer.concat([...from.snapshot().chunks(1 << 20)].map((chunk) => chunk.slice()));
  const tables = new MemoryTables(() => undefined);
  const to = new StateMachine({
    store: new OverlayStore(tables.open()),
    makeStore: () => new OverlayStore(tables.create()),
  });
  const read = (offset: number, length: number) => content.subarray(offset, offset + length);
  fillState(to, { totalBytes: content.length, read });
  expect(to.keyCount).toBe(40_000);
  expect(to.hash()).toBe(from.hash());
});

/** What clients do: lists of operations on few keys, so that they meet. */
import fc from 'fast-check';
import type { PlannedOperation, PlannedWatcher } from '../../src/simulator';

/** Up to `operationsMax` operations within the first `withinMs`. */
export function operationList(
  withinMs: number,
  operationsMax: number,
): fc.Arbitrary<PlannedOperation[]> {
  const operation = fc.record<PlannedOperation>({
    atMs: fc.nat({ max: withinMs }),
    client: fc.nat({ max: 4 }),
    kind: fc.constantFrom(
      'read',
      'write',
      'write',
      'cas',
      'delete',
      'serializableRead',
      'pastRead',
      'pastTxn',
      'compact',
    ),
    key: fc.nat({ max: 2 }),
    member: fc.integer({ min: 1, max: 3 }),
  });
  return fc.array(operation, { maxLength: operationsMax, size: 'max' });
}

/** Up to three clients that watch, at any pace. */
export function watcherList(withinMs: number): fc.Arbitrary<PlannedWatcher[]> {
  const watcher = fc.record<PlannedWatcher>({
    atMs: fc.nat({ max: withinMs }),
    member: fc.integer({ min: 1, max: 3 }),
    from: fc.constantFrom('now', 'first', 'future'),
    takeMs: fc.constantFrom(0, 20, 200),
    reconnectMs: fc.constantFrom(0, 300),
  });
  return fc.array(watcher, { maxLength: 3 });
}

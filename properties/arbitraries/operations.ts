/** What clients do: lists of operations on few keys, so that they meet. */
import fc from 'fast-check';
import type { PlannedOperation } from '../../src/simulator';

/** Up to `operationsMax` operations within the first `withinMs`. */
export function operationList(
  withinMs: number,
  operationsMax: number,
): fc.Arbitrary<PlannedOperation[]> {
  const operation = fc.record<PlannedOperation>({
    atMs: fc.nat({ max: withinMs }),
    client: fc.nat({ max: 4 }),
    kind: fc.constantFrom('read', 'write', 'write', 'cas', 'delete', 'serializableRead'),
    key: fc.nat({ max: 2 }),
    member: fc.integer({ min: 1, max: 3 }),
  });
  return fc.array(operation, { maxLength: operationsMax, size: 'max' });
}

/** Fault schedules as data: what strikes whom, when, for how long. They shrink to fewer faults. */
import fc from 'fast-check';
import type { Fault, FaultTarget } from '../../src/simulator';

const target: fc.Arbitrary<FaultTarget> = fc.oneof(
  fc.constant<FaultTarget>('leader'),
  fc.integer({ min: 1, max: 5 }),
  fc.constant<FaultTarget>('follower'),
);

const duration = fc.oneof(fc.integer({ min: 20, max: 500 }), fc.integer({ min: 20, max: 3_000 }));

/** One fault that strikes within the first `withinMs`. */
export function fault(withinMs: number): fc.Arbitrary<Fault> {
  const atMs = fc.integer({ min: 100, max: withinMs });
  return fc.oneof(
    fc.record({ kind: fc.constant('crash' as const), atMs, target, downMs: duration }),
    fc.record({ kind: fc.constant('kill' as const), atMs, target, downMs: duration }),
    fc.record({ kind: fc.constant('powerLoss' as const), atMs, downMs: duration }),
    fc.record({ kind: fc.constant('pause' as const), atMs, target, forMs: duration }),
    fc.record({
      kind: fc.constant('partition' as const),
      atMs,
      shape: fc.constantFrom(
        'split' as const,
        'outbound' as const,
        'inbound' as const,
        'bridge' as const,
        'ring' as const,
      ),
      group: fc.array(target, { minLength: 1, maxLength: 2 }),
      forMs: duration,
    }),
    fc.record({
      kind: fc.constant('hold' as const),
      atMs,
      target,
      direction: fc.constantFrom('from' as const, 'to' as const, 'both' as const),
      forMs: duration,
    }),
    fc.record({
      kind: fc.constant('disturb' as const),
      atMs,
      lossPercent: fc.constantFrom(5, 20, 50),
      duplicatePercent: fc.constantFrom(0, 10, 30),
      forMs: duration,
    }),
    fc.record({
      kind: fc.constant('slowDisk' as const),
      atMs,
      target,
      syncMs: fc.constantFrom(10, 50, 300),
      forMs: duration,
    }),
    fc.record({
      kind: fc.constant('hunt' as const),
      atMs,
      moment: fc.constantFrom('elected' as const, 'appended' as const, 'oldTail' as const),
      action: fc.constantFrom('crash' as const, 'isolate' as const),
      reach: fc.nat({ max: 2 }),
      downMs: duration,
      forMs: fc.constant(3_000),
    }),
  );
}

/** A schedule of up to `faultsMax` faults. */
export function faultSchedule(withinMs: number, faultsMax: number): fc.Arbitrary<Fault[]> {
  return fc.array(fault(withinMs), { maxLength: faultsMax });
}

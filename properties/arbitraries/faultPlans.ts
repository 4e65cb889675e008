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
      kind: fc.constant('diskError' as const),
      atMs,
      target,
      operation: fc.constantFrom('append' as const, 'sync' as const, 'create' as const),
      downMs: duration,
    }),
    fc.record({
      kind: fc.constant('diskFull' as const),
      atMs,
      target,
      freeBytes: fc.constantFrom(0, 500),
      forMs: duration,
    }),
    fc.record({
      kind: fc.constant('damage' as const),
      atMs,
      target,
      how: fc.constantFrom('flip' as const, 'misdirect' as const),
      place: fc.integer({ min: 0, max: 99 }).map((percent) => percent / 100),
      downMs: duration,
    }),
    fc.record({
      kind: fc.constant('clock' as const),
      atMs,
      target,
      ratePercent: fc.constantFrom(0, 3, -3),
      jumpMs: fc.constantFrom(0, 3_600_000, -60_000),
      strobeMs: fc.constantFrom(0, 20),
      forMs: duration,
    }),
    fc.record({
      kind: fc.constant('catch' as const),
      atMs,
      target,
      message: fc.constantFrom('append' as const, 'voteResponse' as const, 'snapshot' as const),
      count: fc.integer({ min: 1, max: 4 }),
      forMs: duration,
    }),
    fc.record({ kind: fc.constant('transfer' as const), atMs, target, forMs: fc.constant(0) }),
    fc.record({
      kind: fc.constant('interrupt' as const),
      atMs,
      chunks: fc.nat({ max: 3 }),
      downMs: duration,
      forMs: fc.constant(3_000),
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

/**
 * Clusters and their devices: how many members, how they are tuned, what the network, disks and
 * clocks are like. Everything shrinks towards a calm cluster of three.
 */
import fc from 'fast-check';
import { CALM_OPTIONS } from '../../src/simulator';
import type { SimulationOptions } from '../../src/simulator';

/** Shrinks to the first value. */
function oneOf<T>(first: T, ...others: readonly T[]): fc.Arbitrary<T> {
  return fc.constantFrom(first, ...others);
}

export const memberCount: fc.Arbitrary<number> = oneOf(3, 5, 4, 1, 2);

const network = fc.record({
  delayUsMin: oneOf(200, 50),
  delayUsMax: oneOf(1_000, 500, 5_000, 20_000),
  lossPercent: oneOf(0, 1, 5, 15),
  duplicatePercent: oneOf(0, 1, 10),
  slowPercent: oneOf(0, 1, 5),
  slowMsMax: oneOf(20, 100, 600),
  ordered: oneOf(true, false),
});

const member = fc.record({
  tickMs: fc.constant(50),
  heartbeatTicks: fc.constant(1),
  electionTicks: oneOf(10, 5),
  preVote: oneOf(true, false),
  checkQuorum: oneOf(true, false),
  snapshotEntries: oneOf(10_000, 50, 10),
  catchUpEntries: oneOf(5_000, 10, 1),
  snapshotChunkBytes: oneOf(65_536, 1_024, 64),
  snapshotRetryMs: fc.constant(100),
  snapshotStallMs: fc.constant(1_000),
  maxMessageBytes: oneOf(1024 * 1024, 256, 1),
  maxInflightMessages: oneOf(256, 4, 1),
  applyBatchEntries: oneOf(256, 16, 1),
  requestTimeoutMs: fc.constant(3_000),
});

/** Options of a run whose safety phase takes `safetyMs`. */
export function simulationOptions(safetyMs: number): fc.Arbitrary<SimulationOptions> {
  return fc.record({
    safetyMs: fc.constant(safetyMs),
    livenessMs: fc.constant(CALM_OPTIONS.livenessMs),
    clientTimeoutMs: fc.constant(CALM_OPTIONS.clientTimeoutMs),
    valueBytes: oneOf(16, 8, 64, 512),
    network,
    disk: fc.record({ syncUsMin: fc.constant(100), syncUsMax: oneOf(500, 2_000, 8_000) }),
    clock: fc.record({ driftPercent: oneOf(0, 1, 5) }),
    member,
  });
}

/** Leases of a simulated cluster under faults, as `properties/simulator` has them. */
import { swarmPlan } from '../../../src/simulator';
import { LeaseMarks, LeaseWorld } from '../../simulator/leaseWorld';
import type { PlannedLease } from '../../simulator/leaseWorld';
import { seededRandom } from '../../storage/testDisk';
import type { Finding } from './check';

const SAFETY_MS = 8_000;
const FAULTS = ['pause', 'kill', 'crash', 'partition', 'transfer', 'hold'] as const;

export function checkLeases(seed: number): Finding | undefined {
  const random = seededRandom(seed);
  const drawn = swarmPlan(`leases ${seed}`, {
    profile: 'uniform',
    leaseReads: false,
    safetyMs: SAFETY_MS,
    faults: FAULTS,
    faultsMax: 6,
  });
  const leaseCheckpointMs = [300_000, 300, 900][random(3)]!;
  const member = { ...drawn.options.member, leaseCheckpointMs };
  const options = { ...drawn.options, member };
  const leases: PlannedLease[] = Array.from({ length: 1 + random(8) }, () => ({
    ttlSeconds: 1 + random(3),
    grantAtMs: 800 + random(4_200),
    member: 1 + random(drawn.members),
    // The last two ask when a lease is about to end, and when it has.
    everyPercent: [33, 15, 60, 99, 101][random(5)]!,
    renewals: random(9),
  }));
  const plan = { ...drawn, options, operations: [], watchers: [], outsiders: [] };
  const world = new LeaseWorld(plan, leases, new LeaseMarks());
  world.play();
  const { violation } = world;
  if (violation === undefined) return undefined;
  const { invariant, sentence, details } = violation;
  return { check: invariant.startsWith('lease') ? 'leases' : invariant, sentence, details };
}

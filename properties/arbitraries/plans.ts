/** Whole plans for the simulator: fast-check shrinks the cluster, the faults and the operations. */
import fc from 'fast-check';
import type { Plan } from '../../src/simulator';
import { memberCount, simulationOptions } from './clusters';
import { faultSchedule } from './faultPlans';
import { operationList, watcherList } from './operations';

export interface PlanConstraints {
  /** Length of the safety phase. Default 4000. */
  readonly safetyMs?: number;
  /** Default 8. */
  readonly faultsMax?: number;
  /** Default 120. */
  readonly operationsMax?: number;
}

export function plan(constraints: PlanConstraints = {}): fc.Arbitrary<Plan> {
  const { safetyMs = 4_000, faultsMax = 8, operationsMax = 120 } = constraints;
  return fc.record({
    seed: fc.nat().map((n) => `property ${n}`),
    members: memberCount,
    options: simulationOptions(safetyMs),
    faults: faultSchedule(safetyMs, faultsMax),
    operations: operationList(safetyMs, operationsMax),
    watchers: watcherList(safetyMs),
  });
}

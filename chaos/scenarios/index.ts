/** All scenarios, in the order in which they run. */
import { easegress } from './easegress';
import { disk, kill, membership, network, partition, power, rolling, sink } from './faultRuns';
import { lag } from './lag';
import { leases } from './leases';
import { memory } from './memory';
import type { Scenario } from './scenario';
import { snapshot } from './snapshot';
import { watchers } from './watchers';

export type { Scenario, ScenarioContext } from './scenario';

export const scenarios: readonly Scenario[] = [
  ...[kill, partition, network, disk, power, rolling, membership],
  ...[lag, snapshot, memory, easegress, watchers, leases, sink],
];

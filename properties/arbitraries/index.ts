/** Generators of whole inputs: clusters, fault schedules, operations, plans. */
export { memberCount, simulationOptions } from './clusters';
export { fault, faultSchedule } from './faultPlans';
export { operationList } from './operations';
export { plan } from './plans';
export type { PlanConstraints } from './plans';

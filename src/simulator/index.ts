/** The deterministic simulator: plans in, outcomes out. */
export { simulate } from './simulate';
export type { Judgement, Outcome, RunOptions } from './simulate';
export { describeFault, FAULT_KINDS } from './faults';
export { CALM_OPTIONS, describeOperation } from './plan';
export type { Fault, FaultKind, FaultTarget } from './faults';
export type { Outsider, Plan, PlannedOperation, PlannedWatcher } from './plan';
export type { SimulationOptions } from './plan';
export { describeSwarm, swarmPlan } from './swarm';
export type { SwarmOptions } from './swarm';
export { shrinkPlan } from './shrink';
export type { Shrunk, ShrinkOptions } from './shrink';
export { describeRecord, renderColumns } from './columns';
export { addMarks, MARKS, missedMarks, noMarks } from './marks';
export type { Mark, MarkCounts } from './marks';
export type { TraceRecord } from './trace';
export type { Violation } from './world';

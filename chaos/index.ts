/** Chaos on real stores: targets, faults, workloads and the run that puts them together. */

export { runChaos } from './run';
export { chaosDefaults } from './options';
export type { ChaosOptions, ChaosProgress, ChaosResult } from './options';
export { describeEnvironment, reportOf } from './report';
export type { ReportOptions } from './report';
export { allFaults, defaultFaults, faults } from './faults/faults';
export { missingCapabilities } from './faults/fault';
export type { Aim, Fault, Shading } from './faults/fault';
export { kvWorkload, registerWorkload, txnWorkload, workloads } from './workloads';
export type { Generator, GeneratorOptions, Workload } from './workloads';
export { endpoints } from './targets/endpoints';
export type { EndpointsOptions } from './targets/endpoints';
export {
  etcdContainers,
  imageContainers,
  referenceContainers,
  type ContainerClusterOptions,
} from './targets/containerCluster';
export { etcdProcess, findOnPath } from './targets/etcdProcess';
export type { EtcdProcessOptions } from './targets/etcdProcess';
export { referenceProcess } from './targets/referenceProcess';
export type { ReferenceProcessOptions } from './targets/referenceProcess';
export { makeTarget } from './targets/makeTarget';
export type { ClusterWishes, Runtime, TargetChoice } from './targets/makeTarget';
export { playScenarios } from './scenarios/play';
export type { PlayOptions } from './scenarios/play';
export { scenarios } from './scenarios';
export type { Scenario, ScenarioContext } from './scenarios';
export { TargetError } from './target';
export type {
  Capability,
  Cluster,
  ClusterDescription,
  Member,
  MemberState,
  MemberStatus,
  RunningCluster,
  TargetErrorCode,
  UnexpectedExit,
} from './target';

// For scenarios of this package.
export { ProcessCluster } from './targets/processCluster';
export type { ProcessClusterOptions } from './targets/processCluster';
export { sweepLeftovers } from './targets/processRegistry';
export { anonymousMiB, startMemorySampler } from './memorySampler';
export { planNemesis, runNemesis } from './faults/nemesis';
export { Random } from './random';
export { pause, waitFor, WaitTimeout } from './wait';

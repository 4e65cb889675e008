/** The invariants of a simulated cluster, one file each. */
export type { Invariant, MemberState, MemberView, Report } from './invariant';
export { BoundedLog } from './boundedLog';
export type { LogBound } from './boundedLog';
export { CommitAgreement } from './commitAgreement';
export { DurablePromises } from './durablePromises';
export { DurableQuorum } from './durableQuorum';
export { ElectionSafety } from './electionSafety';
export { ExactlyOnce } from './exactlyOnce';
export { LeaderCommits } from './leaderCommits';
export { LeaderCompleteness } from './leaderCompleteness';
export { Ledger } from './ledger';
export { LogMatching } from './logMatching';
export { Monotonic } from './monotonic';
export { StateMachineSafety } from './stateMachineSafety';
export { ReplicationProgress } from './replicationProgress';
export { WatchDelivery } from './watchDelivery';
export type { WatchView } from './watchDelivery';

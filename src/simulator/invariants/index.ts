/** The invariants of a simulated cluster, one file each. */
export type { Invariant, MemberState, MemberView, Report } from './invariant';
export { CommitAgreement } from './commitAgreement';
export { DurablePromises } from './durablePromises';
export { DurableQuorum } from './durableQuorum';
export { ElectionSafety } from './electionSafety';
export { LeaderCompleteness } from './leaderCompleteness';
export { Ledger } from './ledger';
export { LogMatching } from './logMatching';
export { Monotonic } from './monotonic';
export { StateMachineSafety } from './stateMachineSafety';

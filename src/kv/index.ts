/** The etcd v3 state machine: what its users name. */
export { EMPTY_CLUSTER, findMember, hasAlarm, LEARNERS_MAX, membershipRefusal } from './membership';
export { decodeMembershipChange, encodeMembershipChange } from './membership';
export type { ClusterState, MembershipEnvelope } from './membership';
export { StateMachine } from './stateMachine';
export type { StateMachineOptions } from './stateMachine';
export { decodeCommand, decodeOrigin, encodeCommand } from './command';
export type { Envelope } from './command';
export { DamagedBytes } from './bytes';
export { bytesOfString, stringOfBytes } from './bytes';
export { refusals } from './refusals';
export type { RangeReading } from './rangeReading';
export type { KeySink } from './reads';
export type { ScanBudget } from './versions';
export {
  checkDeleteRange,
  checkLeaseGrant,
  checkPut,
  checkRange,
  checkTxn,
  isReadOnlyTxn,
  LEASE_TTL_SECONDS_MAX,
  TXN_OPS_MAX,
} from './validate';
export { MemoryStore } from './memoryStore';
export { MemoryTables } from './memoryTable';
export { OverlayStore } from './overlayStore';
export type { OverlayStoreOptions } from './overlayStore';
export type { DurableTable, TableReader, TableView, WriteDone } from './durableTable';
export type {
  Durability,
  OrderedReader,
  OrderedStore,
  StoreEntry,
  StoreOp,
  StoreView,
  Visit,
  VisitKey,
} from './orderedStore';
export { spaceNeeded } from './space';
export type { SnapshotSource } from './snapshot';
export type { AuditOutcome, StateAudit } from './stateAudit';
export { Restorer } from './restorer';
export type { HistoryOptions, HistoryPage, RevisionEvents } from './history';
export { NO_WATCH } from './watch';
export type { WatchId, WatchRequest, WatchResponse } from './watch';
export { WatchHub } from './watchHub';
export type { WatchHubOptions, WatchSource } from './watchHub';
export type { WatchStream } from './watchStream';
export { Lessor } from './lease';
export type { LeaseTimes, LessorOptions, Renewal } from './lease';
export { isOpResult, NO_LEASE, Refused } from './types';
export type {
  AlarmMember,
  AlarmType,
  Applied,
  ClusterCommand,
  Command,
  CommandResult,
  CompactRequest,
  CompactResult,
  Compare,
  CompareResult,
  DeleteRangeRequest,
  DeleteRangeResult,
  Key,
  KeyCommand,
  KeyValue,
  KvEvent,
  LeaseCheckpoint,
  LeaseId,
  LeaseResult,
  LeaseState,
  MemberRecord,
  MembershipChange,
  OpResult,
  PutRequest,
  PutResult,
  RangeRequest,
  RangeResult,
  RequestOp,
  Revision,
  SortOrder,
  SortTarget,
  StatusCode,
  TxnRequest,
  TxnResult,
} from './types';

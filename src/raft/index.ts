/** The consensus core. First what a caller needs, then what storage and tests share. */
export { RaftNode, type TransferOutcome } from './node';
export { NOBODY } from './types';
export type {
  ApplyWork,
  ConfState,
  Entry,
  EntryType,
  HardState,
  Index,
  InitialState,
  LogReader,
  Message,
  MessageType,
  NodeId,
  PersistWork,
  ProgressState,
  ProgressStatus,
  ProposalOutcome,
  RaftOptions,
  ReadOutcome,
  ReadState,
  Ready,
  Role,
  SnapshotMetadata,
  SoftState,
  StepOutcome,
  Term,
} from './types';
export type { ConfChange, MemberChange, MemberChangeType, Transition } from './membership';
export { decodeChange, encodeChange, LEAVE_JOINT } from './changeCodec';
export type { ProgressEvent, Trace, TraceEvent, TransferEvent } from './trace';
export { RaftError } from './assert';

export { entriesBytes, entryBytes } from './log';
export { emptyMessage, type Draft } from './message';
export {
  changeConf,
  EMPTY_CONF,
  isJoint,
  leavesJoint,
  membersOf,
  normalizeConf,
  votersOf,
} from './membership';
export { MemoryLog } from './memoryLog';

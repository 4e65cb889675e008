/** Histories: their shapes, the recorder that writes them and the readers of every format. */

export type {
  EventType,
  FaultPhase,
  FaultRecord,
  History,
  HistoryEvent,
  HistoryMeta,
  Operation,
  Outcome,
  TornLine,
  WatchedChange,
} from './types';
export { HistoryError } from './errors';
export type { HistoryErrorCode } from './errors';
export { HistoryRecorder } from './recorder';
export type {
  HistoryRecorderOptions,
  HistorySink,
  Invocation,
  RecordedCompletion,
  RecordedFault,
} from './recorder';
export { encodeEvent, encodeFault, encodeHistory, encodeMeta, encodeWatch } from './jsonl';
export {
  createDetectingReader,
  createReader,
  detectFormat,
  historyFormats,
  readHistory,
} from './read';
export type { HistoryFormat, HistoryReader } from './read';
export type {
  Compare,
  CompareResult,
  CompareTarget,
  CompactInput,
  DeleteInput,
  DeleteOutput,
  EtcdKeyValue,
  EtcdOutput,
  LeaseGrantInput,
  LeaseGrantOutput,
  LeaseInput,
  LeaseKeepAliveOutput,
  LeaseTimeToLiveOutput,
  ListedMember,
  MemberInput,
  MemberListOutput,
  PutInput,
  PutOutput,
  RangeInput,
  RangeOutput,
  TxnInput,
  TxnOperation,
  TxnOutput,
} from './etcd';
export { covers, prefixEnd } from './watches';
export type {
  PreviousValue,
  WatchEvent,
  WatchFilter,
  WatchLog,
  WatchRequest,
  WatchResponse,
} from './watches';
export { mergeHistories } from './etcdReport';
export { writableFormats, writeHistory } from './write';
export type { WritableFormat, WrittenFile } from './write';

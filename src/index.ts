/**
 * The library: models, the linearizability checker and histories, without any dependency.
 *
 * ```ts
 * import { checkLinearizable, models, readHistory } from 'raft-crucible';
 *
 * const { verdict, explanation } = checkLinearizable(readHistory(text), models.register());
 * ```
 */

import { checkLinearizable as check, etcd, etcdRegister, kv, register } from '../models';
import { lease, lock, queue, set } from '../models';
import { explainFailure as explain } from '../models';
import type { CheckOptions, Counterexample, CounterexampleOptions } from '../models';
import type { Model, Verdict } from '../models';
import type { History, Operation } from './history';
import { surroundings } from './surroundings';

/** Makers of the models; each gives a fresh one with its options. */
export const models = { register, etcdRegister, kv, etcd, set, queue, lock, lease } as const;

/**
 * Decides whether a history is linearizable, with the process's clock and a watch on its heap
 * unless the options bring their own: a search that would fill the heap ends as `unknown`.
 */
export function checkLinearizable<State>(
  history: History | readonly Operation[],
  model: Model<State>,
  options: CheckOptions = {},
): Verdict {
  return check(history, model, { ...surroundings, ...options });
}

export interface FailureExplained {
  readonly verdict: Verdict;
  /** Empty unless the history fails. */
  readonly counterexamples: readonly Counterexample[];
}

/** Checks a history and, when it fails, gives a minimal counterexample for each part that does. */
export function explainFailure<State>(
  history: History | readonly Operation[],
  model: Model<State>,
  options: CounterexampleOptions = {},
): FailureExplained {
  return explain(history, model, { ...surroundings, ...options });
}

export { checkEtcdRules, checkModel, checkWatches, Replay, replayOf } from '../models';
export { ILLEGAL, modelFor, ModelError, modelNamed, registeredModels } from '../models';
export { linearizabilityMatchers } from './matcher';
export { checkInThreads } from './threads/checkInThreads';
export type { CheckProgress, ThreadedCheckOptions } from './threads/checkInThreads';
export type {
  CheckModelOptions,
  CheckOptions,
  Counterexample,
  CounterexampleOptions,
  Effect,
  Explanation,
  LinearizabilityMatchers,
  Model,
  PartVerdict,
  RegisteredModel,
  Rejection,
  RuleResult,
  RulesOptions,
  Verdict,
} from '../models';
export { detectFormat, encodeHistory, HistoryError, HistoryRecorder } from './history';
export { readHistory, writeHistory } from './history';
export type {
  EventType,
  FaultRecord,
  History,
  HistoryEvent,
  HistoryFormat,
  HistoryMeta,
  HistoryRecorderOptions,
  HistorySink,
  Invocation,
  Operation,
  Outcome,
  RecordedCompletion,
  WatchedChange,
  WatchLog,
  WritableFormat,
} from './history';

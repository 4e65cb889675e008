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
import { lock, queue, set } from '../models';
import type { CheckOptions, Model, Verdict } from '../models';
import type { History, Operation } from './history';

/** Makers of the models; each gives a fresh one with its options. */
export const models = { register, etcdRegister, kv, etcd, set, queue, lock } as const;

/**
 * Decides whether a history is linearizable, with the process's clock for durations and limits
 * in time unless the options bring their own.
 */
export function checkLinearizable<State>(
  history: History | readonly Operation[],
  model: Model<State>,
  options: CheckOptions = {},
): Verdict {
  return check(history, model, { now: () => performance.now(), ...options });
}

export { ILLEGAL, linearizabilityMatchers, modelFor, ModelError, modelNamed } from '../models';
export { registeredModels } from '../models';
export type {
  CheckOptions,
  Effect,
  Explanation,
  LinearizabilityMatchers,
  Model,
  PartVerdict,
  RegisteredModel,
  Rejection,
  Verdict,
} from '../models';
export { detectFormat, encodeHistory, HistoryError, HistoryRecorder, readHistory } from './history';
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
} from './history';

/**
 * The log as the core reads it. A store of the state machine that outlives the process knows the
 * configuration better than the log: a change that the state machine refused is in the log, too.
 */
import type { StateMachine } from '../kv';
import type { LogReader } from '../raft/types';
import type { LogStore } from '../storage/logStore';

export function coreLog(log: LogStore, machine: StateMachine): LogReader {
  const { conf } = machine;
  if (conf === undefined) return log;
  const { hard } = log.initialState();
  return {
    initialState: () => ({ hard, conf, confIndex: machine.appliedIndex }),
    firstIndex: () => log.firstIndex(),
    lastIndex: () => log.lastIndex(),
    term: (index) => log.term(index),
    entries: (low, high, bytesMax) => log.entries(low, high, bytesMax),
    snapshot: () => log.snapshot(),
  };
}

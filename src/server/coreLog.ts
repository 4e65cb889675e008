/**
 * The log as the core reads it. The snapshot it offers is one that can be sent: where the state
 * is durable by itself, the log is compacted without one, and one is made when somebody needs it.
 *
 * A store of the state machine that outlives the process knows the
 * configuration better than the log: a change that the state machine refused is in the log, too.
 */
import type { StateMachine } from '../kv';
import type { LogReader, SnapshotMetadata } from '../raft/types';
import type { LogStore } from '../storage/logStore';
import type { SnapshotStore } from '../storage/snapshotStore';

export function coreLog(log: LogStore, machine: StateMachine, snapshots: SnapshotStore): LogReader {
  const { conf } = machine;
  const initial = log.initialState();
  const { hard } = initial;
  return {
    initialState: () =>
      conf === undefined ? initial : { hard, conf, confIndex: machine.appliedIndex },
    firstIndex: () => log.firstIndex(),
    lastIndex: () => log.lastIndex(),
    term: (index) => log.term(index),
    entries: (low, high, bytesMax) => log.entries(low, high, bytesMax),
    snapshot: () => (machine.durability === undefined ? log.snapshot() : sendable(log, snapshots)),
  };
}

/** The newest snapshot that the log still continues. */
function sendable(log: LogStore, snapshots: SnapshotStore): SnapshotMetadata | undefined {
  const newest = snapshots.newest();
  if (newest === undefined || log.term(newest.index) !== newest.term) return undefined;
  return newest;
}

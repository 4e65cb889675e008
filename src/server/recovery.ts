/**
 * Brings a state machine to where the log begins, after a restart: as its own store kept it, or
 * from the newest usable snapshot. What follows is replayed by the core's apply lane, in bounded
 * batches, like any other committed entry.
 */
import type { StateMachine } from '../kv';
import type { SnapshotMetadata } from '../raft/types';
import type { LogStore } from '../storage/logStore';
import type { SnapshotReader, SnapshotStore } from '../storage/snapshotStore';

const READ_BYTES = 128 * 1024;
/** With a piece of the smallest entries on top the store begins no transaction of its own. */
const UNSYNCED_BYTES = 1024 * 1024;

/**
 * Loads the newest snapshot that fits the log, unless the state already reaches it, and records
 * it in the log, whose own note of it may have been lost with a crash. Throws when the log begins
 * after the newest good snapshot: then part of the state is lost, and going on would serve a hole
 * as if it were data.
 */
export function recoverState(log: LogStore, snapshots: SnapshotStore, machine: StateMachine): void {
  const usable = usableSnapshot(log, snapshots);
  const reached = Math.max(machine.appliedIndex, usable?.index ?? 0);
  if (reached + 1 < log.firstIndex()) {
    throw new Error(
      `the log begins at index ${log.firstIndex()}, but the newest good snapshot ends at ` +
        `${reached}: the entries between are lost; restore this member from its peers`,
    );
  }
  // What a durable state lacks is in the log, unless a snapshot came that it never got to take.
  const isComplete = machine.appliedIndex + 1 >= log.firstIndex();
  if (usable === undefined || (machine.durability !== undefined && isComplete)) return;
  if (usable.index > (log.snapshot()?.index ?? 0)) log.setSnapshot(usable);
  if (usable.index > machine.appliedIndex) restoreState(machine, snapshots, usable);
}

/**
 * The newest snapshot on disk may be one that was received but that the core never accepted
 * before the crash; it counts only when the log agrees with it.
 */
function usableSnapshot(log: LogStore, snapshots: SnapshotStore): SnapshotMetadata | undefined {
  const newest = snapshots.newest();
  if (newest !== undefined && log.term(newest.index) === newest.term) return newest;
  const recorded = log.snapshot();
  return recorded === undefined || recorded.index === 0 ? undefined : recorded;
}

/**
 * Replaces the state by a snapshot, in place: nobody is served yet. On damage the old state stays
 * and the error is thrown.
 */
function restoreState(
  machine: StateMachine,
  snapshots: SnapshotStore,
  snapshot: SnapshotMetadata,
): void {
  const reader = snapshots.open(snapshot);
  try {
    fillState(machine, reader);
  } finally {
    reader.close();
  }
}

/** Replaces the state by the content of a snapshot, wherever its bytes come from. */
export function fillState(
  machine: StateMachine,
  content: Pick<SnapshotReader, 'totalBytes' | 'read'>,
): void {
  const restorer = machine.restorer();
  for (let offset = 0; offset < content.totalBytes; offset += READ_BYTES) {
    restorer.write(content.read(offset, READ_BYTES));
    const { durability } = restorer;
    if (durability !== undefined && durability.pendingBytes >= UNSYNCED_BYTES) durability.syncNow();
  }
  restorer.complete();
  restorer.durability?.syncNow();
  restorer.adopt();
  machine.durability?.claim();
}

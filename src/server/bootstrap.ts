/**
 * The first entries of a new cluster: one membership change for each initial member, committed in
 * term 1. All initial members write the same ones, so the log itself says from its first entry on
 * who the members are, and whoever joins later learns it from the log or from a snapshot alike.
 */
import { encodeMembershipChange, type MemberRecord } from '../kv';
import { encodeChange } from '../raft';
import type { Entry } from '../raft/types';
import type { SyncDone } from '../storage/disk';
import type { LogStore } from '../storage/logStore';

/** Whether nothing was ever written to this log: its first batch is there whole or not at all. */
export function isNewLog(log: LogStore): boolean {
  return log.hardState.term === 0 && log.lastIndex() === 0 && log.snapshot() === undefined;
}

/** Writes the members of a new cluster, in the order of their ids, into a new log. */
export function bootstrapLog(
  log: LogStore,
  members: readonly MemberRecord[],
  done: SyncDone,
): void {
  const sorted = [...members].sort((a, b) => a.id - b.id);
  const entries = sorted.map((member, i): Entry => {
    const change = { kind: 'add', member } as const;
    const context = encodeMembershipChange({ origin: 0, sequence: 0, change });
    const changes = [{ type: 'addVoter', id: member.id } as const];
    const data = encodeChange({ transition: 'auto', changes, context });
    return { term: 1, index: i + 1, type: 'change', data };
  });
  log.append({ hard: { term: 1, vote: 0, commit: entries.length }, entries });
  log.sync(done);
}

/**
 * The follower's side of replication: appends, heartbeats, snapshots.
 *
 * Answers to appends and snapshots promise that something is on disk, so they leave with the
 * persist lane; answers to heartbeats promise nothing and leave at once.
 */
import type { Message, SnapshotMetadata } from './types';
import { normalizeConf, membersOf } from './membership';
import { switchConf } from './configuration';
import type { RaftState } from './state';

export function receiveAppend(raft: RaftState, message: Message): void {
  const { log } = raft;
  if (message.index < log.committed) {
    // An old message: what is committed matches anyhow, up to the end of it.
    raft.acknowledge(message.from, log.committed);
    return;
  }
  // The members the group began with stand in no entry: a node that joins without them would
  // count changes from nothing. It takes a snapshot, which has them.
  const begins = message.index > 0 || raft.tracker.conf.voters.length > 0;
  const last = begins ? log.tryAppend(message.index, message.logTerm, message.entries) : undefined;
  if (last !== undefined) {
    // Only what this message vouches for: there may be other leaders' entries behind it.
    log.commitTo(Math.min(message.commit, last));
    raft.acknowledge(message.from, last);
    return;
  }
  raft.trace?.({
    kind: 'appendRefused',
    from: message.from,
    index: message.index,
    messageTerm: message.logTerm,
    ownTerm: log.term(message.index) ?? 0,
  });
  // Skip whole terms: where our term is at most the leader's is the first place to match.
  const hint = log.findByTerm(Math.min(message.index, log.lastIndex), message.logTerm);
  const response = raft.draft('appendResponse', message.from);
  response.index = message.index;
  response.reject = true;
  response.rejectHint = hint.index;
  response.logTerm = hint.term;
  raft.afterPersist.push(response);
}

export function receiveHeartbeat(raft: RaftState, message: Message): void {
  raft.log.commitTo(message.commit);
  const response = raft.draft('heartbeatResponse', message.from);
  response.context = message.context;
  raft.send.push(response);
}

export function receiveSnapshot(raft: RaftState, message: Message): void {
  const { snapshot } = message;
  if (snapshot === undefined) return;
  const restored = restore(raft, snapshot);
  raft.trace?.({
    kind: restored ? 'snapshotAccepted' : 'snapshotIgnored',
    commitIndex: raft.log.committed,
    snapshot,
  });
  raft.acknowledge(message.from, restored ? raft.log.lastIndex : raft.log.committed);
}

/** Makes the snapshot the whole log, unless the log has all of it anyhow. */
function restore(raft: RaftState, snapshot: SnapshotMetadata): boolean {
  const { log } = raft;
  if (snapshot.index <= log.committed) return false;
  if (!membersOf(snapshot.conf).includes(raft.id)) {
    raft.trace?.({ kind: 'snapshotNotForUs', conf: snapshot.conf });
    return false;
  }
  if (log.matches(snapshot.index, snapshot.term)) {
    // Entries after it may be acknowledged already: keep the log.
    raft.trace?.({
      kind: 'fastForwarded',
      commitIndex: log.committed,
      lastIndex: log.lastIndex,
      lastTerm: log.lastTerm,
      snapshot,
    });
    log.commitTo(snapshot.index);
    return false;
  }
  log.restore(snapshot);
  raft.confIndex = snapshot.index;
  // Nobody's progress survives: a restored node knows nothing of the others.
  const conf = normalizeConf(snapshot.conf);
  switchConf(raft, conf, membersOf(conf));
  raft.trace?.({
    kind: 'restored',
    commitIndex: log.committed,
    lastIndex: log.lastIndex,
    lastTerm: log.lastTerm,
    snapshot,
  });
  return true;
}

/**
 * The leader's side of replication: what to send to whom, and what the answers mean.
 *
 * An entry is committed when it is stable on a quorum *and* is of the leader's own term;
 * earlier ones are committed with it (Raft, section 5.4.2). The leader counts itself only when
 * its own persist lane acknowledges, with the same message a follower sends.
 */
import type { Message } from './types';
import { entriesBytes } from './log';
import { membersOf } from './membership';
import type { Progress } from './progress';
import { releaseReads, startEarlyReads } from './reads';
import type { RaftState } from './state';
import { sendTimeoutNow } from './transfer';

/** Sends to every member what it lacks, or an empty append that carries the commit index. */
export function broadcastAppend(raft: RaftState): void {
  for (const progress of raft.tracker.members) {
    if (progress.id !== raft.id) maybeSendAppend(raft, progress, true);
  }
}

/** Probes members that have not got everything; sends nothing that would be empty. */
export function broadcastMissing(raft: RaftState): void {
  for (const progress of raft.tracker.members) {
    if (progress.id !== raft.id) maybeSendAppend(raft, progress, false);
  }
}

/** Sends one append (or a snapshot) unless the member must be waited for. True if it left. */
export function maybeSendAppend(
  raft: RaftState,
  progress: Progress,
  evenIfEmpty: boolean,
): boolean {
  if (progress.paused) return false;
  const previous = progress.nextIndex - 1;
  const previousTerm = raft.log.term(previous);
  if (previousTerm === undefined) return sendSnapshot(raft, progress);
  // Into a full window goes an empty append only: if all in it were lost, its answer shows it.
  const windowFull = progress.state === 'replicate' && progress.inflights.full;
  const entries = windowFull
    ? []
    : raft.log.entriesFrom(progress.nextIndex, raft.settings.maxMessageBytes);
  if (entries !== undefined && entries.length === 0 && !evenIfEmpty) return false;
  if (entries === undefined) return sendSnapshot(raft, progress);
  const message = raft.draft('append', progress.id);
  message.index = previous;
  message.logTerm = previousTerm;
  message.entries = entries;
  message.commit = raft.log.committed;
  raft.send.push(message);
  progress.sentEntries(entries.length, entriesBytes(entries));
  progress.sentCommit = raft.log.committed;
  return true;
}

/** The log no longer reaches back to what the member needs. */
function sendSnapshot(raft: RaftState, progress: Progress): boolean {
  if (!progress.recentActive) {
    raft.trace?.({ kind: 'snapshotWithheld', to: progress.id, reason: 'inactive' });
    return false;
  }
  const snapshot = raft.log.snapshot();
  // One from before the change that added the member would be refused by it, for ever.
  if (snapshot === undefined || !membersOf(snapshot.conf).includes(progress.id)) {
    raft.trace?.({ kind: 'snapshotWithheld', to: progress.id, reason: 'none' });
    raft.snapshotWanted = true;
    return false;
  }
  raft.trace?.({
    kind: 'snapshotSent',
    firstIndex: raft.log.firstIndex,
    commitIndex: raft.log.committed,
    snapshot,
    progress: progress.status(),
  });
  raft.snapshotWanted = false;
  progress.becomeSnapshot(snapshot.index);
  raft.trace?.({ kind: 'replicationPaused', progress: progress.status() });
  const message = raft.draft('snapshot', progress.id);
  message.snapshot = snapshot;
  raft.send.push(message);
  return true;
}

/** Commits what a quorum has, if that reaches into the leader's own term. */
export function maybeCommit(raft: RaftState): boolean {
  const index = raft.tracker.quorumMatch();
  if (index <= raft.log.committed || index < raft.termStart) return false;
  // With no voter at all the quorum has everything: there is nothing to commit by.
  if (index > raft.log.lastIndex) return false;
  raft.log.commitTo(index);
  return true;
}

export function receiveAppendResponse(raft: RaftState, progress: Progress, message: Message): void {
  progress.recentActive = true;
  if (message.reject) receiveRejection(raft, progress, message);
  else receiveAcknowledgement(raft, progress, message);
}

function receiveRejection(raft: RaftState, progress: Progress, message: Message): void {
  raft.trace?.({
    kind: 'rejectionReceived',
    from: message.from,
    index: message.index,
    hintIndex: message.rejectHint,
    hintTerm: message.logTerm,
  });
  // The follower has nothing of a later term than logTerm up to the hint: skip ours of later.
  const hint =
    message.logTerm > 0
      ? raft.log.findByTerm(message.rejectHint, message.logTerm).index
      : message.rejectHint;
  if (!progress.decrease(message.index, hint)) return;
  raft.trace?.({ kind: 'progressDecreased', progress: progress.status() });
  if (progress.state === 'replicate') progress.becomeProbe();
  // Who refuses the very beginning of the log has no configuration to begin with.
  if (message.index === 0) sendSnapshot(raft, progress);
  else maybeSendAppend(raft, progress, true);
}

function receiveAcknowledgement(raft: RaftState, progress: Progress, message: Message): void {
  if (message.index > raft.log.lastIndex) return;
  // A caught-up member that is probed proves by any answer that it can be reached again.
  const reached = progress.state === 'probe' && progress.matchIndex === message.index;
  if (!progress.acknowledge(message.index) && !reached) return;
  const own = progress.id === raft.id;
  if (progress.state === 'probe') {
    progress.becomeReplicate();
  } else if (progress.state === 'replicate') {
    progress.inflights.freeThrough(message.index);
  } else if (progress.matchIndex + 1 >= raft.log.firstIndex) {
    // By the snapshot or by other means, it now is where the log can take it from.
    raft.trace?.({ kind: 'snapshotAcknowledged', progress: progress.status() });
    progress.becomeProbe();
    progress.becomeReplicate();
  }
  if (maybeCommit(raft)) {
    startEarlyReads(raft);
    broadcastAppend(raft);
  } else if (!own && progress.canBumpCommit(raft.log.committed)) {
    maybeSendAppend(raft, progress, true);
  }
  // The window may have room for several messages now.
  if (!own) while (maybeSendAppend(raft, progress, false));
  if (progress.id === raft.transferee && progress.matchIndex === raft.log.lastIndex) {
    raft.trace?.({
      kind: 'transferCaughtUp',
      term: raft.term,
      peer: progress.id,
      role: raft.role,
    });
    sendTimeoutNow(raft, progress.id);
  }
}

export function receiveHeartbeatResponse(
  raft: RaftState,
  progress: Progress,
  message: Message,
): void {
  progress.recentActive = true;
  progress.flowPaused = false;
  if (progress.matchIndex < raft.log.lastIndex || progress.state === 'probe') {
    maybeSendAppend(raft, progress, true);
  }
  // No more than was asked: a wrong number must not confirm rounds to come.
  if (message.context > progress.ackedRound && message.context <= raft.reads.round) {
    progress.ackedRound = message.context;
    releaseReads(raft);
  }
}

/** The outcome of a snapshot's transport; see RaftNode.reportSnapshot. */
export function receiveSnapshotReport(raft: RaftState, progress: Progress, ok: boolean): void {
  if (progress.state !== 'snapshot') return;
  // A failed one tells nothing about what the member has.
  if (!ok) progress.pendingSnapshot = 0;
  progress.becomeProbe();
  raft.trace?.({
    kind: ok ? 'snapshotSucceeded' : 'snapshotFailed',
    progress: progress.status(),
  });
  // Wait for its answer, or for the next heartbeat.
  progress.flowPaused = true;
}

/** Messages to the member were lost: what is on its way has to be found out again. */
export function receiveUnreachable(raft: RaftState, progress: Progress): void {
  if (progress.state === 'replicate') progress.becomeProbe();
  raft.trace?.({ kind: 'peerUnreachable', progress: progress.status() });
}

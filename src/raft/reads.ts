/**
 * Linearizable reads without writing to the log (Raft thesis, section 6.4).
 *
 * A read is answered with an index; it may be served once the state machine is there. `safe`
 * proves leadership with a heartbeat round that starts after the read came. `lease` trusts the
 * start of the newest round that a quorum answered, for less than an election timeout: until
 * then none of that quorum elects another leader. The clock is asked when the read comes, not
 * at ticks: after a pause of the process the first read may come before the first tick.
 *
 * No read is answered before the leader's own term has a committed entry. Until then its
 * commit index may be older than what its predecessor acknowledged, also when it is the only
 * voter: the commit index is not synced and goes back at a restart.
 */
import type { Message, NodeId, ReadOutcome } from './types';
import { NOBODY } from './types';
import type { RaftState } from './state';

/** A read of this node's own caller. */
export function readIndex(raft: RaftState, token: number): ReadOutcome {
  if (raft.role === 'leader') {
    if (raft.reads.size >= raft.settings.maxPendingReads) return 'tooManyReads';
    receiveRead(raft, raft.id, token);
    return 'accepted';
  }
  if (raft.leader === NOBODY) {
    raft.trace?.({ kind: 'readDropped', term: raft.term });
    return 'noLeader';
  }
  const message = raft.draft('readIndex', raft.leader);
  message.term = 0;
  message.context = raft.reads.forward(token, raft.settings.maxPendingReads);
  raft.send.push(message);
  return 'accepted';
}

/** On the leader: a read, its own or a follower's. Over the limit it is dropped. */
export function receiveRead(raft: RaftState, from: NodeId, context: number): void {
  if (raft.reads.size >= raft.settings.maxPendingReads) return;
  if (!raft.committedInTerm) {
    raft.reads.early.push({ from, context });
    return;
  }
  if (leaseHolds(raft)) {
    answer(raft, from, context, raft.log.committed);
    return;
  }
  // The open round has not left yet, so it begins after this read.
  const index = raft.log.committed;
  if (raft.reads.openRound !== 0) {
    raft.reads.add({ from, context, index, round: raft.reads.openRound });
    releaseReads(raft);
  } else {
    raft.reads.add({ from, context, index, round: raft.reads.round + 1 });
    broadcastHeartbeat(raft);
  }
}

/** The leader's term has its first committed entry: reads that came too early start now. */
export function startEarlyReads(raft: RaftState): void {
  if (raft.reads.early.length === 0 || !raft.committedInTerm) return;
  const early = raft.reads.early;
  raft.reads.early = [];
  for (const read of early) receiveRead(raft, read.from, read.context);
}

/** On a follower: the leader's answer to a read that was sent on. */
export function receiveReadAnswer(raft: RaftState, message: Message): void {
  const token = raft.reads.answered(message.context);
  if (token !== undefined) raft.readStates.push({ token, index: message.index });
}

/**
 * Starts a heartbeat round: tells every member that this node leads, up to which index it may
 * commit, and the number that confirms reads and extends the lease.
 */
export function broadcastHeartbeat(raft: RaftState): void {
  const round = raft.reads.begin(raft.settings.leaseReads ? raft.settings.nowMs() : undefined);
  for (const progress of raft.tracker.members) {
    if (progress.id === raft.id) {
      progress.ackedRound = round;
      continue;
    }
    const message = raft.draft('heartbeat', progress.id);
    // Never past what is known to match: a commit index says nothing about another log.
    message.commit = Math.min(progress.matchIndex, raft.log.committed);
    message.context = round;
    progress.sentCommit = message.commit;
    raft.send.push(message);
  }
  releaseReads(raft);
}

/** Answers the reads of all rounds that a quorum has answered. */
export function releaseReads(raft: RaftState): void {
  if (!raft.reads.waiting) return;
  for (const read of raft.reads.takeThrough(raft.tracker.quorumRound())) {
    answer(raft, read.from, read.context, read.index);
  }
}

/** Whether no other leader can have been elected up to this moment. */
function leaseHolds(raft: RaftState): boolean {
  if (!raft.settings.leaseReads || raft.leaseBroken) return false;
  const start = raft.reads.startOf(raft.tracker.quorumRound());
  return start !== undefined && raft.settings.nowMs() - start < raft.settings.leaseMs;
}

function answer(raft: RaftState, from: NodeId, context: number, index: number): void {
  if (from === raft.id) {
    raft.readStates.push({ token: context, index });
    return;
  }
  const message = raft.draft('readIndexResponse', from);
  message.context = context;
  message.index = index;
  raft.send.push(message);
}

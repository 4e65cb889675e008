/**
 * Elections: campaigning, asking first (pre-vote, Raft thesis section 9.6), voting, counting.
 *
 * A vote is answered only when the persist lane has it on disk, and the candidate's own vote
 * takes the same way. A voter that hears from a leader ignores requests (check-quorum): the
 * members that lost contact must not depose a leader that works.
 */
import type { Message, NodeId } from './types';
import { NOBODY } from './types';
import { broadcastAppend } from './replication';
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate } from './roles';
import type { RaftState } from './state';
import type { VoteContext } from './trace';

export type Campaign = 'preElection' | 'election' | 'transfer';

/** Starts an election if this node may. */
export function campaign(raft: RaftState, kind: Campaign): void {
  if (raft.role === 'leader') {
    raft.trace?.({ kind: 'campaignIgnored', reason: 'alreadyLeader' });
    return;
  }
  if (!raft.promotable) {
    raft.trace?.({ kind: 'campaignIgnored', reason: 'unpromotable' });
    return;
  }
  // Its own vote would break the promise this node gave to a leader's lease.
  if (kind !== 'transfer' && owesLease(raft)) {
    raft.trace?.({ kind: 'campaignIgnored', reason: 'lease' });
    return;
  }
  if (hasUnappliedChange(raft)) {
    // It would count votes by a configuration that is no longer the newest committed one.
    raft.trace?.({ kind: 'campaignBlocked', term: raft.term });
    return;
  }
  raft.trace?.({ kind: 'electionStarted', term: raft.term });
  requestVotes(raft, kind);
}

/** The election timer ran out, or the caller wants an election. */
export function timeOut(raft: RaftState): void {
  campaign(raft, raft.settings.preVote ? 'preElection' : 'election');
}

function requestVotes(raft: RaftState, kind: Campaign): void {
  const pre = kind === 'preElection';
  if (pre) becomePreCandidate(raft);
  else becomeCandidate(raft);
  const request = pre ? 'preVote' : 'vote';
  // Asking first is about the term to come, without entering it.
  const term = pre ? raft.term + 1 : raft.term;
  const { lastIndex, lastTerm } = raft.log;
  for (const progress of raft.tracker.members) {
    if (!isVoter(raft, progress.id)) continue;
    if (progress.id === raft.id) {
      const own = raft.draft(pre ? 'preVoteResponse' : 'voteResponse', raft.id);
      own.term = term;
      raft.afterPersist.push(own);
      continue;
    }
    raft.trace?.({
      kind: 'voteRequested',
      request,
      to: progress.id,
      term: raft.term,
      lastIndex,
      lastTerm,
    });
    const message = raft.draft(request, progress.id);
    message.term = term;
    message.index = lastIndex;
    message.logTerm = lastTerm;
    message.transfer = kind === 'transfer';
    raft.send.push(message);
  }
}

/** A candidate's request of our term or, for a pre-vote, of a term to come. */
export function receiveVoteRequest(raft: RaftState, message: Message): void {
  const pre = message.type === 'preVote';
  const response = raft.draft(pre ? 'preVoteResponse' : 'voteResponse', message.from);
  const canVote =
    raft.vote === message.from ||
    (raft.vote === NOBODY && raft.leader === NOBODY) ||
    (pre && message.term > raft.term);
  // A learner votes too when it is asked: the candidate may know that it was promoted.
  if (canVote && raft.log.isUpToDate(message.index, message.logTerm)) {
    raft.trace?.({ kind: 'voteCast', ...voteContext(raft, message) });
    response.term = message.term;
    if (!pre) {
      raft.electionElapsed = 0;
      raft.vote = message.from;
    }
  } else {
    raft.trace?.({ kind: 'voteRefused', ...voteContext(raft, message) });
    response.reject = true;
  }
  raft.afterPersist.push(response);
}

/** A pre-vote request of a term gone by: the answer tells its sender the term. */
export function refuseOldPreVote(raft: RaftState, message: Message): void {
  raft.trace?.({ kind: 'voteRefused', ...voteContext(raft, message) });
  const response = raft.draft('preVoteResponse', message.from);
  response.reject = true;
  raft.afterPersist.push(response);
}

/** Whether a request of a higher term is to be ignored because a leader was heard just now. */
export function ignoresInLease(raft: RaftState, message: Message): boolean {
  if (message.transfer || !raft.settings.checkQuorum || !inLease(raft)) return false;
  if (raft.trace !== undefined) {
    raft.trace({
      kind: 'voteIgnoredInLease',
      remainingTicks: raft.settings.electionTicks - raft.electionElapsed,
      ...voteContext(raft, message),
    });
  }
  return true;
}

/**
 * Whether a leader may count on this node electing nobody else. With lease reads that holds
 * even when this node forgot who leads: because it campaigned, or because it was restarted.
 */
function inLease(raft: RaftState): boolean {
  const { electionTicks } = raft.settings;
  if (owesLease(raft)) return true;
  return raft.leader !== NOBODY && raft.electionElapsed < electionTicks;
}

/**
 * Whether a leader may serve reads because of what this node last told it. The election timer
 * says nothing about that: it begins anew with every election this node asks for.
 */
function owesLease(raft: RaftState): boolean {
  const { electionTicks, leaseReads } = raft.settings;
  return leaseReads && raft.ticksSinceLeader < electionTicks;
}

/** An answer to our request, while we are the kind of candidate that asked. */
export function receiveVoteResponse(raft: RaftState, message: Message): void {
  const pre = message.type === 'preVoteResponse';
  if (raft.role !== (pre ? 'preCandidate' : 'candidate')) return;
  const request = pre ? 'preVote' : 'vote';
  const granted = !message.reject;
  raft.trace?.({
    kind: 'voteReceived',
    request,
    from: message.from,
    granted,
    term: raft.term,
  });
  // The first answer counts: a doubled or a contradicting one changes nothing.
  if (!raft.votes.has(message.from)) raft.votes.set(message.from, granted);
  if (raft.trace !== undefined) traceCount(raft, request);
  const result = raft.tracker.voteResult(raft.votes);
  if (result === 'lost') {
    becomeFollower(raft, raft.term, NOBODY);
  } else if (result === 'won') {
    if (pre) {
      requestVotes(raft, 'election');
    } else {
      becomeLeader(raft);
      broadcastAppend(raft);
    }
  }
}

/** The leader's check, once an election timeout: without a quorum it must not go on. */
export function checkQuorum(raft: RaftState): void {
  if (!raft.tracker.quorumActive()) {
    raft.trace?.({ kind: 'quorumLost' });
    becomeFollower(raft, raft.term, NOBODY);
  }
  for (const progress of raft.tracker.members) {
    if (progress.id !== raft.id) progress.recentActive = false;
  }
}

function isVoter(raft: RaftState, id: NodeId): boolean {
  const { voters, votersOutgoing } = raft.tracker.conf;
  return voters.includes(id) || votersOutgoing.includes(id);
}

/** Whether a committed change waits to be applied. */
function hasUnappliedChange(raft: RaftState): boolean {
  const { log } = raft;
  let low = log.applied + 1;
  while (low <= log.committed) {
    const entries = log.slice(low, log.committed + 1, raft.settings.maxApplyingBytes);
    // What cannot be read cannot be ruled out.
    if (entries === undefined) return true;
    for (const entry of entries) if (entry.type !== 'normal') return true;
    low += entries.length;
  }
  return false;
}

function traceCount(raft: RaftState, request: 'vote' | 'preVote'): void {
  let granted = 0;
  let rejected = 0;
  for (const { id, learner } of raft.tracker.members) {
    const vote = learner ? undefined : raft.votes.get(id);
    if (vote === true) granted++;
    else if (vote === false) rejected++;
  }
  raft.trace?.({ kind: 'votesCounted', request, granted, rejected });
}

function voteContext(raft: RaftState, message: Message): VoteContext {
  return {
    request: message.type === 'preVote' ? 'preVote' : 'vote',
    from: message.from,
    term: raft.term,
    vote: raft.vote,
    lastIndex: raft.log.lastIndex,
    lastTerm: raft.log.lastTerm,
    candidateIndex: message.index,
    candidateTerm: message.logTerm,
  };
}

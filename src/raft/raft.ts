/**
 * Steps and ticks: terms first, then what the role makes of it.
 *
 * A message of a higher term turns this node into a follower of that term, one of a lower term
 * is dropped or answered with ours; only then is it looked at. Nothing here trusts a message
 * to be expected, unique, in order or in time.
 */
import type { Message, MessageType, StepOutcome } from './types';
import { NOBODY } from './types';
import { leaveJointIfDue, snapshotInstalled } from './configuration';
import {
  checkQuorum,
  campaign,
  ignoresInLease,
  receiveVoteRequest,
  receiveVoteResponse,
  refuseOldPreVote,
  timeOut,
} from './election';
import { receiveAppend, receiveHeartbeat, receiveSnapshot } from './follower';
import { entriesBytes } from './log';
import { receiveProposal } from './proposals';
import { broadcastHeartbeat, receiveRead, receiveReadAnswer } from './reads';
import { receiveAppendResponse, receiveHeartbeatResponse } from './replication';
import { becomeFollower } from './roles';
import type { RaftState } from './state';
import { requestTransfer } from './transfer';

/** One tick of the clock: timers count ticks, not time. */
export function tick(raft: RaftState): void {
  raft.electionElapsed++;
  raft.ticksSinceLeader++;
  if (raft.role === 'leader') tickLeader(raft);
  else if (raft.promotable && raft.electionElapsed >= raft.electionTimeout) {
    raft.electionElapsed = 0;
    timeOut(raft);
  }
}

function tickLeader(raft: RaftState): void {
  raft.heartbeatElapsed++;
  if (raft.electionElapsed >= raft.settings.electionTicks) {
    raft.electionElapsed = 0;
    if (raft.settings.checkQuorum) checkQuorum(raft);
    if (raft.role !== 'leader') return;
    // The transferee had its time: this leader takes proposals again.
    raft.transferee = NOBODY;
  }
  if (raft.heartbeatElapsed >= raft.settings.heartbeatTicks) {
    raft.heartbeatElapsed = 0;
    broadcastHeartbeat(raft);
  }
}

/** A message from a peer, or an acknowledgement from one of this node's own lanes. */
export function step(raft: RaftState, message: Message): StepOutcome {
  if (message.to !== raft.id) return 'misaddressed';
  if (message.type === 'persisted' || message.type === 'applied') {
    if (message.from !== raft.id) return 'misaddressed';
    if (message.type === 'persisted') receivePersisted(raft, message);
    else receiveApplied(raft, message);
    return 'stepped';
  }
  if (isResponse(message.type) && raft.tracker.get(message.from) === undefined) {
    return 'unknownPeer';
  }
  if (message.type === 'propose') return receiveProposal(raft, message);
  if (message.type === 'readIndex') {
    if (raft.role === 'leader') receiveRead(raft, message.from, message.context);
    else raft.trace?.({ kind: 'readDropped', term: raft.term });
    return 'stepped';
  }
  if (message.term > raft.term) {
    if (!enterTerm(raft, message)) return 'stepped';
  } else if (message.term < raft.term) {
    receiveOldTerm(raft, message);
    return 'stepped';
  }
  receive(raft, message);
  return 'stepped';
}

function isResponse(type: MessageType): boolean {
  return (
    type === 'appendResponse' ||
    type === 'heartbeatResponse' ||
    type === 'voteResponse' ||
    type === 'preVoteResponse' ||
    type === 'readIndexResponse'
  );
}

/** A message of a higher term; false when it is to be ignored. */
function enterTerm(raft: RaftState, message: Message): boolean {
  const { type } = message;
  if ((type === 'vote' || type === 'preVote') && ignoresInLease(raft, message)) return false;
  // Asking, and agreeing to what was asked, is about a term that nobody has entered yet.
  if (type === 'preVote' || (type === 'preVoteResponse' && !message.reject)) return true;
  raft.trace?.({
    kind: 'higherTerm',
    message: type,
    from: message.from,
    term: raft.term,
    messageTerm: message.term,
  });
  const fromLeader = type === 'append' || type === 'heartbeat' || type === 'snapshot';
  becomeFollower(raft, message.term, fromLeader ? message.from : NOBODY);
  return true;
}

function receiveOldTerm(raft: RaftState, message: Message): void {
  const { type } = message;
  const asksFirst = raft.settings.checkQuorum || raft.settings.preVote;
  if (asksFirst && (type === 'append' || type === 'heartbeat')) {
    // Our term is higher and we do not depose leaders lightly: the old leader must hear of it,
    // or this node would never be let back in.
    raft.acknowledge(message.from, 0);
  } else if (type === 'preVote') {
    refuseOldPreVote(raft, message);
  } else {
    raft.trace?.({
      kind: 'lowerTermIgnored',
      message: type,
      from: message.from,
      term: raft.term,
      messageTerm: message.term,
    });
  }
}

/** A message of our term (or a pre-vote of a higher one). */
function receive(raft: RaftState, message: Message): void {
  switch (message.type) {
    case 'vote':
    case 'preVote':
      return receiveVoteRequest(raft, message);
    case 'voteResponse':
    case 'preVoteResponse':
      return receiveVoteResponse(raft, message);
    case 'append':
    case 'heartbeat':
    case 'snapshot':
      return receiveFromLeader(raft, message);
    case 'appendResponse':
    case 'heartbeatResponse':
      return receiveAsLeader(raft, message);
    case 'readIndexResponse':
      return receiveReadAnswer(raft, message);
    case 'timeoutNow':
      return receiveTimeoutNow(raft, message);
    case 'transferLeader':
      return receiveTransfer(raft, message);
    default:
      return;
  }
}

function receiveFromLeader(raft: RaftState, message: Message): void {
  // There is one leader in a term; a message of ours that comes back is no leader's.
  if (raft.role === 'leader') return;
  if (raft.role !== 'follower') becomeFollower(raft, raft.term, message.from);
  raft.electionElapsed = 0;
  raft.ticksSinceLeader = 0;
  raft.leader = message.from;
  if (message.type === 'append') receiveAppend(raft, message);
  else if (message.type === 'heartbeat') receiveHeartbeat(raft, message);
  else receiveSnapshot(raft, message);
}

function receiveAsLeader(raft: RaftState, message: Message): void {
  if (raft.role !== 'leader') return;
  const progress = raft.tracker.get(message.from)!;
  if (message.type === 'appendResponse') receiveAppendResponse(raft, progress, message);
  else receiveHeartbeatResponse(raft, progress, message);
}

/** A follower's caller wants the member `from` to lead. */
function receiveTransfer(raft: RaftState, message: Message): void {
  if (raft.role === 'leader') requestTransfer(raft, message.from);
  else raft.trace?.({ kind: 'transferDropped', term: raft.term });
}

/** The leader hands over to this node. It asks nobody first: the leader wants it. */
function receiveTimeoutNow(raft: RaftState, message: Message): void {
  const { term, role } = raft;
  if (role === 'follower') {
    raft.trace?.({ kind: 'timeoutNowReceived', term, peer: message.from, role });
    campaign(raft, 'transfer');
  } else if (role !== 'leader') {
    raft.trace?.({ kind: 'timeoutNowIgnored', term, peer: message.from, role });
  }
}

/** The persist lane is done with everything up to (index, logTerm), and with a snapshot. */
function receivePersisted(raft: RaftState, message: Message): void {
  if (message.index !== 0) {
    if (message.term === raft.term) raft.log.unstable.stableTo(message.index, message.logTerm);
    else {
      // The same (index, term) may have been cut and written again since: wait for a younger
      // acknowledgement. One follows, as entering a term puts work into the lane.
      raft.trace?.({ kind: 'persistedOfOldTerm', term: raft.term, messageTerm: message.term });
    }
  }
  if (message.snapshot !== undefined) {
    // Committed by its nature, so it holds in any term.
    raft.log.unstable.snapshotStable(message.snapshot.index);
    snapshotInstalled(raft, message.snapshot);
    applied(raft, message.snapshot.index, 0);
  }
}

/** The apply lane is done with everything up to `index`. */
function receiveApplied(raft: RaftState, message: Message): void {
  applied(raft, message.index, entriesBytes(message.entries));
  raft.releaseUncommitted(message.entries);
}

function applied(raft: RaftState, index: number, bytes: number): void {
  raft.log.appliedTo(index, bytes);
  leaveJointIfDue(raft);
}

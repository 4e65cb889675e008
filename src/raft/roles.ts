/**
 * Changing roles. Every change clears what belonged to the old one: votes, the transfer, reads
 * and the progress of others are facts of one term of office.
 */
import type { NodeId, Role, Term } from './types';
import { NOBODY } from './types';
import { fail } from './assert';
import { appendOwn } from './proposals';
import type { RaftState } from './state';

const EMPTY = new Uint8Array(0);

export function becomeFollower(raft: RaftState, term: Term, leader: NodeId): void {
  reset(raft, term);
  raft.leader = leader;
  setRole(raft, 'follower');
}

/** Asks whether an election could be won, without raising the term or using up the vote. */
export function becomePreCandidate(raft: RaftState): void {
  if (raft.role === 'leader') fail(`leader of term ${raft.term} becomes pre-candidate`);
  raft.votes.clear();
  raft.leader = NOBODY;
  setRole(raft, 'preCandidate');
}

export function becomeCandidate(raft: RaftState): void {
  if (raft.role === 'leader') fail(`leader of term ${raft.term} becomes candidate`);
  reset(raft, raft.term + 1);
  raft.vote = raft.id;
  setRole(raft, 'candidate');
}

export function becomeLeader(raft: RaftState): void {
  if (raft.role !== 'candidate') fail(`${raft.role} of term ${raft.term} becomes leader`);
  reset(raft, raft.term);
  raft.leader = raft.id;
  raft.role = 'leader';
  const own = raft.tracker.get(raft.id);
  if (own === undefined) fail(`node ${raft.id} leads without being a member`);
  own.becomeReplicate();
  own.recentActive = true;
  // There may be a change in the tail; no other until all of it is applied.
  raft.pendingChangeIndex = raft.log.lastIndex;
  raft.termStart = raft.log.lastIndex + 1;
  // Nothing of earlier terms can be committed before an entry of this one.
  appendOwn(raft, [{ type: 'normal', data: EMPTY }]);
  raft.trace?.({ kind: 'becameRole', role: 'leader', term: raft.term });
}

/** Draws a new election timeout: members must not campaign in step. */
export function drawElectionTimeout(raft: RaftState): void {
  const { electionTicks, random } = raft.settings;
  raft.electionTimeout = electionTicks + random(electionTicks);
}

function setRole(raft: RaftState, role: Role): void {
  raft.role = role;
  raft.trace?.({ kind: 'becameRole', role, term: raft.term });
}

function reset(raft: RaftState, term: Term): void {
  if (raft.term !== term) {
    raft.term = term;
    raft.vote = NOBODY;
  }
  raft.leader = NOBODY;
  raft.electionElapsed = 0;
  raft.heartbeatElapsed = 0;
  drawElectionTimeout(raft);
  raft.transferee = NOBODY;
  raft.leaseBroken = false;
  raft.snapshotWanted = false;
  raft.votes.clear();
  const { lastIndex, unstable } = raft.log;
  for (const progress of raft.tracker.members) {
    progress.restart(lastIndex + 1);
    // Who was elected by the others' votes alone may have a tail that its disk does not hold yet.
    if (progress.id === raft.id) progress.matchIndex = unstable.first - 1;
  }
  raft.pendingChangeIndex = 0;
  raft.uncommittedBytes = 0;
  raft.termStart = 0;
  raft.reads.reset();
}

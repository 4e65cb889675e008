/**
 * Handing leadership to a chosen voter (Raft thesis, section 3.10): catch it up while no
 * proposals are taken, then tell it to campaign at once. If it does not lead within an election
 * timeout, this leader goes on.
 */
import type { NodeId } from './types';
import { NOBODY } from './types';
import type { Progress } from './progress';
import { maybeSendAppend } from './replication';
import type { RaftState } from './state';

/** On the leader: begins a transfer to a voter. False when `id` is none. */
export function requestTransfer(raft: RaftState, id: NodeId): boolean {
  const progress = raft.tracker.get(id);
  if (progress === undefined) {
    raft.trace?.({ kind: 'noProgress', from: id });
    return false;
  }
  if (progress.learner) {
    raft.trace?.({ kind: 'transferIgnored', reason: 'learner' });
    return false;
  }
  startTransfer(raft, progress);
  return true;
}

/** Another transfer under way is given up; the same one goes on. */
function startTransfer(raft: RaftState, progress: Progress): void {
  const { term, role } = raft;
  if (raft.transferee !== NOBODY) {
    if (raft.transferee === progress.id) {
      raft.trace?.({ kind: 'transferInProgress', term, peer: progress.id, role });
      return;
    }
    raft.trace?.({ kind: 'transferReplaced', term, peer: raft.transferee, role });
    raft.transferee = NOBODY;
  }
  if (progress.id === raft.id) {
    raft.trace?.({ kind: 'transferIgnored', reason: 'self' });
    return;
  }
  raft.trace?.({ kind: 'transferStarted', term, peer: progress.id, role });
  raft.electionElapsed = 0;
  raft.transferee = progress.id;
  if (progress.matchIndex === raft.log.lastIndex) {
    sendTimeoutNow(raft, progress.id);
    raft.trace?.({ kind: 'transferImmediate', term, peer: progress.id, role });
  } else {
    maybeSendAppend(raft, progress, true);
  }
}

/**
 * Tells a member to campaign without asking first. It may do so at any later time, and voters
 * follow it in spite of a living leader: so from here on the lease of this term is void.
 */
export function sendTimeoutNow(raft: RaftState, to: NodeId): void {
  raft.leaseBroken = true;
  raft.send.push(raft.draft('timeoutNow', to));
}

/**
 * Proposals: into the leader's log, or on to the leader.
 *
 * The leader takes a batch whole or not at all. A membership change must fit the configuration
 * it will meet; one that does not becomes an empty entry if it came from elsewhere, so that
 * the indices of a forwarded batch stay what they would have been.
 */
import type { Entry, EntryType, Message, ProposalOutcome } from './types';
import { NOBODY } from './types';
import { decodeChange } from './changeCodec';
import { changeConf, isJoint, type ConfChange } from './membership';
import { broadcastAppend } from './replication';
import type { RaftState } from './state';

const NO_DATA = new Uint8Array(0);

/** What is proposed: an entry without its place in the log. */
export interface Proposal {
  readonly type: EntryType;
  readonly data: Uint8Array;
}

/** A proposal of this node's own caller. */
export function propose(raft: RaftState, batch: readonly Proposal[]): ProposalOutcome {
  if (raft.role === 'leader') return proposeAsLeader(raft, batch);
  if (raft.role !== 'follower' || raft.leader === NOBODY) return drop(raft, 'noLeader');
  if (!raft.settings.forwardProposals) return drop(raft, 'notForwarding');
  const message = raft.draft('propose', raft.leader);
  message.term = 0;
  message.entries = batch.map(({ type, data }) => ({ term: 0, index: 0, type, data }));
  raft.send.push(message);
  return 'forwarded';
}

/** A proposal another member sent here because it took this node for the leader. */
export function receiveProposal(raft: RaftState, message: Message): ProposalOutcome {
  if (raft.role !== 'leader') return drop(raft, 'noLeader');
  return message.entries.length === 0 ? 'accepted' : proposeAsLeader(raft, message.entries);
}

/** The leader's way out of a joint configuration that is to be left automatically. */
export function proposeLeaveJoint(raft: RaftState): ProposalOutcome {
  return proposeAsLeader(raft, [{ type: 'changeV2', data: NO_DATA }]);
}

/**
 * Why the leader would refuse a change now, or undefined. `selfRemoval` is for a change whose
 * outcome leaves this leader without a vote.
 */
export function changeRefusal(
  raft: RaftState,
  change: ConfChange,
): 'changePending' | 'mustLeaveJoint' | 'notJoint' | 'selfRemoval' | undefined {
  const { conf } = raft.tracker;
  const joint = isJoint(conf);
  const wantsOut = change.changes.length === 0;
  if (raft.settings.validateChanges) {
    if (raft.pendingChangeIndex > raft.log.applied) return 'changePending';
    if (joint && !wantsOut) return 'mustLeaveJoint';
    if (!joint && wantsOut) return 'notJoint';
  }
  if (!raft.settings.allowSelfRemoval && !wantsOut && conf.voters.includes(raft.id)) {
    const result = changeConf(conf, change);
    if (result.ok && !result.conf.voters.includes(raft.id)) return 'selfRemoval';
  }
  return undefined;
}

/** Appends entries of the leader's term; false (and nothing done) if they are too many bytes. */
export function appendOwn(raft: RaftState, batch: readonly Proposal[]): boolean {
  let bytes = 0;
  for (const { data } of batch) bytes += data.length;
  const waiting = raft.uncommittedBytes;
  // An empty entry always gets in: new leaders and joint configurations depend on it.
  if (bytes > 0 && waiting > 0 && waiting + bytes > raft.settings.maxUncommittedBytes) {
    drop(raft, 'tooManyBytes');
    return false;
  }
  raft.uncommittedBytes = waiting + bytes;
  const first = raft.log.lastIndex + 1;
  const entries: Entry[] = [];
  for (let i = 0; i < batch.length; i++) {
    const { type, data } = batch[i]!;
    entries.push({ term: raft.term, index: first + i, type, data });
  }
  raft.log.append(entries);
  // The leader's own acknowledgement, when its disk has them.
  raft.acknowledge(raft.id, raft.log.lastIndex);
  return true;
}

function proposeAsLeader(raft: RaftState, batch: readonly Proposal[]): ProposalOutcome {
  if (raft.tracker.get(raft.id) === undefined) return 'removed';
  if (raft.transferee !== NOBODY) return drop(raft, 'transferring');
  const pendingBefore = raft.pendingChangeIndex;
  let outcome: ProposalOutcome = 'accepted';
  let checked = batch;
  for (let i = 0; i < batch.length; i++) {
    if (batch[i]!.type === 'normal') continue;
    const refusal = checkChange(raft, batch[i]!, raft.log.lastIndex + 1 + i);
    if (refusal === undefined) continue;
    if (checked === batch) checked = batch.slice();
    (checked as Proposal[])[i] = { type: 'normal', data: NO_DATA };
    outcome = refusal;
  }
  if (!appendOwn(raft, checked)) {
    raft.pendingChangeIndex = pendingBefore;
    return 'tooManyBytes';
  }
  broadcastAppend(raft);
  return outcome;
}

/** Checks one membership change that would stand at `index`; notes it as pending if it may. */
function checkChange(
  raft: RaftState,
  proposal: Proposal,
  index: number,
): ProposalOutcome | undefined {
  const change = decodeChange(proposal.data);
  if (change === undefined) {
    raft.trace?.({ kind: 'malformedChangeIgnored', index });
    return 'malformedChange';
  }
  const reason = changeRefusal(raft, change);
  if (reason === undefined) {
    raft.pendingChangeIndex = index;
    return undefined;
  }
  raft.trace?.({
    kind: 'changeIgnored',
    change,
    version: proposal.type === 'change' ? 1 : 2,
    conf: raft.tracker.conf,
    reason,
    pendingIndex: raft.pendingChangeIndex,
    appliedIndex: raft.log.applied,
  });
  return reason;
}

function drop(
  raft: RaftState,
  reason: 'noLeader' | 'notForwarding' | 'transferring' | 'tooManyBytes',
): ProposalOutcome {
  raft.trace?.({
    kind: 'proposalDropped',
    reason,
    term: raft.term,
    leader: raft.leader,
    transferee: raft.transferee,
  });
  return reason === 'notForwarding' ? 'noLeader' : reason;
}

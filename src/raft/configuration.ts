/**
 * Putting membership configurations into force.
 *
 * A change takes effect when it is applied, on every member at the same index. What a restored
 * snapshot reflects already must not be put into force again by an older item of the apply
 * lane: `confIndex` says how far the active configuration is.
 */
import type { ConfState, Index, NodeId, SnapshotMetadata } from './types';
import { NOBODY } from './types';
import { changeConf, isJoint, normalizeConf, votersOf, type ConfChange } from './membership';
import { proposeLeaveJoint } from './proposals';
import { broadcastAppend, broadcastMissing, maybeCommit } from './replication';
import { startEarlyReads } from './reads';
import { becomeFollower } from './roles';
import type { RaftState } from './state';

/**
 * Applies the committed change at `index` and returns the configuration as of that index: what
 * the state machine is to remember with it. A change that cannot be made leaves it as it is:
 * deterministically, so all members agree.
 */
export function applyChange(raft: RaftState, change: ConfChange, index: Index): ConfState {
  if (index <= raft.appliedConfIndex) return raft.appliedConf;
  raft.appliedConfIndex = index;
  const result = changeConf(raft.appliedConf, change);
  if (!result.ok) {
    raft.trace?.({ kind: 'changeFailed', change, reason: result.reason });
    return raft.appliedConf;
  }
  raft.appliedConf = result.conf;
  if (index > raft.confIndex) {
    raft.confIndex = index;
    switchConf(raft, result.conf, result.added);
  }
  return result.conf;
}

/** A received snapshot is in place: the state machine stands where it says. */
export function snapshotInstalled(raft: RaftState, snapshot: SnapshotMetadata): void {
  if (snapshot.index <= raft.appliedConfIndex) return;
  raft.appliedConf = normalizeConf(snapshot.conf);
  raft.appliedConfIndex = snapshot.index;
}

/** Makes a configuration active, and as leader draws the consequences. */
export function switchConf(raft: RaftState, conf: ConfState, added: readonly NodeId[]): void {
  raft.installConf(conf, added);
  if (raft.role !== 'leader') return;
  const own = raft.tracker.get(raft.id);
  if (own === undefined || own.learner) {
    if (raft.settings.stepDownOnRemoval) becomeFollower(raft, raft.term, NOBODY);
    return;
  }
  if (conf.voters.length === 0) return;
  if (maybeCommit(raft)) {
    // With fewer voters, more may be committed.
    startEarlyReads(raft);
    broadcastAppend(raft);
  } else {
    // Newcomers need not wait for the next proposal or heartbeat.
    broadcastMissing(raft);
  }
  if (raft.transferee !== NOBODY && !votersOf(conf).includes(raft.transferee)) {
    raft.transferee = NOBODY;
  }
}

/** After something was applied: leaves a joint configuration that is to be left automatically. */
export function leaveJointIfDue(raft: RaftState): void {
  const { conf } = raft.tracker;
  if (!conf.autoLeave || !isJoint(conf) || raft.role !== 'leader') return;
  if (raft.log.applied < raft.pendingChangeIndex) return;
  // Refused during a transfer: the next applied entry, or the next leader, tries again.
  const proposed = proposeLeaveJoint(raft) === 'accepted';
  raft.trace?.({ kind: 'autoLeave', conf, proposed });
}

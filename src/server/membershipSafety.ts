/**
 * Whether a change of the membership is wise at the moment: etcd's `--strict-reconfig-check`.
 *
 * A change that is allowed may still cost a quorum, if members it counts on have never started or
 * do not answer. These checks look at this member's connections, so they are advice given before
 * the change is proposed; what must never happen is refused when it is applied (src/kv).
 */
import { refusals, type MemberRecord, type Refused } from '../kv';
import type { NodeId } from '../raft/types';
import { serviceRefusals } from './errors';

export interface MembershipView {
  readonly self: NodeId;
  readonly members: readonly MemberRecord[];
  /** How long messages to a member have been leaving; undefined while they do not. */
  readonly connectedForMs: (id: NodeId) => number | undefined;
  /** A connection counts when it has lasted this long. etcd: 5 s. */
  readonly healthyAfterMs: number;
}

/** Why a voter or learner should not be added now, or undefined. */
export function addRefusal(view: MembershipView, isLearner: boolean): Refused | undefined {
  const voters = votersOf(view);
  if (!isLearner && !roomForVoter(voters)) return refusals.notEnoughStarted();
  if (healthyCount(view, voters) < voters.length) return serviceRefusals.unhealthy();
  return undefined;
}

/** Why a learner should not become a voter now, or undefined; that it caught up is not asked. */
export function promoteRefusal(view: MembershipView): Refused | undefined {
  const voters = votersOf(view);
  // The learner counts, and as started.
  const started = voters.filter(isStarted).length + 1;
  return started < quorumOf(voters.length + 1) ? refusals.notEnoughStarted() : undefined;
}

/** Why a member should not be removed now, or undefined. */
export function removeRefusal(view: MembershipView, id: NodeId): Refused | undefined {
  if (view.members.some((member) => member.id === id && member.isLearner)) return undefined;
  const voters = votersOf(view);
  const rest = voters.filter((member) => member.id !== id);
  if (rest.filter(isStarted).length < quorumOf(rest.length)) return refusals.notEnoughStarted();
  // One that is down is no part of the quorum that works now.
  if (id !== view.self && view.connectedForMs(id) === undefined) return undefined;
  const healthy = healthyCount(view, voters) - 1;
  return healthy < quorumOf(rest.length) ? serviceRefusals.unhealthy() : undefined;
}

function votersOf({ members }: MembershipView): readonly MemberRecord[] {
  return members.filter(({ isLearner }) => !isLearner);
}

function isStarted({ name }: MemberRecord): boolean {
  return name !== '';
}

function quorumOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/** Whether a quorum will have started with one more voter, which has not. */
function roomForVoter(voters: readonly MemberRecord[]): boolean {
  const started = voters.filter(isStarted).length;
  // A cluster of one may grow: it is how a cluster is brought back after a disaster.
  if (started === 1 && voters.length === 1) return true;
  return started >= quorumOf(voters.length + 1);
}

function healthyCount(view: MembershipView, voters: readonly MemberRecord[]): number {
  return voters.filter(({ id }) => {
    if (id === view.self) return true;
    const connectedForMs = view.connectedForMs(id);
    return connectedForMs !== undefined && connectedForMs >= view.healthyAfterMs;
  }).length;
}

/**
 * What clients may do to the membership: checks what etcd checks before a change is proposed, and
 * proposes it.
 *
 * Whether a learner is ready only the leader knows: another member asks it first.
 */
import { findMember, refusals, Refused, type MemberRecord, type MembershipChange } from '../kv';
import type { NodeId } from '../raft/types';
import { newMemberId, parseUrl } from './clusterConfig';
import type { Driver } from './driver';
import { serviceRefusals } from './errors';
import { addRefusal, promoteRefusal, removeRefusal, type MembershipView } from './membershipSafety';
import { NotServed } from './notServed';
import type { MemberAdded, MemberInfo, MembershipBackend } from './services';

export interface MembershipOperationsParts {
  readonly driver: Driver;
  readonly clusterId: number;
  readonly self: NodeId;
  readonly connectedForMs: (id: NodeId) => number | undefined;
  readonly wallMs: () => number;
  /** Whether changes that endanger the quorum are refused. */
  readonly strictReconfigCheck: boolean;
  readonly healthyAfterMs: number;
}

/** Share of the leader's log that a learner must have, as in etcd. */
const READY_SHARE = 0.9;
const READY_METHOD = 'isLearnerReady';
type Readiness = 'ready' | 'notReady' | 'notLeader';

export class MembershipOperations implements MembershipBackend {
  constructor(private readonly parts: MembershipOperationsParts) {
    parts.driver.calls.handle(READY_METHOD, (id) => this.readinessHere(id));
  }

  async add(peerUrls: readonly string[], isLearner: boolean): Promise<MemberAdded> {
    checkUrls(peerUrls);
    this.check((view) => addRefusal(view, isLearner));
    const { clusterId, wallMs } = this.parts;
    const id = newMemberId(clusterId, peerUrls, wallMs());
    const member = { id, name: '', peerUrls, clientUrls: [], isLearner };
    const members = await this.change({ kind: 'add', member });
    return { member: memberInfo(member), members };
  }

  async promote(id: bigint): Promise<readonly MemberInfo[]> {
    const node = nodeId(id);
    if ((await this.readiness(node)) === 'notReady') throw serviceRefusals.learnerNotReady();
    this.check(promoteRefusal);
    return this.change({ kind: 'promote', id: node });
  }

  async remove(id: bigint): Promise<readonly MemberInfo[]> {
    const node = nodeId(id);
    this.check((view) => removeRefusal(view, node));
    return this.change({ kind: 'remove', id: node });
  }

  async update(id: bigint, peerUrls: readonly string[]): Promise<readonly MemberInfo[]> {
    checkUrls(peerUrls);
    return this.change({ kind: 'update', id: nodeId(id), peerUrls });
  }

  private check(refusalOf: (view: MembershipView) => Refused | undefined): void {
    if (!this.parts.strictReconfigCheck) return;
    const { driver } = this.parts;
    const refusal = refusalOf({ ...this.parts, members: driver.machine.cluster.members });
    if (refusal !== undefined) throw refusal;
  }

  private change(change: MembershipChange): Promise<readonly MemberInfo[]> {
    return new Promise((resolve, reject) => {
      this.parts.driver.changeMembership(change, (outcome) => {
        if (outcome instanceof Refused || outcome instanceof NotServed) reject(outcome);
        else resolve(outcome.map(memberInfo));
      });
    });
  }

  private async readiness(id: NodeId): Promise<Readiness> {
    const here = this.readinessHere(id);
    if (here !== 'notLeader') return here;
    const { driver } = this.parts;
    const { leader } = driver.node;
    if (leader === 0) throw new NotServed('noLeader', true, 'no leader is known');
    const answer = await new Promise((resolve) => {
      driver.calls.call(leader, READY_METHOD, id, resolve);
    });
    if (answer === 'ready' || answer === 'notReady') return answer;
    throw new NotServed('timeout', true, `the leader did not say whether ${id} is ready`);
  }

  /** A member that the core does not know is refused when the change is applied. */
  private readinessHere(id: unknown): Readiness {
    const { node } = this.parts.driver;
    if (node.role !== 'leader') return 'notLeader';
    const progress = typeof id === 'number' ? node.progressOf(id) : undefined;
    if (progress === undefined || !progress.learner) return 'ready';
    const hasEnough = progress.matchIndex >= node.lastIndex * READY_SHARE;
    return hasEnough && progress.state !== 'snapshot' ? 'ready' : 'notReady';
  }
}

export function memberInfo(member: MemberRecord): MemberInfo {
  return { ...member, id: BigInt(member.id) };
}

/** Throws for an id that no member of ours can have. */
export function nodeId(id: bigint): NodeId {
  if (id <= 0n || id > BigInt(Number.MAX_SAFE_INTEGER)) throw refusals.memberNotFound();
  return Number(id);
}

/** A voter that leadership can be handed to; throws as etcd does for anybody else. */
export function transferee(members: readonly MemberRecord[], id: bigint): NodeId {
  const known = id > 0n && id <= BigInt(Number.MAX_SAFE_INTEGER);
  const member = known ? findMember({ members, removed: [], alarms: [] }, Number(id)) : undefined;
  if (member === undefined || member.isLearner) throw serviceRefusals.badTransferee();
  return member.id;
}

function checkUrls(urls: readonly string[]): void {
  if (urls.length === 0) throw serviceRefusals.badMemberUrls();
  for (const url of urls) {
    try {
      parseUrl('peer URL', url);
    } catch {
      throw serviceRefusals.badMemberUrls();
    }
  }
}

/**
 * Changes of the membership as a client asks for them: through the driver of some member, or, for
 * several at once, through the core's joint configurations.
 */
import type { MemberRecord, MembershipChange } from '../kv';
import type { ConfState, NodeId } from '../raft/types';
import type { MembershipFault } from './faults';
import type { SimMember } from './simMember';

export function memberRecord(id: NodeId, isLearner: boolean): MemberRecord {
  return { id, name: `n${id}`, peerUrls: [`http://n${id}`], clientUrls: [], isLearner };
}

/** Voters and learners of both halves. */
export function isMember(conf: ConfState, id: NodeId): boolean {
  return [conf.voters, conf.votersOutgoing, conf.learners].some((ids) => ids.includes(id));
}

/**
 * Asks `asked` for the change; who it concerned, or undefined when there is nothing to ask for.
 * `spare` has not been a member yet.
 */
export function requestChange(
  { change }: MembershipFault,
  asked: SimMember,
  target: SimMember,
  spare: SimMember | undefined,
): NodeId | undefined {
  const { driver, runtime } = asked;
  if (driver === undefined || runtime === undefined) return undefined;
  const ask = (wanted: MembershipChange): void => {
    runtime.enter(() => driver.changeMembership(wanted, () => undefined));
  };
  switch (change) {
    case 'add':
    case 'addLearner': {
      if (spare === undefined) return undefined;
      ask({ kind: 'add', member: memberRecord(spare.id, change === 'addLearner') });
      return spare.id;
    }
    case 'promote': {
      const [learner] = driver.node.conf.learners;
      if (learner === undefined || !isCaughtUp(asked, learner)) return undefined;
      ask({ kind: 'promote', id: learner });
      return learner;
    }
    case 'remove':
      ask({ kind: 'remove', id: target.id });
      return target.id;
    case 'replace': {
      if (spare === undefined || !isMember(driver.node.conf, target.id)) return undefined;
      const changes = [
        { type: 'addVoter', id: spare.id },
        { type: 'remove', id: target.id },
      ] as const;
      const context = new Uint8Array(0);
      runtime.enter(() => driver.node.proposeChange({ transition: 'auto', changes, context }));
      return target.id;
    }
  }
}

/** As servers of etcd do: a learner is promoted when it has nearly everything. */
function isCaughtUp({ driver }: SimMember, learner: NodeId): boolean {
  const node = driver!.node;
  if (node.role !== 'leader') return false;
  return (node.progressOf(learner)?.matchIndex ?? 0) >= 0.9 * node.lastIndex;
}

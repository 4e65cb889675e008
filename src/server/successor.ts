/** Who should lead when this leader goes: the voter that is heard from and has most of the log. */
import type { RaftNode } from '../raft';
import type { NodeId } from '../raft/types';

/** A voter other than the present leader; undefined when there is none. */
export function successorOf(node: RaftNode): NodeId | undefined {
  const others = node.conf.voters.filter((id) => id !== node.leader);
  // Only the leader knows how far the others are; a follower offers itself.
  if (node.role !== 'leader') return others.includes(node.id) ? node.id : others[0];
  const [best] = node.progress
    .filter(({ id }) => others.includes(id))
    .sort((a, b) => Number(b.recentActive) - Number(a.recentActive) || b.matchIndex - a.matchIndex);
  return best?.id;
}

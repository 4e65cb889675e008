/** Who leads, as far as anybody can tell from outside. */
import type { SimMember } from './simMember';

/** The living leader of the highest term. */
export function leaderOf(members: readonly SimMember[]): SimMember | undefined {
  let leader: SimMember | undefined;
  for (const member of members) {
    if (!member.isUp || member.now.role !== 'leader') continue;
    if (leader === undefined || member.now.term > leader.now.term) leader = member;
  }
  return leader;
}

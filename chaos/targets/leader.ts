/**
 * Who leads, seen from outside. A deposed leader that is cut off still believes in itself for a
 * while, so several members can claim to lead; the claim in the highest term is the newest.
 */
import type { MemberStatus, RunningCluster } from '../target';

/** The name of the member that claims to lead in the highest term. */
export async function leaderAmong(
  cluster: Pick<RunningCluster, 'members' | 'status'>,
  timeoutMs?: number,
): Promise<string | undefined> {
  const names = cluster
    .members()
    .filter(({ state }) => state === 'running')
    .map(({ name }) => name);
  const answers = await Promise.allSettled(names.map((name) => cluster.status(name, timeoutMs)));
  let newest: { readonly name: string; readonly status: MemberStatus } | undefined;
  for (const [i, answer] of answers.entries()) {
    if (answer.status === 'rejected') continue;
    const status = answer.value;
    if (status.memberId === 0n || status.leaderId !== status.memberId) continue;
    if (!newest || status.raftTerm > newest.status.raftTerm) newest = { name: names[i]!, status };
  }
  return newest?.name;
}

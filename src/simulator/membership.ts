/** Members as records, and who belongs to a configuration. */
import type { MemberRecord } from '../kv';
import type { ConfState, NodeId } from '../raft/types';

export function memberRecord(id: NodeId, isLearner: boolean): MemberRecord {
  return { id, name: `n${id}`, peerUrls: [`http://n${id}`], clientUrls: [], isLearner };
}

/** Voters and learners of both halves. */
export function isMember(conf: ConfState, id: NodeId): boolean {
  return [conf.voters, conf.votersOutgoing, conf.learners].some((ids) => ids.includes(id));
}

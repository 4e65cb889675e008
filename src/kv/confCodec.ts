/** The core's membership configuration in bytes, as the store keeps it beside the applied index. */
import type { ConfState, NodeId } from '../raft/types';
import { ByteReader, ByteWriter } from './bytes';

export function encodeConf(conf: ConfState): Uint8Array {
  const w = new ByteWriter();
  w.byte(conf.autoLeave ? 1 : 0);
  for (const ids of [conf.voters, conf.learners, conf.votersOutgoing, conf.learnersNext]) {
    w.varint(ids.length);
    for (const id of ids) w.varint(id);
  }
  return w.finish();
}

/** Throws DamagedBytes. */
export function decodeConf(bytes: Uint8Array): ConfState {
  const r = new ByteReader(bytes);
  const autoLeave = r.byte() === 1;
  const ids = (): readonly NodeId[] => {
    const list: NodeId[] = [];
    for (let left = r.varint(); left > 0; left--) list.push(r.varint());
    return list;
  };
  const conf: ConfState = {
    voters: ids(),
    learners: ids(),
    votersOutgoing: ids(),
    learnersNext: ids(),
    autoLeave,
  };
  r.finish();
  return conf;
}

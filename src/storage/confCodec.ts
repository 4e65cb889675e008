/**
 * A membership configuration in bytes: four counted lists of 64-bit ids and one flag.
 * The reader checks every count against the bytes that are there before it allocates.
 */
import type { ConfState, NodeId } from '../raft/types';
import { getUint64, putUint64, viewOf } from './bytes';

export function encodeConf(conf: ConfState): Uint8Array {
  const lists = [conf.voters, conf.learners, conf.votersOutgoing, conf.learnersNext];
  const ids = lists.reduce((sum, list) => sum + list.length, 0);
  const bytes = new Uint8Array(1 + 4 * lists.length + 8 * ids);
  const view = viewOf(bytes);
  view.setUint8(0, conf.autoLeave ? 1 : 0);
  let at = 1;
  for (const list of lists) {
    view.setUint32(at, list.length, true);
    at += 4;
    for (const id of list) {
      putUint64(view, at, id);
      at += 8;
    }
  }
  return bytes;
}

/** Undefined when the bytes are not exactly one configuration. */
export function decodeConf(bytes: Uint8Array): ConfState | undefined {
  const view = viewOf(bytes);
  if (bytes.length < 1 || bytes[0]! > 1) return undefined;
  const lists: NodeId[][] = [];
  let at = 1;
  for (let n = 0; n < 4; n++) {
    if (at + 4 > bytes.length) return undefined;
    const count = view.getUint32(at, true);
    at += 4;
    if (count * 8 > bytes.length - at) return undefined;
    const list: NodeId[] = [];
    for (let i = 0; i < count; i++, at += 8) {
      const id = getUint64(view, at);
      if (id === undefined) return undefined;
      list.push(id);
    }
    lists.push(list);
  }
  if (at !== bytes.length) return undefined;
  const [voters, learners, votersOutgoing, learnersNext] = lists;
  return {
    voters: voters!,
    learners: learners!,
    votersOutgoing: votersOutgoing!,
    learnersNext: learnersNext!,
    autoLeave: bytes[0] === 1,
  };
}

export function sameConf(a: ConfState, b: ConfState): boolean {
  const same = (x: readonly NodeId[], y: readonly NodeId[]): boolean =>
    x.length === y.length && x.every((id, i) => id === y[i]);
  return (
    same(a.voters, b.voters) &&
    same(a.learners, b.learners) &&
    same(a.votersOutgoing, b.votersOutgoing) &&
    same(a.learnersNext, b.learnersNext) &&
    a.autoLeave === b.autoLeave
  );
}

export const NO_MEMBERS: ConfState = {
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

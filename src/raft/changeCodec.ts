/**
 * The data of a membership entry: a ConfChange as bytes, and back.
 *
 *   byte 0       transition (0 auto, 1 implicit, 2 explicit)
 *   varint       number of changes
 *   per change   type byte (0 addVoter, 1 remove, 2 update, 3 addLearner), varint id
 *   rest         the caller's context
 *
 * No bytes at all mean "leave the joint configuration", so that a leader can propose it when
 * its limit of uncommitted bytes is used up. Ids go up to 2^53 - 1 (8 groups of 7 bits).
 */
import type { ConfChange, MemberChange, MemberChangeType, Transition } from './membership';

const TRANSITIONS: readonly Transition[] = ['auto', 'implicit', 'explicit'];
const TYPES: readonly MemberChangeType[] = ['addVoter', 'remove', 'update', 'addLearner'];
const EMPTY = new Uint8Array(0);

/** Changes in one proposal; more is malformed. */
export const CHANGES_MAX = 1024;

/** The change that leaves a joint configuration. */
export const LEAVE_JOINT: ConfChange = { transition: 'auto', changes: [], context: EMPTY };

export function encodeChange(change: ConfChange): Uint8Array {
  if (change.transition === 'auto' && change.changes.length === 0 && change.context.length === 0) {
    return EMPTY;
  }
  const bytes: number[] = [TRANSITIONS.indexOf(change.transition)];
  putVarint(bytes, change.changes.length);
  for (const { type, id } of change.changes) {
    bytes.push(TYPES.indexOf(type));
    putVarint(bytes, id);
  }
  const data = new Uint8Array(bytes.length + change.context.length);
  data.set(bytes);
  data.set(change.context, bytes.length);
  return data;
}

/** The change in an entry's data; undefined when the data is malformed. */
export function decodeChange(data: Uint8Array): ConfChange | undefined {
  if (data.length === 0) return LEAVE_JOINT;
  const transition = TRANSITIONS[data[0]!];
  const reader = { data, at: 1 };
  const count = getVarint(reader);
  if (transition === undefined || count === undefined || count > CHANGES_MAX) return undefined;
  const changes: MemberChange[] = [];
  for (let i = 0; i < count; i++) {
    const type = TYPES[data[reader.at++] ?? TYPES.length];
    const id = getVarint(reader);
    if (type === undefined || id === undefined) return undefined;
    changes.push({ type, id });
  }
  return { transition, changes, context: data.subarray(reader.at) };
}

function putVarint(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}

function getVarint(reader: { readonly data: Uint8Array; at: number }): number | undefined {
  let value = 0;
  let scale = 1;
  for (let group = 0; group < 8; group++) {
    const byte = reader.data[reader.at++];
    if (byte === undefined) return undefined;
    value += (byte % 128) * scale;
    if (byte < 128) return Number.isSafeInteger(value) ? value : undefined;
    scale *= 128;
  }
  return undefined;
}

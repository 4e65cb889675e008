/**
 * Making messages: always with all fields in one order, so that every message in the process
 * has the same hidden class and reading one is fast.
 */
import type { Entry, Message, MessageType, NodeId, Term } from './types';

/** A message while its sender fills it in. */
export type Draft = { -readonly [Field in keyof Message]: Message[Field] };

export const NO_ENTRIES: readonly Entry[] = Object.freeze([]);

/** A message with zero values; the sender sets what its type needs. */
export function emptyMessage(type: MessageType, from: NodeId, to: NodeId, term: Term): Draft {
  return {
    type,
    from,
    to,
    term,
    logTerm: 0,
    index: 0,
    entries: NO_ENTRIES,
    commit: 0,
    reject: false,
    rejectHint: 0,
    context: 0,
    transfer: false,
    snapshot: undefined,
  };
}

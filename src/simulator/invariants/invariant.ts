/**
 * What an invariant sees, and how it speaks up.
 *
 * An invariant is told of every change of a member right after the event that caused it, and
 * looks at the change only: a check costs what changed, not what there is. It proves one sentence
 * about all members together, and that sentence is what a user reads when it is false.
 */
import type { ConfState, Index, Message, NodeId, Role, Term } from '../../raft/types';
import type { LogWork } from '../../storage/logStore';

/** One member as it was at some moment. */
export interface MemberState {
  readonly role: Role;
  readonly term: Term;
  readonly commitIndex: Index;
  readonly lastIndex: Index;
  readonly appliedIndex: Index;
  readonly revision: number;
}

/** A living member after an event, with what it was before. */
export interface MemberView {
  readonly id: NodeId;
  readonly now: MemberState;
  /** Undefined right after a start. */
  readonly before: MemberState | undefined;
  /** The configuration it goes by. */
  readonly conf: ConfState;
  /** Term of an entry of its log, the part in memory included; undefined outside of it. */
  termAt(index: Index): Term | undefined;
}

/** Says that the sentence is false, with the numbers that show it. */
export type Report = (invariant: Invariant, details: string) => void;

export interface Invariant {
  /** As reports name it. */
  readonly name: string;
  /** What it proves. */
  readonly sentence: string;
  /** A member changed its role, term, indices or revision, or has just started. */
  changed?(member: MemberView): void;
  /** A member is about to write this to its log. `previousTerm`: of the entry before `entries`. */
  appending?(member: NodeId, work: LogWork, previousTerm: Term | undefined): void;
  /** Everything written to the log before this sync began is on stable storage. */
  synced?(member: NodeId): void;
  /** A message left a member. */
  sent?(member: NodeId, message: Message): void;
  /** A member is about to take this message in. */
  arriving?(member: NodeId, message: Message): void;
}

/** Whether a set of members is a majority of the voters; of both halves, if there are two. */
export function isQuorum(conf: ConfState, has: (member: NodeId) => boolean): boolean {
  return isMajority(conf.voters, has) && isMajority(conf.votersOutgoing, has);
}

function isMajority(voters: readonly NodeId[], has: (member: NodeId) => boolean): boolean {
  let count = 0;
  for (const voter of voters) if (has(voter)) count++;
  return voters.length === 0 || 2 * count > voters.length;
}

/**
 * Walks along a recorded run, one event that says something at a time, and knows what every
 * member was at that point. It reads the trace alone: nothing runs again, so nothing can differ
 * from the run that failed.
 */
import { describeRecord } from './columns';
import { TraceKind } from './trace';
import type { TraceRecord } from './trace';

/** A member as of some event. */
export interface MemberAt {
  readonly id: number;
  /** `unseen`: the trace begins later than its last change. */
  readonly role: 'follower' | 'preCandidate' | 'candidate' | 'leader' | 'down' | 'unseen';
  readonly term: number;
  readonly commitIndex: number;
  readonly lastIndex: number;
  readonly appliedIndex: number;
  readonly revision: number;
}

const ROLES = ['follower', 'preCandidate', 'candidate', 'leader'] as const;

export class Stepper {
  private readonly steps: readonly TraceRecord[];
  private readonly members: MemberAt[];
  private at = 0;

  constructor(records: readonly TraceRecord[], members: number) {
    this.steps = records.filter((record) => describeRecord(record) !== undefined);
    this.members = Array.from({ length: members }, (_, i) => unseen(i + 1));
  }

  /** Events that the walk has, and how many of them lie behind it. */
  get length(): number {
    return this.steps.length;
  }

  get position(): number {
    return this.at;
  }

  /** Takes the next step and answers with its record; undefined at the end. */
  next(): TraceRecord | undefined {
    const record = this.steps[this.at];
    if (record === undefined) return undefined;
    this.at++;
    const { kind, member } = record;
    if (kind === TraceKind.state) this.members[member - 1] = stateOf(record);
    if (kind === TraceKind.crash) this.members[member - 1] = { ...unseen(member), role: 'down' };
    return record;
  }

  /** What the members are now. */
  states(): readonly MemberAt[] {
    return this.members;
  }
}

function unseen(id: number): MemberAt {
  const nothing = { term: 0, commitIndex: 0, lastIndex: 0, appliedIndex: 0, revision: 0 };
  return { id, role: 'unseen', ...nothing };
}

function stateOf({ member, a, b, c, d, e, f }: TraceRecord): MemberAt {
  return {
    id: member,
    role: ROLES[a]!,
    term: b,
    commitIndex: c,
    lastIndex: d,
    appliedIndex: e,
    revision: f,
  };
}

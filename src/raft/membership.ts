/**
 * Membership configurations and the changes between them; immutable values.
 *
 * A simple change adds or removes at most one voter, so that any two majorities of old and new
 * overlap. A larger one goes through a joint configuration, in which the majorities of both
 * sets of voters are needed (Raft thesis, section 4.3). A voter that becomes a learner in a
 * joint configuration still counts in the outgoing half and waits in `learnersNext`.
 *
 *   simple     C(old) ------------------------------> C(new)
 *   joint      C(old) --enter--> C(new)&&C(old) --leave--> C(new)
 */
import type { ConfState, NodeId } from './types';

/** `update` changes nothing here: it carries the caller's `context` through the log. */
export type MemberChangeType = 'addVoter' | 'addLearner' | 'remove' | 'update';

export interface MemberChange {
  readonly type: MemberChangeType;
  /** NOBODY (0) makes the change a no-op. */
  readonly id: NodeId;
}

/**
 * How to go through a joint configuration. `auto`: only if more than one change needs it, and
 * leave by itself. `implicit`: always, and leave by itself. `explicit`: always, and stay until
 * a change without changes is proposed.
 */
export type Transition = 'auto' | 'implicit' | 'explicit';

/** One proposal to change the membership. No changes and `auto`: leave the joint configuration. */
export interface ConfChange {
  readonly transition: Transition;
  readonly changes: readonly MemberChange[];
  /** The caller's, e.g. the address of the member. */
  readonly context: Uint8Array;
}

const NO_IDS: readonly NodeId[] = Object.freeze([]);

export const EMPTY_CONF: ConfState = Object.freeze({
  voters: NO_IDS,
  learners: NO_IDS,
  votersOutgoing: NO_IDS,
  learnersNext: NO_IDS,
  autoLeave: false,
});

/** The configuration after a change, or why it cannot be made. */
export type ChangeResult =
  | {
      readonly ok: true;
      readonly conf: ConfState;
      /** Members whose replication starts afresh: new ones, and those removed and added again. */
      readonly added: readonly NodeId[];
    }
  | { readonly ok: false; readonly reason: string };

export function isJoint(conf: ConfState): boolean {
  return conf.votersOutgoing.length > 0;
}

/** Whether the change asks to leave a joint configuration. */
export function leavesJoint(change: ConfChange): boolean {
  return change.transition === 'auto' && change.changes.length === 0;
}

/** Voters of both halves, ascending. */
export function votersOf(conf: ConfState): readonly NodeId[] {
  if (!isJoint(conf)) return conf.voters;
  return sorted(new Set([...conf.voters, ...conf.votersOutgoing]));
}

/** Everybody that gets the log: voters of both halves and learners, ascending. */
export function membersOf(conf: ConfState): readonly NodeId[] {
  return sorted(new Set([...conf.voters, ...conf.votersOutgoing, ...conf.learners]));
}

/** The same configuration with ascending ids. */
export function normalizeConf(conf: ConfState): ConfState {
  return {
    voters: sorted(new Set(conf.voters)),
    learners: sorted(new Set(conf.learners)),
    votersOutgoing: sorted(new Set(conf.votersOutgoing)),
    learnersNext: sorted(new Set(conf.learnersNext)),
    autoLeave: conf.autoLeave,
  };
}

/** The configuration that follows from a committed change: the same on every member. */
export function changeConf(conf: ConfState, change: ConfChange): ChangeResult {
  if (leavesJoint(change)) return leaveJoint(conf);
  if (change.transition !== 'auto' || change.changes.length > 1) {
    return enterJoint(conf, change.transition !== 'explicit', change.changes);
  }
  return changeSimply(conf, change.changes);
}

/** Changes that need no joint configuration: at most one voter comes or goes. */
export function changeSimply(conf: ConfState, changes: readonly MemberChange[]): ChangeResult {
  if (isJoint(conf)) return refuse("can't apply simple config change in joint config");
  const draft = new Draft(conf);
  for (const change of changes) draft.apply(change);
  if (draft.voters.size === 0) return refuse('removed all voters');
  if (differences(conf.voters, draft.voters) > 1) {
    return refuse('more than one voter changed without entering joint config');
  }
  return draft.finish(conf.autoLeave);
}

/** Makes today's voters the outgoing half, and applies the changes to the incoming one. */
export function enterJoint(
  conf: ConfState,
  autoLeave: boolean,
  changes: readonly MemberChange[],
): ChangeResult {
  if (isJoint(conf)) return refuse('config is already joint');
  if (conf.voters.length === 0) return refuse("can't make a zero-voter config joint");
  const draft = new Draft(conf);
  draft.outgoing = new Set(conf.voters);
  for (const change of changes) draft.apply(change);
  if (draft.voters.size === 0) return refuse('removed all voters');
  return draft.finish(autoLeave);
}

/** Drops the outgoing half; voters that were demoted become learners now. */
export function leaveJoint(conf: ConfState): ChangeResult {
  if (!isJoint(conf)) return refuse("can't leave a non-joint config");
  const draft = new Draft(conf);
  for (const id of conf.learnersNext) draft.learners.add(id);
  draft.learnersNext.clear();
  draft.outgoing.clear();
  return draft.finish(false);
}

function refuse(reason: string): ChangeResult {
  return { ok: false, reason };
}

function sorted(ids: ReadonlySet<NodeId>): readonly NodeId[] {
  return [...ids].sort((a, b) => a - b);
}

/** Ids that are in one of the two sets only. */
function differences(before: readonly NodeId[], after: ReadonlySet<NodeId>): number {
  let common = 0;
  for (const id of before) if (after.has(id)) common++;
  return before.length + after.size - 2 * common;
}

/** A configuration while it is being changed. */
class Draft {
  readonly voters: Set<NodeId>;
  outgoing: Set<NodeId>;
  readonly learners: Set<NodeId>;
  readonly learnersNext: Set<NodeId>;
  private readonly tracked: Set<NodeId>;
  private readonly added = new Set<NodeId>();

  constructor(conf: ConfState) {
    this.voters = new Set(conf.voters);
    this.outgoing = new Set(conf.votersOutgoing);
    this.learners = new Set(conf.learners);
    this.learnersNext = new Set(conf.learnersNext);
    this.tracked = new Set(membersOf(conf));
  }

  apply(change: MemberChange): void {
    if (change.id === 0) return;
    switch (change.type) {
      case 'addVoter':
        return this.addVoter(change.id);
      case 'addLearner':
        return this.addLearner(change.id);
      case 'remove':
        return this.remove(change.id);
      case 'update':
        return;
    }
  }

  finish(autoLeave: boolean): ChangeResult {
    const conf: ConfState = {
      voters: sorted(this.voters),
      learners: sorted(this.learners),
      votersOutgoing: sorted(this.outgoing),
      learnersNext: sorted(this.learnersNext),
      autoLeave,
    };
    return { ok: true, conf, added: sorted(this.added) };
  }

  private track(id: NodeId): void {
    if (this.tracked.has(id)) return;
    this.tracked.add(id);
    this.added.add(id);
  }

  private addVoter(id: NodeId): void {
    this.track(id);
    this.learners.delete(id);
    this.learnersNext.delete(id);
    this.voters.add(id);
  }

  private addLearner(id: NodeId): void {
    this.track(id);
    if (this.learners.has(id)) return;
    this.voters.delete(id);
    // In both halves of a joint configuration a member is either voter or learner.
    if (this.outgoing.has(id)) this.learnersNext.add(id);
    else this.learners.add(id);
  }

  private remove(id: NodeId): void {
    this.voters.delete(id);
    this.learners.delete(id);
    this.learnersNext.delete(id);
    if (this.outgoing.has(id)) return;
    this.tracked.delete(id);
    this.added.delete(id);
  }
}

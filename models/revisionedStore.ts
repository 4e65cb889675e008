/**
 * What the sweep over revisions needs to know of a store: which operations made or saw which
 * revision, what they saw of keys, and a replica to replay them on.
 */

import type { Operation } from '../src/history';
import type { Budget } from './checker/budget';
import type { Decision, Part } from './checker/decider';

/** A key and its new value; undefined when the key is deleted. */
export interface Change {
  readonly key: string;
  readonly value: unknown;
}

/** A key as an operation saw it: its value and the revision that gave it; 0 when missing. */
export interface Sight extends Change {
  readonly mod: number;
  /** The revision it was looked at; default the one the operation carries. */
  readonly at?: number;
}

/**
 * - `change`: made the revision it carries.
 * - `observe`: looked at the revision it carries.
 * - `stale`: the same, but at a moment that may be past.
 * - `unknown`: may have made some revision.
 * - `none`: has no place in the order of revisions.
 * - `unplaced`: carries no revision although it needs one, so the sweep cannot be made.
 */
export type Role = 'change' | 'observe' | 'stale' | 'unknown' | 'none' | 'unplaced';

/** A store that a sweep replays operations on, in place. */
export interface Replica {
  /** Applies the operation; a sentence when its answer cannot be right here. */
  apply(operation: Operation): string | undefined;
  /** What the operation would change now; nothing when a condition is false. */
  changes(operation: Operation): readonly Change[];
  describe(): string;
}

/** How a model tells the sweep about its operations. */
export interface RevisionedStore {
  /** Revision before the first change. */
  readonly initialRevision: number;
  createReplica(): Replica;
  role(operation: Operation): Role;
  /** What an operation saw of keys and their revisions. */
  sights(operation: Operation): readonly Sight[];
  /** The revision of the only key that an operation saw, to be told without a list. */
  seenMod?(operation: Operation): number | undefined;
  /** All changes an operation can make, conditions aside. */
  possibleChanges(operation: Operation): readonly Change[];
  /** What a change certainly changed; undefined when its answer tells too little. */
  sureChanges(operation: Operation): readonly Change[] | undefined;
  /**
   * The value that a change finds in the key that it changes, and with which it takes place; one
   * that has this hangs on nothing else.
   */
  found?(operation: Operation): Change | undefined;
  /** The value that an observer certainly did not find in a key. */
  missed?(operation: Operation): Change | undefined;
  /** Whether what it changes depends on the store. */
  isConditional(operation: Operation): boolean;
  /** Whether keys can be deleted: then a missing key says little of older changes. */
  readonly hasDeletes: boolean;
  /** The value of a key before its first change. */
  readonly missingValue: unknown;
  /** Whether operations can look at past revisions. */
  readonly hasPast: boolean;
  describe(operation: Operation): string;
  /** A check of what the order of revisions does not cover. */
  extra?(part: Part): Fault | undefined;
  /** The general search, for a part in which only the gaps are open. */
  search(part: Part, budget: Budget): Decision;
}

/** Operations as indexes into the part. */
export interface Fault {
  readonly operation: number;
  readonly involved: readonly number[];
  readonly why: string;
}

export const NOBODY = -1;

/** Whether two values of changes are the same. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  return typeof a === 'object' && a !== null && JSON.stringify(a) === JSON.stringify(b);
}

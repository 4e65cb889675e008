/**
 * The contract between the checker and the procedures that decide one part of a history.
 *
 * A decider may decline (undefined); what it does say must be true: `ok` only with a
 * linearization in hand or a theorem behind it, `fail` only when there is none, `unknown` when a
 * budget ran out. The checker tries them in order.
 */

import type { Operation } from '../../src/history';
import type { Budget } from './budget';

/** Rank of a return that never came. */
export const NEVER = Infinity;

/**
 * The operations of one part that matter, by the order of their calls: refused ones and unknown
 * reads are gone. `call` and `ret` are ranks among all events of the history, so all different.
 */
export interface Part {
  /** The key, or undefined when the history has one part. */
  readonly key: string | undefined;
  readonly operations: readonly Operation[];
  readonly call: Float64Array;
  readonly ret: Float64Array;
}

/** Why an operation could not be the next one. */
export interface Rejection {
  readonly operation: Operation;
  readonly why: string;
}

/** Why a part cannot be linearized, for people and for pictures. */
export interface Explanation {
  /** One sentence that names the operation, what it saw and why that cannot be. */
  readonly message: string;
  /** The operation that cannot be placed. */
  readonly operation: Operation;
  /** The operations that contradict each other; a few, the culprit among them. */
  readonly involved: readonly Operation[];
  /** A longest order of operations that is possible, without the culprit. */
  readonly linearized: readonly Operation[];
  /** The state after that order, described. */
  readonly state: string;
  /** The operations that could be next by time, and why none of them can. */
  readonly rejected: readonly Rejection[];
}

export type Decision =
  | { readonly verdict: 'ok'; readonly method: string; readonly order?: readonly Operation[] }
  | { readonly verdict: 'fail'; readonly method: string; readonly explanation: Explanation }
  | { readonly verdict: 'unknown'; readonly method: string; readonly reason: string };

export type Decider = (part: Part, budget: Budget) => Decision | undefined;

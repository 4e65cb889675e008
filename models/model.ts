/**
 * What a system is allowed to do: a sequential specification as a record of functions.
 *
 * A model is an initial state and a step. The rest tells the checker what it may exploit: how to
 * cut a history into independent parts, which operations only observe or only overwrite, which
 * states no future observation can tell apart, and procedures that decide special shapes of
 * histories faster than a search. None of it may change a verdict, only its cost.
 *
 * ```ts
 * const counter: Model<number> = {
 *   name: 'counter',
 *   init: () => 0,
 *   step: (count, { f, output, outcome }) => {
 *     if (f === 'increment') return count + 1;
 *     return outcome === 'info' || output === count ? count : ILLEGAL;
 *   },
 * };
 * ```
 */

import type { History, Operation } from '../src/history';
import type { Decider } from './checker/decider';

/** Result of a step that the operation's output forbids. */
export const ILLEGAL = undefined;

/**
 * What the step of one given operation can do, whatever the state:
 *
 * - `observe`: it never changes the state where it is allowed (a read with its value).
 * - `overwrite`: it is allowed in every state and leads to the same state from all of them.
 * - `update`: it is allowed in every state.
 * - `any`: nothing is known.
 */
export type Effect = 'observe' | 'overwrite' | 'update' | 'any';

export interface Model<State> {
  readonly name: string;

  /** The names (`f`) of its operations; a check of any other is refused. Default: all names. */
  readonly operations?: readonly string[];

  readonly init: () => State;

  /**
   * The state after the operation, or ILLEGAL when the operation cannot have had its output here.
   * States are values: a step never changes the one it is given. For an operation of outcome
   * `info` the output is unknown and the step gives its effect, if it takes effect at all.
   */
  readonly step: (state: State, operation: Operation) => State | typeof ILLEGAL;

  /**
   * Whether a `fail` tells something about the state (a compare that did not match). Failed
   * operations that do not are dropped: they certainly had no effect. Default: never.
   */
  readonly observesFailure?: (operation: Operation) => boolean;

  /**
   * The part of the state that the operation touches, usually its key. Operations of different
   * parts must not influence each other. Default: one part.
   */
  readonly partition?: (operation: Operation) => string;

  /**
   * A text or number that is the same for equal states. Default: states are compared by what they
   * hold, plain data, maps, sets and big integers; objects of other classes are refused.
   */
  readonly hash?: (state: State) => string | number;

  /** Settles states with the same hash. Default: the same hash is the same state. */
  readonly equal?: (a: State, b: State) => boolean;

  /** Default: `any`. */
  readonly effect?: (operation: Operation) => Effect;

  /**
   * A text or number that is the same for operations of one name that no step tells apart.
   * Default: those fields that the step was seen to ask for.
   */
  readonly label?: (operation: Operation) => string | number;

  /**
   * Given all operations of a part: a function that maps a state to a representative that none
   * of these operations can tell from it, ever. Default: every state represents itself.
   */
  readonly quotient?: (operations: readonly Operation[]) => (state: State) => State;

  /** Procedures to try in order before the general search. Each may decline. */
  readonly deciders?: readonly Decider[];

  /** A model that also uses what a history holds beside its operations; undefined: this one. */
  readonly forHistory?: (history: History) => Model<State> | undefined;

  readonly describeOperation?: (operation: Operation) => string;
  readonly describeState?: (state: State) => string;
}

/** JSON, by the shortest way for numbers; null for what JSON has no text for. */
export function jsonText(value: unknown): string {
  if (typeof value === 'number' && Number.isFinite(value)) return `${value}`;
  return JSON.stringify(value) ?? 'null';
}

/** The label for models whose step does not ask who did it, which saves the checker much work. */
export function labelByAnswer(operation: Operation): string {
  const { rev, mod } = operation;
  return `${rev} ${mod} ${labelByValues(operation)}`;
}

/** The same for models that do not ask for revisions either: a store may give them all the same. */
export function labelByValues({ f, key, input, output, outcome, error }: Operation): string {
  // JSON texts end by themselves, so only the name, which may hold anything, must come last.
  const values = `${jsonText(key)} ${jsonText(input)} ${jsonText(output)} ${jsonText(error)}`;
  return `${values} ${outcome} ${f}`;
}

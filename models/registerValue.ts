/**
 * The values of a register and the arguments of its operations, as they stand in histories.
 *
 * Values are compared with ===, so whatever is no scalar is turned into its JSON first.
 */

import type { Operation } from '../src/history';
import { ModelError } from './modelError';

/** The value of a register; anything that is no scalar is compared by its JSON. */
export type RegisterValue = string | number | boolean | null;

/** Scalars are themselves; the rest becomes text, so that === compares values. */
export function registerValue(value: unknown): RegisterValue {
  if (value === undefined) return null;
  if (typeof value === 'object' && value !== null) return JSON.stringify(value);
  return value as RegisterValue;
}

/** [from, to] of a cas. */
export function casOf(operation: Operation): readonly [RegisterValue, RegisterValue] {
  const { input } = operation;
  if (!Array.isArray(input) || input.length !== 2) {
    throw new ModelError(operation, 'the value of a cas is no [from, to]');
  }
  return [registerValue(input[0]), registerValue(input[1])];
}

/** What a register can do. */
export const registerOperations: readonly string[] = ['read', 'write', 'cas'];

/**
 * A history that a model cannot be asked about: an operation it does not have, or one with a
 * value of the wrong shape. It is a mistake of the caller, never a verdict.
 */

import type { Operation } from '../src/history';

export class ModelError extends Error {
  constructor(
    readonly operation: Operation,
    reason: string,
  ) {
    super(`operation ${operation.id} by process ${operation.process}: ${reason}`);
    this.name = 'ModelError';
  }
}

/**
 * A lock that one process at a time holds: acquire and release.
 *
 * `acquire` succeeds only when nobody holds the lock, `release` only for its holder. The owner is
 * the value of the operation (a session or lease), or its process when there is none: a client
 * that goes on under a new process number after a timeout must name itself by a value.
 */

import type { Operation } from '../src/history';
import type { Model } from './model';

/** The holder; null when the lock is free. */
export type LockState = string | null;

function ownerOf({ input, process }: Operation): string {
  return input === null || input === undefined ? `process ${process}` : JSON.stringify(input);
}

function step(holder: LockState, operation: Operation): LockState | undefined {
  const owner = ownerOf(operation);
  const isAllowed = operation.f === 'acquire' ? holder === null : holder === owner;
  if (isAllowed) return operation.f === 'acquire' ? owner : null;
  return operation.outcome === 'info' ? holder : undefined;
}

export function lock(): Model<LockState> {
  return {
    name: 'lock',
    operations: ['acquire', 'release'],
    init: () => null,
    step,
    partition: (operation) => operation.key ?? '',
    label: (operation) => `${operation.f} ${operation.outcome} ${ownerOf(operation)}`,
    describeState: (holder) => (holder === null ? 'free' : `held by ${holder}`),
    describeOperation: (operation) =>
      `${operation.f}(${operation.key ?? ''}) by ${ownerOf(operation)}, ${operation.outcome}`,
  };
}

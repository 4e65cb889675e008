/** A defect with its name and what it breaks, and what most defects are made of. */
import type { RangeResponse } from '../../../api';
import type { AnyResponse, Defect } from './faultyStore';

export interface NamedDefect {
  readonly name: string;
  readonly workload: 'register' | 'kv' | 'txn' | 'compaction' | 'coordination';
  /** One for each member. */
  readonly members: readonly Defect[];
  /** Ids of promises; all of these must be broken. */
  readonly broken: readonly string[];
}

/** True at every n-th call. */
export function every(n: number): () => boolean {
  let count = 0;
  return () => ++count % n === 0;
}

export function withRevision<R extends AnyResponse>(
  response: R,
  change: (revision: bigint) => bigint,
): R {
  const { header } = response;
  if (header === undefined) return response;
  return { ...response, header: { ...header, revision: change(header.revision) } };
}

export function one(
  name: string,
  workload: NamedDefect['workload'],
  defect: Defect,
  ...broken: readonly string[]
): NamedDefect {
  return { name, workload, members: [defect], broken };
}

/** Of a store with one member. */
export function header(revision: bigint): NonNullable<RangeResponse['header']> {
  return { clusterId: 1n, memberId: 1n, revision, raftTerm: 1n };
}

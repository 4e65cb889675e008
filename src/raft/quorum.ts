/**
 * Majorities: the index a quorum has reached, and the outcome of a vote.
 *
 * A joint configuration is two sets of voters that must both agree: the smaller index of the
 * two, the worse vote of the two. The empty set agrees to everything (index Infinity, vote
 * won), which makes a plain configuration the joint one whose second half is empty.
 */
import type { Index, NodeId } from './types';

export type VoteResult = 'won' | 'lost' | 'pending';

/**
 * The largest index that a majority of the first `count` values has reached; Infinity when
 * `count` is 0. Sorts `values` in place (insertion sort: there are rarely more than seven).
 */
export function majorityIndex(values: number[] | Float64Array, count: number): Index {
  if (count === 0) return Infinity;
  for (let i = 1; i < count; i++) {
    const value = values[i]!;
    let j = i - 1;
    while (j >= 0 && values[j]! > value) {
      values[j + 1] = values[j]!;
      j--;
    }
    values[j + 1] = value;
  }
  // n - (floor(n / 2) + 1) voters may lie behind.
  return values[count - (count >> 1) - 1]!;
}

/** The outcome among `voters`; who is absent from `votes` has not answered yet. */
export function majorityVote(
  voters: readonly NodeId[],
  votes: ReadonlyMap<NodeId, boolean>,
): VoteResult {
  if (voters.length === 0) return 'won';
  const quorum = (voters.length >> 1) + 1;
  let granted = 0;
  let missing = 0;
  for (const voter of voters) {
    const vote = votes.get(voter);
    if (vote === undefined) missing++;
    else if (vote) granted++;
  }
  if (granted >= quorum) return 'won';
  return granted + missing >= quorum ? 'pending' : 'lost';
}

/** The outcome when both sets of voters must agree. */
export function jointVote(
  incoming: readonly NodeId[],
  outgoing: readonly NodeId[],
  votes: ReadonlyMap<NodeId, boolean>,
): VoteResult {
  const first = majorityVote(incoming, votes);
  const second = majorityVote(outgoing, votes);
  if (first === second) return first;
  if (first === 'lost' || second === 'lost') return 'lost';
  return 'pending';
}

/**
 * The definition of linearizability, executed: the oracle that every faster procedure is
 * compared with.
 *
 * Try every operation that no unfinished operation precedes in real time; step the model; go on
 * with the rest. Unknown operations may be left out. No memory, no order of preference, no
 * assumption on the model: exponential, for histories of a dozen operations.
 */

import type { Operation } from '../../src/history';
import type { Model } from '../model';
import type { Part } from './decider';

/** A linearization of the part, or undefined when there is none. */
export function plainSearch<State>(
  part: Part,
  model: Model<State>,
): readonly Operation[] | undefined {
  const { operations, call, ret } = part;
  const done = new Set<number>();
  const order: Operation[] = [];

  const isMinimal = (candidate: number): boolean =>
    operations.every((_, other) => done.has(other) || ret[other]! > call[candidate]!);

  const search = (state: State): boolean => {
    if (operations.every(({ outcome }, i) => done.has(i) || outcome === 'info')) return true;
    for (let i = 0; i < operations.length; i++) {
      if (done.has(i) || !isMinimal(i)) continue;
      const next = model.step(state, operations[i]!);
      if (next === undefined) continue;
      done.add(i);
      order.push(operations[i]!);
      if (search(next)) return true;
      done.delete(i);
      order.pop();
    }
    return false;
  };
  return search(model.init()) ? order : undefined;
}

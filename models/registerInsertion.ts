/**
 * Puts failed cas into an order of a register's other operations, if they fit.
 *
 * A failed cas changes nothing, so each may stand at any place that real time allows and where
 * the value is not the one it compared with. Taken by their calls and put as early as possible
 * they keep real time among themselves too.
 */

import type { Part } from './checker/decider';
import { casOf, registerValue } from './registerValue';
import type { RegisterValue } from './registerValue';

/** The whole order; undefined when some failed cas finds no place in this one. */
export function insertObservers(
  part: Part,
  initial: RegisterValue,
  order: readonly number[],
): readonly number[] | undefined {
  const { operations, call, ret } = part;
  const failed: number[] = [];
  for (let i = 0; i < operations.length; i++) {
    if (operations[i]!.outcome === 'fail') failed.push(i);
  }
  if (failed.length === 0) return order;
  const count = order.length;
  // At place k stand k operations before; values[k] is what they leave.
  const values: RegisterValue[] = [initial];
  const latestCall = new Float64Array(count + 1).fill(-Infinity);
  const earliestReturn = new Float64Array(count + 1).fill(Infinity);
  for (let k = 0; k < count; k++) {
    const { f, input } = operations[order[k]!]!;
    const value =
      f === 'read'
        ? values[k]!
        : f === 'write'
          ? registerValue(input)
          : casOf(operations[order[k]!]!)[1];
    values.push(value);
    latestCall[k + 1] = Math.max(latestCall[k]!, call[order[k]!]!);
  }
  for (let k = count - 1; k >= 0; k--) {
    earliestReturn[k] = Math.min(earliestReturn[k + 1]!, ret[order[k]!]!);
  }
  const inserted: number[][] = Array.from({ length: count + 1 }, () => []);
  // Those that returned, by their returns, to know the latest place that must come before.
  const byReturn = [...failed].sort((a, b) => ret[a]! - ret[b]!);
  const placeOf = new Map<number, number>();
  let returned = 0;
  let floor = 0;
  for (const i of failed) {
    while (returned < byReturn.length && ret[byReturn[returned]!]! < call[i]!) {
      floor = Math.max(floor, placeOf.get(byReturn[returned++]!)!);
    }
    const [from] = casOf(operations[i]!);
    let place = Math.max(floor, firstPlace(earliestReturn, call[i]!));
    while (place <= count && latestCall[place]! <= ret[i]! && values[place] === from) place++;
    if (place > count || latestCall[place]! > ret[i]!) return undefined;
    placeOf.set(i, place);
    inserted[place]!.push(i);
  }
  return inserted.flatMap((group, k) => (k < count ? [...group, order[k]!] : group));
}

/** The first place behind which everything returns after the call. */
function firstPlace(earliestReturn: Float64Array, call: number): number {
  let low = 0;
  let high = earliestReturn.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (earliestReturn[middle]! < call) low = middle + 1;
    else high = middle;
  }
  return low;
}

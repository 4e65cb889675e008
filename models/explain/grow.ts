/**
 * Finds a set of operations that contradict each other, from a few that are suspected.
 *
 * As long as the set has an order, that order is wrong for the whole part: some operation outside
 * fits nowhere into it. The nearest such operations to the culprit join the set. What joins
 * needlessly is taken out again by the caller; this only has to arrive.
 */

import { NEVER } from '../checker/decider';
import type { Part } from '../checker/decider';
import type { Model } from '../model';
import { canChange, countingMax, freed, FreeSearch } from './freeSearch';
import type { Step } from './freeSearch';

const observersJoining = 3;

/** Ranks between which an operation fits into an order, as positions before its steps. */
export function placesFor(
  { call, ret }: Part,
  steps: readonly Step[],
  index: number,
): readonly [number, number] {
  let from = 0;
  let to = steps.length;
  steps.forEach((step, at) => {
    // Free operations have no time.
    if (step.isFree) return;
    if (ret[step.index]! < call[index]!) from = Math.max(from, at + 1);
    if (call[step.index]! > ret[index]!) to = Math.min(to, at);
  });
  return [from, to];
}

/** The state before the first step of an order and after each. */
export function statesOf<State>(
  { operations }: Part,
  model: Model<State>,
  steps: readonly Step[],
): readonly State[] {
  const states = [model.init()];
  for (const { index, isFree } of steps) {
    const operation = operations[index]!;
    const next = model.step(states.at(-1)!, isFree ? freed(operation) : operation);
    if (next === undefined) throw new Error(`the order breaks at operation ${operation.id}`);
    states.push(next);
  }
  return states;
}

export interface Grown<State> {
  readonly core: readonly number[];
  readonly search: FreeSearch<State>;
}

/** A set that fails, and the search over it; undefined when none was found within the limits. */
export function grow<State>(
  part: Part,
  model: Model<State>,
  suspects: readonly number[],
  culprit: number,
  isTimeLeft: () => boolean,
): Grown<State> | undefined {
  const core = new Set([culprit, ...suspects.slice(0, countingMax - 1)]);
  while (isTimeLeft() && core.size <= countingMax) {
    const counting = [...core].sort((a, b) => part.call[a]! - part.call[b]!);
    const search = new FreeSearch(part, model, counting);
    const result = search.run(counting);
    if (result.verdict === 'fail') return { core: counting, search };
    if (result.verdict === 'unknown') return undefined;
    const joining = misfits(part, model, result.steps, core, culprit);
    if (joining.length === 0) return undefined;
    for (const index of joining) core.add(index);
  }
  return undefined;
}

/** Operations that fit nowhere into an order, the nearest to the culprit. */
function misfits<State>(
  part: Part,
  model: Model<State>,
  steps: readonly Step[],
  core: ReadonlySet<number>,
  culprit: number,
): readonly number[] {
  const states = statesOf(part, model, steps);
  const observers: number[] = [];
  const changers: number[] = [];
  for (let index = 0; index < part.operations.length; index++) {
    if (core.has(index)) continue;
    const operation = part.operations[index]!;
    const [from, to] = placesFor(part, steps, index);
    const isRequired = part.ret[index] !== NEVER;
    if (canChange(model, operation)) {
      if (!isUsedOnce(steps, index, [from, to], isRequired)) changers.push(index);
      continue;
    }
    if (!isRequired) continue;
    const fits = states.slice(from, to + 1).some((s) => model.step(s, operation) !== undefined);
    if (!fits) observers.push(index);
  }
  const distance = (i: number): number => Math.abs(part.call[i]! - part.call[culprit]!);
  const nearest = (list: number[]): number[] => list.sort((a, b) => distance(a) - distance(b));
  const used = new Set(steps.filter(({ isFree }) => isFree).map(({ index }) => index));
  // A write that the order uses at the wrong time or too often is worth more than an unused one.
  const misused = nearest(changers.filter((i) => used.has(i)));
  const unused = nearest(changers.filter((i) => !used.has(i)));
  const chosen = [...nearest(observers).slice(0, observersJoining), ...misused.slice(0, 1)];
  return chosen.length > 0 ? chosen : unused.slice(0, 1);
}

/** Whether an order uses an operation as often and when it can have taken effect. */
function isUsedOnce(
  steps: readonly Step[],
  index: number,
  [from, to]: readonly [number, number],
  isRequired: boolean,
): boolean {
  const uses = steps.flatMap((step, at) => (step.index === index ? [at] : []));
  if (uses.length === 0) return !isRequired;
  return uses.length === 1 && uses[0]! >= from && uses[0]! <= to;
}

/**
 * Turns the path of a search into an order of operations, and checks such orders.
 *
 * The search notes only the operations it decided on. Replaying its rules over that path also
 * places those it passed over: an observer where it was first allowed, an operation that agreed
 * with the state right there, an erased one just before the overwrite that erased it.
 */

import type { Operation } from '../../src/history';
import type { Model } from '../model';
import { NEVER } from './decider';
import type { Part } from './decider';
import type { Search } from './search';
import type { StateSpace } from './stateSpace';

interface Path {
  /** The operations decided on, in order. */
  readonly path: readonly number[];
  /** The last moment before each of them, and the last moment of all. */
  readonly moments: readonly number[];
}

function pathTo<State>({ configurations }: Search<State>, configuration: number): Path {
  const path: number[] = [];
  const moments = [configurations.moment(configuration)];
  for (let at = configuration; at > 0; at = configurations.parent(at)) {
    const operation = configurations.operation(at);
    // Negative steps linearize nothing.
    if (operation < 0) continue;
    path.push(operation);
    moments.push(configurations.moment(configurations.parent(at)));
  }
  return { path: path.reverse(), moments: moments.reverse() };
}

/** What the search linearized up to a configuration, as indexes into the part, in order. */
export function orderTo<State>(
  part: Part,
  space: StateSpace<State>,
  search: Search<State>,
  configuration: number,
): number[] {
  const { path, moments } = pathTo(search, configuration);
  const { calledBefore } = search.window;
  const count = part.operations.length;
  const isDecided = new Uint8Array(count);
  for (const operation of path) isDecided[operation] = 1;
  const order: number[] = [];
  const pending = new Int32Array(count);
  let pendingCount = 0;
  let called = 0;
  let state = space.initial;
  /** Of the pending operations those that `isPlaced` tells are placed here. */
  const place = (isPlaced: (action: number) => boolean): void => {
    let kept = 0;
    for (let i = 0; i < pendingCount; i++) {
      const operation = pending[i]!;
      if (isPlaced(space.actionOf[operation]!)) order.push(operation);
      else pending[kept++] = operation;
    }
    pendingCount = kept;
  };
  const agrees = (action: number): boolean => space.next(state, action) === state;
  const isTotal = (action: number): boolean => {
    const effect = space.effect(action);
    return effect === 'overwrite' || effect === 'update';
  };
  for (let step = 0; step <= path.length; step++) {
    // What was called at the start sees the initial state, before any moment goes by.
    for (const moment of step === 0 ? [0, moments[0]!] : [moments[step]!]) {
      for (const end = calledBefore[moment]!; called < end; called++) {
        if (part.ret[called] !== NEVER && isDecided[called] === 0) pending[pendingCount++] = called;
      }
      place(agrees);
    }
    const operation = path[step];
    if (operation === undefined) break;
    const action = space.actionOf[operation]!;
    if (space.effect(action) === 'overwrite') place(isTotal);
    state = space.next(state, action);
    order.push(operation);
  }
  return order;
}

/**
 * What is wrong with an order of operations as a linearization of a part; undefined when it is
 * one. Independent of the search: it uses the model, the ranks and nothing else.
 */
export function faultOf<State>(
  part: Part,
  model: Model<State>,
  order: readonly Operation[],
): string | undefined {
  const indexes = new Map(part.operations.map((operation, i) => [operation, i]));
  const placed = new Set<Operation>();
  let state = model.init();
  let latestCall = -Infinity;
  for (const operation of order) {
    const i = indexes.get(operation);
    if (i === undefined) return `operation ${operation.id} is none of this part`;
    if (placed.has(operation)) return `operation ${operation.id} stands there twice`;
    placed.add(operation);
    latestCall = Math.max(latestCall, part.call[i]!);
    if (latestCall > part.ret[i]!) {
      return `operation ${operation.id} returned before an earlier one was called`;
    }
    const next = model.step(state, operation);
    if (next === undefined) return `operation ${operation.id} is not allowed in its place`;
    state = next;
  }
  const missing = part.operations.find(
    (operation) => operation.outcome !== 'info' && !placed.has(operation),
  );
  return missing === undefined ? undefined : `operation ${missing.id} is missing`;
}

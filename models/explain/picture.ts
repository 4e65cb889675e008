/**
 * What a picture of a checked history needs: an order for each part, the state after each step,
 * the operations that contradict each other, and a sentence for each failure.
 *
 * For a part that holds this is a linearization, for one that fails a longest possible order. A
 * part that was decided by a theorem has no order of its own: the search is asked for one, within
 * a budget, and where it finds none in time the part is shown without.
 */

import type { History, Operation } from '../../src/history';
import { describeState } from '../checker/explain';
import { checkLinearizable } from '../checker/linearizability';
import type { PartVerdict, Verdict } from '../checker/linearizability';
import { partition } from '../checker/parts';
import type { Model } from '../model';
import { counterexamples } from './counterexample';
import type { Counterexample, CounterexampleOptions } from './counterexample';

export interface PicturedPart {
  readonly key: string | undefined;
  readonly verdict: PartVerdict['verdict'];
  /** Ids of operations in a possible order. */
  readonly order: readonly number[];
  /** The state after each of them, described. */
  readonly states: readonly string[];
  readonly counterexample?: Counterexample;
  /** Why it is undecided. */
  readonly reason?: string;
}

export interface Picture {
  readonly model: string;
  readonly verdict: Verdict['verdict'];
  readonly parts: readonly PicturedPart[];
  /** The operations as the model describes them, in the order of the history. */
  readonly descriptions: readonly string[];
}

const nodesForOrder = 500_000;
const stateCharactersMax = 160;

export function pictureOf<State>(
  history: History,
  givenModel: Model<State>,
  verdict: Verdict,
  options: CounterexampleOptions = {},
): Picture {
  const model = givenModel.forHistory?.(history) ?? givenModel;
  const found = counterexamples(history, model, verdict, options);
  const groups = new Map(partition(history.operations, model).map((part) => [part.key, part]));
  const parts = verdict.partitions.map((part): PicturedPart => {
    const { key, reason } = part;
    const order = part.order ?? part.explanation?.linearized ?? [];
    const operations = groups.get(key)?.operations ?? [];
    const shown = order.length > 0 ? order : searchedOrder(operations, model, options);
    const counterexample = found.find((one) => one.key === key && part.verdict === 'fail');
    return {
      ...{ key, verdict: part.verdict },
      ...statesAlong(model, shown),
      ...(counterexample === undefined ? {} : { counterexample }),
      ...(reason === undefined ? {} : { reason }),
    };
  });
  const describe = model.describeOperation;
  const descriptions = history.operations.map((operation) => describe?.(operation) ?? '');
  return { model: model.name, verdict: verdict.verdict, parts, descriptions };
}

function searchedOrder<State>(
  operations: readonly Operation[],
  model: Model<State>,
  options: CounterexampleOptions,
): readonly Operation[] {
  const limits = { ...options, deciders: false, nodesMax: nodesForOrder };
  const [part] = checkLinearizable(operations, model, limits).partitions;
  return part?.order ?? part?.explanation?.linearized ?? [];
}

function statesAlong<State>(
  model: Model<State>,
  operations: readonly Operation[],
): Pick<PicturedPart, 'order' | 'states'> {
  const order: number[] = [];
  const states: string[] = [];
  let state = model.init();
  for (const operation of operations) {
    const next = model.step(state, operation);
    if (next === undefined) break;
    state = next;
    order.push(operation.id);
    const text = describeState(model, state);
    states.push(text.length <= stateCharactersMax ? text : `${text.slice(0, stateCharactersMax)}…`);
  }
  return { order, states };
}

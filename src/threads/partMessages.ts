/**
 * What threads that decide parts of a history say to each other.
 *
 * An operation is named by its place in the part: a copy from another thread is not the operation
 * that explanations and orders are compared with.
 */

import type { Operation } from '../history';
import type { Part, PartVerdict, SearchProgress } from '../../models';

/** To a thread: one part to decide, with what it may cost. */
export interface PartOrder {
  /** Name of a registered model. */
  readonly model: string;
  readonly part: Part;
  readonly useDeciders: boolean;
  readonly nodesMax: number;
  readonly bytesMax: number;
  readonly budgetMs: number;
  readonly spentMs: number;
}

interface EncodedExplanation {
  readonly message: string;
  readonly operation: number;
  readonly involved: readonly number[];
  readonly linearized: readonly number[];
  readonly state: string;
  readonly rejected: readonly { readonly operation: number; readonly why: string }[];
}

export interface EncodedVerdict {
  readonly facts: Omit<PartVerdict, 'order' | 'explanation'>;
  readonly order: readonly number[] | undefined;
  readonly explanation: EncodedExplanation | undefined;
}

/** From a thread. */
export type PartReply =
  { readonly progress: SearchProgress } | { readonly verdict: EncodedVerdict };

export function encodeVerdict({ operations }: Part, verdict: PartVerdict): EncodedVerdict {
  const { order, explanation, ...facts } = verdict;
  const places = new Map(operations.map((operation, i) => [operation, i]));
  const placeOf = (operation: Operation): number => places.get(operation)!;
  return {
    facts,
    order: order?.map(placeOf),
    explanation: explanation && {
      message: explanation.message,
      operation: placeOf(explanation.operation),
      involved: explanation.involved.map(placeOf),
      linearized: explanation.linearized.map(placeOf),
      state: explanation.state,
      rejected: explanation.rejected.map((one) => ({ ...one, operation: placeOf(one.operation) })),
    },
  };
}

export function decodeVerdict({ operations }: Part, encoded: EncodedVerdict): PartVerdict {
  const { facts, order, explanation } = encoded;
  const at = (place: number): Operation => operations[place]!;
  return {
    ...facts,
    ...(order === undefined ? {} : { order: order.map(at) }),
    ...(explanation === undefined
      ? {}
      : {
          explanation: {
            ...explanation,
            operation: at(explanation.operation),
            involved: explanation.involved.map(at),
            linearized: explanation.linearized.map(at),
            rejected: explanation.rejected.map((one) => ({ ...one, operation: at(one.operation) })),
          },
        }),
  };
}

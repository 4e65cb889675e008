/** The general search as a decider: it never declines. */

import type { Model } from '../model';
import type { Budget } from './budget';
import type { Decision, Part } from './decider';
import { explainSearch } from './explain';
import { orderTo } from './linearization';
import { Search } from './search';
import { StateSpace } from './stateSpace';

/** `method` is the name that the decision carries. */
export function decideBySearch<State>(
  part: Part,
  model: Model<State>,
  budget: Budget,
  method = 'search',
): Decision {
  if (!budget.look()) return { verdict: 'unknown', method, reason: budget.exhausted! };
  const space = new StateSpace(model, part.operations);
  const search = new Search(part, space, budget);
  switch (search.run()) {
    case 'found': {
      const order = orderTo(part, space, search, search.furthest);
      return { verdict: 'ok', method, order: order.map((i) => part.operations[i]!) };
    }
    case 'exhausted':
      return { verdict: 'fail', method, explanation: explainSearch(part, model, space, search) };
    case 'budget':
      return { verdict: 'unknown', method, reason: search.reason };
  }
}

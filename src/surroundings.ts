/** What the process has to offer a check: a clock for its limits, and a look at its heap. */

import type { BudgetOptions } from '../models';
import { heapUse } from './runtime/heapUse';

export const surroundings: Pick<Required<BudgetOptions>, 'now' | 'heap'> = {
  now: () => performance.now(),
  heap: heapUse,
};

/**
 * `raft-crucible/matcher`: the matcher for Jest and Vitest, by itself.
 *
 * ```ts
 * import { linearizabilityMatchers } from 'raft-crucible/matcher';
 * expect.extend(linearizabilityMatchers);
 * ```
 *
 * A search that would fill the heap, or spends what the options allow, ends as "undecided": it
 * fails the assertion and leaves the test run alive.
 */

import { matchersWith } from '../models';
import { surroundings } from './surroundings';

/** What `expect.extend` takes. */
export const linearizabilityMatchers: ReturnType<typeof matchersWith> = matchersWith(surroundings);

export type { LinearizabilityMatchers } from '../models';

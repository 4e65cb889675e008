/**
 * `raft-crucible/matcher`: the matcher for Jest and Vitest, by itself.
 *
 * ```ts
 * import { linearizabilityMatchers } from 'raft-crucible/matcher';
 * expect.extend(linearizabilityMatchers);
 * ```
 */

export { linearizabilityMatchers } from '../models';
export type { LinearizabilityMatchers } from '../models';

/**
 * All rules that a history has something to say about, in one call.
 *
 * A rule is left out when the history has none of the operations it looks at; what is left in
 * and could not be decided is `unknown` with its reason.
 */

import type { History } from '../../src/history';
import { checkFencing } from './fencing';
import type { FencingOptions } from './fencing';
import { checkAttached, checkLeases } from './leases';
import type { LeaseRuleOptions } from './leases';
import { checkMembership } from './membership';
import { replayOf } from './replay';
import { checkClusterRevisions, checkRevisions } from './revisions';
import { ruleResult } from './rule';
import type { RuleResult } from './rule';
import { checkSerializable } from './serializable';
import { checkWatches } from './watch';
import type { WatchRuleOptions } from './watch';
import { checkWatchComplete, checkWatchRefused } from './watchPromises';

export interface RulesOptions {
  readonly watch?: WatchRuleOptions;
  readonly lease?: LeaseRuleOptions;
  readonly lock?: FencingOptions;
}

const replayRule = {
  rule: 'full-history',
  promise: 'The full history of the store is one that a store can have',
};

export function checkEtcdRules(
  history: History,
  options: RulesOptions = {},
): readonly RuleResult[] {
  const { operations, faults, watches = [], watch } = history;
  const has = (pattern: RegExp): boolean => operations.some(({ f }) => pattern.test(f));
  const results: RuleResult[] = [];
  const replay = replayOf(watch, watches);
  if (replay?.problem !== undefined) {
    const violation = { message: replay.problem, operations: [] };
    results.push(ruleResult(replayRule, replay.events.length, violation, ''));
  }
  if (watches.length > 0) {
    const usable = replay?.problem === undefined ? replay : undefined;
    const promises = [
      checkWatchComplete(operations, usable),
      checkWatchRefused(watches, operations, faults),
    ];
    results.push(...checkWatches(watches, usable, options.watch));
    results.push(...promises.filter(({ looked }) => looked > 0));
  }
  // Registers and ranges share no shape: past reads exist in the vocabulary of etcd only.
  if (has(/^range$/) && replay !== undefined) {
    const result = checkSerializable(operations, replay);
    if (result.looked > 0) results.push(result);
  }
  if (operations.some(({ rev }) => rev !== undefined)) {
    if (operations.some(({ member }) => member !== undefined)) {
      results.push(checkRevisions(operations, faults));
    }
    results.push(checkClusterRevisions(operations, faults));
  }
  if (has(/^leaseGrant$/)) {
    const attached = checkAttached(operations);
    results.push(...checkLeases(operations, options.lease));
    if (attached.looked > 0) results.push(attached);
  }
  if (has(/^memberList$/)) results.push(...checkMembership(operations));
  if (has(/^(?:acquire|guarded)$/) && hasFences(history)) {
    results.push(...checkFencing(operations, options.lock));
  }
  return results;
}

function hasFences({ operations }: History): boolean {
  return operations.some(({ f, input, output }) => {
    const holder = f === 'acquire' ? output : input;
    return (
      typeof holder === 'object' &&
      holder !== null &&
      /^(?:acquire|guarded)$/.test(f) &&
      'fence' in holder
    );
  });
}

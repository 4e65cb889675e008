/**
 * Revisions never go back: not at a member, restarts included, and for answers that are not
 * allowed to be stale not anywhere in the cluster.
 *
 * An answer that begins after another one has arrived carries at least its revision. This needs
 * nothing but the headers, so it also holds a store to account whose values all look right.
 * Serializable reads obey it at their own member only, and not over its restart: a member that has
 * yet to apply its log again may be asked for no more than it has.
 */

import type { FaultRecord, Operation, RangeInput } from '../../src/history';
import { nameOf, ruleResult } from './rule';
import type { RuleResult, Violation } from './rule';

interface Decrease {
  readonly group: string;
  /** The operation with the higher revision, which had returned ... */
  readonly earlier: Operation;
  /** ... before this one, with the lower revision, was called. */
  readonly later: Operation;
}

interface Event {
  readonly time: number;
  readonly index: number;
  readonly operation: Operation;
  readonly isCall: boolean;
}

/** The first decrease within any group, in the order of time. */
function findDecrease(
  operations: readonly Operation[],
  groupOf: (operation: Operation) => string | undefined,
  isExcused: (earlier: Operation, later: Operation) => boolean = () => false,
): { readonly answers: number; readonly decrease: Decrease | undefined } {
  const events: Event[] = [];
  for (const operation of operations) {
    const { call, return: end, rev, callIndex = 0, returnIndex = 0 } = operation;
    if (rev === undefined || rev === 0 || end === Infinity) continue;
    if (groupOf(operation) === undefined) continue;
    events.push({ time: call, index: callIndex, operation, isCall: true });
    events.push({ time: end, index: returnIndex, operation, isCall: false });
  }
  // Of equal times a call comes first: then the two overlap, which never raises a false alarm.
  events.sort(
    (a, b) => a.time - b.time || a.index - b.index || Number(b.isCall) - Number(a.isCall),
  );
  const highest = new Map<string, Operation>();
  const highestAtCall = new Map<Operation, Operation | undefined>();
  for (const { operation, isCall } of events) {
    const group = groupOf(operation)!;
    const top = highest.get(group);
    if (isCall) {
      highestAtCall.set(operation, top);
      continue;
    }
    const earlier = highestAtCall.get(operation);
    if (earlier && earlier.rev! > operation.rev! && !isExcused(earlier, operation)) {
      return { answers: events.length / 2, decrease: { group, earlier, later: operation } };
    }
    if (!top || operation.rev! > top.rev!) highest.set(group, operation);
  }
  return { answers: events.length / 2, decrease: undefined };
}

const memberRule = {
  rule: 'revisions',
  promise: 'The revision that a member answers with never goes back',
};
const clusterRule = {
  rule: 'revisions-cluster',
  promise: 'The revision of linearizable answers never goes back, whichever member gives them',
};

const headerRule = {
  rule: 'headers',
  promise: 'Each answer carries a header with the revision of the store',
};

/** For runs that record every header: what has no revision came without one. */
export function checkHeaders(operations: readonly Operation[]): RuleResult {
  const answered = operations.filter(({ outcome }) => outcome === 'ok');
  const bare = answered.find(({ rev }) => rev === undefined);
  const violation = bare && {
    message: `the answer to ${nameOf(bare)} has no header, or revision 0 in it`,
    operations: [bare],
  };
  return ruleResult(headerRule, answered.length, violation, 'no operation succeeded');
}

export function checkRevisions(
  operations: readonly Operation[],
  faults: readonly FaultRecord[] = [],
): RuleResult {
  // What a member that restarts has not applied again yet, its stale reads need not show.
  const isExcused = (earlier: Operation, later: Operation): boolean =>
    isSerializable(later) &&
    faults.some(
      ({ targets, time }) =>
        targets.includes(later.member!) && time >= earlier.call && time <= later.return,
    );
  const { answers, decrease } = findDecrease(operations, ({ member }) => member, isExcused);
  return ruleResult(
    memberRule,
    answers,
    violationOf(decrease, faults),
    'no answer carried a revision',
  );
}

export function checkClusterRevisions(
  operations: readonly Operation[],
  faults: readonly FaultRecord[] = [],
): RuleResult {
  const { answers, decrease } = findDecrease(operations, (one) =>
    isLinearizable(one) ? 'the cluster' : undefined,
  );
  return ruleResult(
    clusterRule,
    answers,
    violationOf(decrease, faults),
    'no answer carried a revision',
  );
}

function isSerializable({ input }: Operation): boolean {
  return (input as RangeInput | null | undefined)?.serializable === true;
}

function isLinearizable(operation: Operation): boolean {
  // A member renews and looks at leases without being up to date itself.
  if (/^(?:member|leaseKeepAlive|leaseTimeToLive)/.test(operation.f)) return false;
  return !isSerializable(operation);
}

function violationOf(
  decrease: Decrease | undefined,
  faults: readonly FaultRecord[],
): Violation | undefined {
  if (decrease === undefined) return undefined;
  const { group, earlier, later } = decrease;
  const between = faults.find(
    ({ phase, targets, time }) =>
      phase === 'injected' &&
      time >= earlier.return &&
      time <= later.return &&
      (targets.length === 0 || group === 'the cluster' || targets.includes(group)),
  );
  const after = between === undefined ? '' : ` (with the fault ${between.fault} in between)`;
  const [high, low] = [earlier.rev, later.rev];
  const message = `${group} answered with revision ${low} after revision ${high}${after}`;
  return { message, operations: [earlier, later] };
}

/**
 * Time never goes backwards at a member: an answer that begins after another one of the same
 * member has arrived carries at least its revision.
 *
 * Needs nothing but the headers, so it also holds a store to account whose values all look right.
 * Reads that ask for the member's own state (serializable) obey it as well.
 */
import type { Operation } from '../../src/history';
import type { PropertyResult } from '../../reports';
import { describeCompletion, describeInvocation } from '../../reports';

export interface RevisionDecrease {
  readonly member: string;
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

/** The first decrease at any member, in the order of time. */
export function findRevisionDecrease(operations: readonly Operation[]): {
  readonly answers: number;
  readonly decrease: RevisionDecrease | undefined;
} {
  const events: Event[] = [];
  for (const operation of operations) {
    const { call, return: end, rev, member, callIndex = 0, returnIndex = 0 } = operation;
    if (rev === undefined || rev === 0 || member === undefined || end === Infinity) continue;
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
    const member = operation.member!;
    const top = highest.get(member);
    if (isCall) {
      highestAtCall.set(operation, top);
      continue;
    }
    const earlier = highestAtCall.get(operation);
    if (earlier && earlier.rev! > operation.rev!) {
      return { answers: events.length / 2, decrease: { member, earlier, later: operation } };
    }
    if (!top || operation.rev! > top.rev!) highest.set(member, operation);
  }
  return { answers: events.length / 2, decrease: undefined };
}

export function checkRevisions(operations: readonly Operation[], history: string): PropertyResult {
  const { answers, decrease } = findRevisionDecrease(operations);
  const base = {
    id: 'revisions',
    title: 'The revision that a member answers with never goes back',
    evidence: { operations: answers },
  };
  if (answers === 0) {
    return { ...base, verdict: 'unknown', reason: 'no answer carried a revision' };
  }
  if (!decrease) return { ...base, verdict: 'ok' };
  const { member, earlier, later } = decrease;
  const line = (operation: Operation): string =>
    `${(operation.return / 1e9).toFixed(6)} s  ${describeInvocation(operation)} -> ` +
    describeCompletion(operation);
  const reason = `${member} answered with revision ${later.rev} after revision ${earlier.rev}`;
  return {
    ...base,
    verdict: 'fail',
    reason,
    counterexample: {
      title: reason,
      lines: [line(earlier), line(later)],
      history,
      operationIds: [earlier.id, later.id],
    },
  };
}

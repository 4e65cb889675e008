/**
 * What member lists may show, given the changes that were acknowledged.
 *
 * - a list that began after a removal was acknowledged does not show the member (ids are never
 *   used again), after an addition it does, unless a removal may have happened meanwhile;
 * - a voter never becomes a learner;
 * - a list has at least one voter, and no id or peer URL twice;
 * - at the end all members answer with the same list.
 *
 * Only linearizable lists are judged: one that a member gives from its own state may be old.
 */

import type { ListedMember, MemberInput, MemberListOutput, Operation } from '../../src/history';
import { nameOf, precedes, ruleResult } from './rule';
import type { RuleResult, Violation } from './rule';

const changesRule = {
  rule: 'membership-changes',
  promise: 'Member lists show every acknowledged change of the membership',
};
const listsRule = {
  rule: 'membership-lists',
  promise: 'A member list has a voter and nobody twice',
};

const nothing = 'no member list was read';

export function checkMembership(operations: readonly Operation[]): readonly RuleResult[] {
  const lists = operations.filter(
    ({ f, outcome, input }) =>
      f === 'memberList' &&
      outcome === 'ok' &&
      (input as { readonly serializable?: boolean } | null | undefined)?.serializable !== true,
  );
  const changes = operations.filter(({ f }) => /^member(?:Add|Remove|Promote)$/.test(f));
  return [
    ruleResult(changesRule, lists.length, findForgotten(lists, changes), nothing),
    ruleResult(listsRule, lists.length, findMalformed(lists), nothing),
  ];
}

function membersOf({ output }: Operation): readonly ListedMember[] {
  return (output as MemberListOutput).members;
}

/** The member a change is about: what was asked for, or what an addition was answered with. */
function idOf({ input, output }: Operation): string | undefined {
  return (output as MemberInput | undefined)?.id ?? (input as MemberInput | undefined)?.id;
}

function findForgotten(
  lists: readonly Operation[],
  changes: readonly Operation[],
): Violation | undefined {
  for (const change of changes) {
    const id = idOf(change);
    if (change.outcome !== 'ok' || id === undefined) continue;
    for (const list of lists) {
      if (!precedes(change, list)) continue;
      const why = contradiction(change, id, list, changes);
      if (why === undefined) continue;
      const message = `${nameOf(list)} ${why}, which ${nameOf(change)} had done before`;
      return { message, operations: [change, list] };
    }
  }
  return undefined;
}

function contradiction(
  change: Operation,
  id: string,
  list: Operation,
  changes: readonly Operation[],
): string | undefined {
  const listed = membersOf(list).find((member) => member.id === id);
  if (change.f === 'memberRemove') {
    return listed === undefined ? undefined : `shows member ${id} in spite of its removal`;
  }
  if (listed === undefined) {
    const mayBeRemoved = changes.some(
      (other) =>
        other.f === 'memberRemove' &&
        other.outcome !== 'fail' &&
        idOf(other) === id &&
        !precedes(list, other),
    );
    const done = change.f === 'memberAdd' ? 'addition' : 'promotion';
    return mayBeRemoved ? undefined : `lacks member ${id} in spite of its ${done}`;
  }
  const isPromoted = change.f === 'memberPromote';
  const isVoterAdded = change.f === 'memberAdd' && (change.input as MemberInput).isLearner !== true;
  if (listed.isLearner !== true || (!isPromoted && !isVoterAdded)) return undefined;
  const was = isPromoted ? 'promotion' : 'addition as a voter';
  return `shows member ${id} as a learner in spite of its ${was}`;
}

function findMalformed(lists: readonly Operation[]): Violation | undefined {
  for (const list of lists) {
    const why = malformation(membersOf(list));
    if (why !== undefined) return { message: `${nameOf(list)} ${why}`, operations: [list] };
  }
  return undefined;
}

function malformation(members: readonly ListedMember[]): string | undefined {
  if (!members.some(({ isLearner }) => isLearner !== true)) return 'shows no voter';
  const seen = new Set<string>();
  for (const { id, peerUrls = [] } of members) {
    for (const identity of [`member ${id}`, ...peerUrls.map((url) => `peer URL ${url}`)]) {
      if (seen.has(identity)) return `shows ${identity} twice`;
      seen.add(identity);
    }
  }
  return undefined;
}

/**
 * What watches owe to the rest of the history: the changes that were acknowledged, the end of what
 * was compacted, and to be there in time.
 *
 * - complete: the full watch shows each acknowledged change at its revision. The other rules take
 *   that watch for the truth, so it is itself held against what clients were told;
 * - live: a watch that was still open at the end has shown everything that was due;
 * - refused: a watch from a revision that its member had compacted before is canceled. Where a
 *   fault came between nothing is concluded: a member that restarts may be behind for a moment.
 */

import type { CompactInput, FaultRecord, Operation, WatchLog } from '../../src/history';
import { changesOf } from './durability';
import type { Replay } from './replay';
import { nameOf, ruleResult } from './rule';
import type { RuleResult, Violation } from './rule';
import { missedBy } from './watch';
import { describeWatch } from './watchLines';

const completeRule = {
  rule: 'watch-complete',
  promise: 'A watch of everything shows each acknowledged change at its revision',
};
const liveRule = {
  rule: 'watch-live',
  promise: 'A watch that stays open has shown everything in the end',
};
const refusedRule = {
  rule: 'watch-refused',
  promise: 'A watch from a compacted revision is canceled and says so',
};

const noReplay = 'no watch saw the full history';

export function checkWatchComplete(
  operations: readonly Operation[],
  replay: Replay | undefined,
): RuleResult {
  if (replay === undefined) return ruleResult(completeRule, 0, undefined, noReplay);
  const shown = new Map(replay.events.map((event) => [`${event.rev} ${event.key}`, event]));
  const keys = [...new Set(replay.events.map(({ key }) => key))];
  let looked = 0;
  for (const operation of operations) {
    const { outcome, rev = 0, input } = operation;
    // Beyond the end of the full watch nothing was seen; what a deleted range held is not told.
    if (outcome !== 'ok' || rev <= 1 || rev > replay.revision) continue;
    const isRange = (input as { readonly end?: string } | null | undefined)?.end !== undefined;
    if (isRange) continue;
    for (const { key, value } of changesOf(operation, keys)) {
      looked++;
      const why = differs(shown.get(`${rev} ${key}`), value);
      if (why === undefined) continue;
      const change = `changed ${key} at revision ${rev}, which the watch ${why}`;
      const message = `${nameOf(operation)} ${change}`;
      const violation = { message, operations: [operation] };
      return ruleResult(completeRule, looked, violation, '');
    }
  }
  return ruleResult(completeRule, looked, undefined, 'no acknowledged change has a revision');
}

/** A null is a deletion, undefined is a value that only the store knows. */
function differs(
  event: { readonly type: 'put' | 'delete'; readonly value: string | undefined } | undefined,
  value: unknown,
): string | undefined {
  if (event === undefined) return 'does not show';
  if (value === undefined) return undefined;
  if ((value === null) !== (event.type === 'delete')) return `shows as a ${event.type}`;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (value === null || event.value === text) return undefined;
  return `shows with the value ${JSON.stringify(event.value)} instead of ${JSON.stringify(text)}`;
}

/** `open`: the watches that had not ended when all waited for them, up to a revision. */
export function checkWatchLive(
  open: readonly WatchLog[],
  replay: Replay | undefined,
  revision: number,
): RuleResult {
  if (replay === undefined) return ruleResult(liveRule, 0, undefined, noReplay);
  let violation: Violation | undefined;
  for (const log of open) {
    const [first, ...others] = missedBy(log, replay, revision);
    if (first === undefined) continue;
    const place = log.member === undefined ? '' : ` at ${log.member}`;
    const more = others.length === 0 ? '' : ` and ${others.length} later events`;
    const message =
      `watch ${log.name}${place} was open to the end and never showed the ${first.type} of ` +
      `${first.key} at revision ${first.rev}${more}`;
    violation ??= { message, operations: [], lines: describeWatch(log) };
  }
  return ruleResult(liveRule, open.length, violation, 'no watch was open in the end');
}

export function checkWatchRefused(
  logs: readonly WatchLog[],
  operations: readonly Operation[],
  faults: readonly FaultRecord[],
): RuleResult {
  const compactions = operations.filter(({ f, outcome }) => f === 'compact' && outcome === 'ok');
  let looked = 0;
  for (const log of logs) {
    const { call, member, request, responses } = log;
    const { revision = 0 } = request;
    const delivered = responses.some(({ events }) => events.length > 0);
    const canceled = responses.some(({ isCanceled }) => isCanceled === true);
    // A stream can break off before either.
    if (revision === 0 || call === undefined || !(delivered || canceled)) continue;
    const before = compactions.find(
      (one) =>
        one.return < call &&
        one.member === member &&
        (one.input as CompactInput).revision > revision &&
        !faults.some(({ time }) => time >= one.return && time <= call),
    );
    if (before === undefined) continue;
    looked++;
    if (!delivered && responses.some(({ compacted = 0 }) => compacted > 0)) continue;
    const message =
      `watch ${log.name} at ${member} from revision ${revision} was ` +
      `${delivered ? 'served' : 'canceled without a compact revision'}, although ` +
      `${nameOf(before)} had compacted revision ${(before.input as CompactInput).revision}`;
    return ruleResult(
      refusedRule,
      looked,
      { message, operations: [before], lines: describeWatch(log) },
      '',
    );
  }
  return ruleResult(refusedRule, looked, undefined, 'no watch began at a compacted revision');
}

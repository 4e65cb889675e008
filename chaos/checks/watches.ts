/** What single watches delivered, held against the full watch, as promises of a run. */
import {
  checkWatchComplete,
  checkWatches,
  checkWatchLive,
  checkWatchRefused,
  replayOf,
  type RuleResult,
} from '../../models';
import type { PropertyResult } from '../../reports';
import type { Workload } from '../workloads';
import type { Observed } from '../work';
import { propertyOf } from './property';

type WatchObservations = Pick<Observed, 'history' | 'watches' | 'ending'>;

/** The rules, one result each; none at all for a run that watched nothing on purpose. */
export function checkWatchRules(
  { history, watches, ending }: WatchObservations,
  workload: Workload,
  name: string,
): readonly PropertyResult[] {
  const { operations, faults, watches: logs = [] } = history;
  const whole = replayOf(history.watch, []);
  const replay = whole?.problem === undefined ? whole : undefined;
  // Who can read everything back from the first revision on knows that nothing was compacted.
  const isAllThere = ending.endings.some((one) => one.replay.changes !== undefined);
  const refused = checkWatchRefused(logs, operations, faults);
  const results: readonly RuleResult[] = [
    checkWatchComplete(operations, replay),
    ...checkWatches(logs, replay, { expectPreviousValues: isAllThere }),
    checkWatchLive(watches.open, replay, watches.revision),
    ...(workload.compacts === true ? [refused] : []),
  ];
  const events = logs.reduce(
    (sum, { responses }) => sum + responses.reduce((count, one) => count + one.events.length, 0),
    0,
  );
  const counts = { watches: logs.length, 'watched events': events };
  return results.map((result) => {
    const property = propertyOf(result, { history: name, evidence: { counts } });
    // Whether a watch begins below a compaction, or outlives the work, is a matter of luck.
    const isLuck = /^watch-(?:refused|live)$/.test(result.rule) && replay !== undefined;
    if (isLuck && result.looked === 0) {
      return { ...property, verdict: 'skipped', reason: `skipped, because ${result.reason}` };
    }
    if (watches.refusal === undefined || property.verdict === 'fail') return property;
    const reason = `skipped, because the store has no watches: ${watches.refusal}`;
    return { ...property, verdict: 'skipped', reason };
  });
}

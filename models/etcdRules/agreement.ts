/**
 * All members hold the same data: the same hash at the same revision and compaction.
 *
 * Readings at different revisions are not comparable, and a hash covers what was compacted, so
 * only readings that agree in both are held against each other; a member that stays behind is a
 * violation of its own, since every acknowledged change is at a quorum that it can ask.
 */

import { ruleResult } from './rule';
import type { RuleResult, Violation } from './rule';

/** What one member said of its own data. */
export interface MemberReading {
  readonly member: string;
  /** Its revision; undefined when it could not be asked. */
  readonly revision?: number | undefined;
  /** Its data as a text: HashKV, or all of it. */
  readonly hash?: string | undefined;
  readonly compacted?: number | undefined;
  /** Why it could not be asked. */
  readonly reason?: string | undefined;
}

const rule = { rule: 'agreement', promise: 'All members hold the same data' };

export function checkAgreement(readings: readonly MemberReading[]): RuleResult {
  const asked = readings.filter(({ revision }) => revision !== undefined);
  const violation = findDisagreement(asked);
  const result = ruleResult(rule, asked.length, violation, 'no member could be asked');
  if (result.verdict !== 'ok') return result;
  const reason = whyUndecided(readings);
  return reason === undefined ? result : { ...result, verdict: 'unknown', reason };
}

function whyUndecided(readings: readonly MemberReading[]): string | undefined {
  const silent = readings.find(({ revision }) => revision === undefined);
  if (silent !== undefined) {
    return `${silent.member} could not be compared: ${silent.reason ?? 'no answer'}`;
  }
  const [first] = readings;
  const alone = readings.find(
    ({ compacted, hash }) => compacted !== first?.compacted && hash !== first?.hash,
  );
  if (alone === undefined) return undefined;
  return (
    `${alone.member} has compacted up to ${alone.compacted}, ${first!.member} up to ` +
    `${first!.compacted}: their hashes are not comparable`
  );
}

function findDisagreement(readings: readonly MemberReading[]): Violation | undefined {
  for (const [i, a] of readings.entries()) {
    for (const b of readings.slice(i + 1)) {
      if (a.revision !== b.revision || a.compacted !== b.compacted || a.hash === b.hash) continue;
      if (a.hash === undefined || b.hash === undefined) continue;
      const message =
        `${a.member} and ${b.member} differ at revision ${a.revision}: ` +
        `${a.hash} and ${b.hash}`;
      return { message, operations: [] };
    }
  }
  const highest = readings.reduce((most, { revision }) => Math.max(most, revision!), 0);
  const behind = readings.find(({ revision }) => revision! < highest);
  if (behind === undefined) return undefined;
  const message = `${behind.member} stays at revision ${behind.revision}, others are at ${highest}`;
  return { message, operations: [] };
}

/**
 * A read shows exactly what the store held at its revision: one of the past at the revision that
 * it asks for, any other at the revision of its answer. All against the full history of the store.
 *
 * A read below the full history's first change, or beyond its end, is compared with nothing but
 * its own claims: a revision that never existed must be refused.
 */

import type { Operation, RangeInput, RangeOutput } from '../../src/history';
import type { Replay, ReplayedValue } from './replay';
import { nameOf, ruleResult } from './rule';
import type { RuleResult, Violation } from './rule';

const rule = {
  rule: 'serializable',
  promise: 'A read, of the past too, shows exactly what the store held at its revision',
};

export function checkSerializable(
  operations: readonly Operation[],
  replay: Replay | undefined,
): RuleResult {
  if (replay === undefined) return ruleResult(rule, 0, undefined, 'no watch saw the full history');
  if (replay.problem !== undefined) return ruleResult(rule, 0, undefined, replay.problem);
  let looked = 0;
  let violation: Violation | undefined;
  for (const operation of operations) {
    const revision = revisionRead(operation);
    if (revision === undefined) continue;
    looked++;
    const message = faultOf(operation, revision, replay);
    if (message === undefined) continue;
    violation = { message: `${nameOf(operation)} ${message}`, operations: [operation] };
    break;
  }
  return ruleResult(rule, looked, violation, 'no read carries a revision');
}

/** The revision an answered range must show. */
function revisionRead({ f, outcome, input, rev }: Operation): number | undefined {
  if (f !== 'range' || outcome !== 'ok') return undefined;
  const { revision = 0 } = (input ?? {}) as RangeInput;
  return revision > 0 ? revision : rev;
}

function faultOf(operation: Operation, revision: number, replay: Replay): string | undefined {
  const { input, output, key = '', rev } = operation;
  if (rev !== undefined && revision > rev) {
    return `shows revision ${revision} although the store was at ${rev}`;
  }
  // The full history may end earlier than the run: what it did not see it cannot judge.
  if (revision > replay.revision) return undefined;
  const { end, limit = 0, keysOnly = false, countOnly = false } = (input ?? {}) as RangeInput;
  const all = replay.range(key, end, revision);
  const { kvs, count } = output as RangeOutput;
  const at = `revision ${revision}`;
  if (count !== undefined && count !== all.length) {
    return `counts ${count} keys at ${at}, which had ${all.length}`;
  }
  if (countOnly) return undefined;
  const expected = limit > 0 ? all.slice(0, limit) : all;
  for (let i = 0; i < Math.max(kvs.length, expected.length); i++) {
    const [want, got] = [expected[i], kvs[i]];
    if (got === undefined) return `does not show ${want!.key}, which ${at} had`;
    if (want === undefined || want.key !== got.key) {
      return `shows ${got.key}, which is not what ${at} had there (${want?.key ?? 'nothing'})`;
    }
    const field = differentField(want, got, keysOnly);
    if (field === undefined) continue;
    const shown = `${JSON.stringify(got[field])}, not ${JSON.stringify(want[field])}`;
    return `shows ${field} of ${got.key} at ${at} as ${shown}`;
  }
  return undefined;
}

function differentField(
  want: ReplayedValue,
  got: RangeOutput['kvs'][number],
  keysOnly: boolean,
): 'value' | 'mod' | 'version' | 'create' | undefined {
  if (!keysOnly && want.value !== got.value) return 'value';
  if (want.mod !== got.mod) return 'mod';
  if (want.version !== got.version) return 'version';
  return got.create !== undefined && want.create !== got.create ? 'create' : undefined;
}

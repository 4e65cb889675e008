/** What the nemesis and the final phase found out about the members, as promises. */
import { checkAgreement as checkMemberAgreement } from '../../models';
import type { PropertyResult } from '../../reports';
import type { MemberEnding, FinalPhaseResult } from '../finalPhase';
import type { NemesisResult } from '../faults/nemesis';
import type { UnexpectedExit } from '../target';

const endedFirst = 'the run was ended before that was seen';

function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

/** After each fault the cluster worked again within the limit. */
export function checkHealed(nemesis: NemesisResult, limitMs: number): PropertyResult {
  const faults = total(nemesis.counts);
  const base = {
    id: 'recovers',
    title: `After each fault all members follow one leader again within ${limitMs / 1_000} s`,
    evidence: { faults },
  };
  const [first] = nemesis.notHealed;
  if (first) {
    const { fault, members, reason } = first;
    return {
      ...base,
      verdict: 'fail',
      reason: `after ${fault} of ${members.join(', ')}: ${reason}`,
      counterexample: {
        title: `the cluster did not recover from ${fault}`,
        lines: nemesis.notHealed.map(
          (one) => `${one.fault} (${one.members.join(', ')}): ${one.reason}`,
        ),
      },
    };
  }
  if (nemesis.isUnseen) return { ...base, verdict: 'unknown', reason: endedFirst };
  if (faults === 0) return { ...base, verdict: 'skipped', reason: 'no fault was injected' };
  return { ...base, verdict: 'ok' };
}

/** Nobody ended who was not told to. */
const nothingToCompare = 'there is one member, hence nothing to compare';

/** `isOwn`: whether this runner started the members, so that it would notice. */
export function checkAlive(
  exits: readonly UnexpectedExit[],
  members: number,
  seconds: number,
  isOwn = true,
): PropertyResult {
  const base = {
    id: 'alive',
    title: 'No member ends by itself',
    evidence: { seconds, counts: { members } },
  };
  const [first] = exits;
  if (!isOwn) {
    return { ...base, verdict: 'skipped', reason: 'the members are run by somebody else' };
  }
  if (!first) return { ...base, verdict: 'ok' };
  const how = first.signal === null ? `exit code ${first.exitCode}` : first.signal;
  return {
    ...base,
    verdict: 'fail',
    reason: `${first.member} ended by itself (${how})`,
    counterexample: {
      title: `the last lines of ${first.member}`,
      lines: first.logTail.trimEnd().split('\n').slice(-40),
    },
  };
}

function unanswered(endings: readonly MemberEnding[]): readonly MemberEnding[] {
  return endings.filter(({ answeredMs, readAll }) => answeredMs === undefined || !readAll);
}

/** Each member serves linearizable reads once all faults are gone. */
export function checkAvailable(
  { endings, isCut }: FinalPhaseResult,
  limitMs: number,
): PropertyResult {
  const base = {
    id: 'available',
    title: `Once all faults are gone each member serves reads within ${limitMs / 1_000} s`,
    evidence: { counts: { members: endings.length } },
  };
  const [first] = unanswered(endings);
  if (!first) return { ...base, verdict: 'ok' };
  const reason = `${first.member}: ${first.reason ?? 'did not answer'}`;
  if (isCut) return { ...base, verdict: 'unknown', reason: `${endedFirst}; ${reason}` };
  return { ...base, verdict: 'fail', reason };
}

/** All members hold the same data at the same revision: the rule of `models/etcdRules`. */
export function checkAgreement(result: FinalPhaseResult): PropertyResult {
  const { endings, revision, comparedBy } = result;
  const asked = endings.filter(({ fingerprint }) => fingerprint !== undefined);
  const base = {
    id: 'agree',
    title: 'All members hold the same data',
    evidence: { counts: { members: asked.length, revisions: revision } },
  };
  const judged = checkMemberAgreement(
    endings.map(({ member, fingerprint, stuckAt, reason }) => ({
      ...{ member, hash: fingerprint, reason },
      revision: fingerprint === undefined ? stuckAt : revision,
    })),
  );
  if (judged.violation !== undefined) {
    const lines = asked.map(({ member, fingerprint }) => `${member}: ${fingerprint}`);
    const title = `${judged.violation.message} (${comparedBy})`;
    const isDifferent = new Set(asked.map(({ fingerprint }) => fingerprint)).size > 1;
    const reason = judged.violation.message;
    return isDifferent
      ? { ...base, verdict: 'fail', reason, counterexample: { title, lines } }
      : { ...base, verdict: 'fail', reason };
  }
  if (judged.reason !== undefined) return { ...base, verdict: 'unknown', reason: judged.reason };
  if (endings.length < 2) return { ...base, verdict: 'skipped', reason: nothingToCompare };
  return { ...base, verdict: 'ok' };
}

/** A watch from the first revision on shows the same at every member. */
export function checkReplay({ endings, revision }: FinalPhaseResult): PropertyResult {
  const read = endings.filter(({ replay }) => replay.changes !== undefined);
  const [first] = read;
  const changes = first?.replay.changes?.length ?? 0;
  const base = {
    id: 'replay',
    title: 'A watch from the beginning shows the same changes, in order, at every member',
    evidence: { counts: { changes, members: read.length } },
  };
  for (const { member, replay } of read) {
    if (replay.changes !== undefined && replay.problem !== undefined) {
      return { ...base, verdict: 'fail', reason: `${member}: ${replay.problem}` };
    }
  }
  for (const other of read.slice(1)) {
    const difference = firstDifference(first!, other);
    if (difference) {
      const reason = `${first!.member} and ${other.member} replay different changes`;
      const counterexample = { title: reason, lines: difference };
      return { ...base, verdict: 'fail', reason, counterexample };
    }
  }
  const missing = endings.find(({ replay }) => replay.changes === undefined);
  if (missing && missing.replay.changes === undefined) {
    const verdict = read.length === 0 && changes === 0 ? 'skipped' : 'unknown';
    return { ...base, verdict, reason: `${missing.member}: ${missing.replay.reason}` };
  }
  if (endings.length < 2) return { ...base, verdict: 'skipped', reason: nothingToCompare };
  if (revision > 0 && changes > 0) return { ...base, verdict: 'ok' };
  return { ...base, verdict: 'unknown', reason: 'nothing was changed' };
}

function firstDifference(a: MemberEnding, b: MemberEnding): readonly string[] | undefined {
  const [left, right] = [a.replay.changes ?? [], b.replay.changes ?? []];
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const [one, other] = [JSON.stringify(left[i]), JSON.stringify(right[i])];
    if (one !== other) {
      return [
        `${a.member}: ${one ?? 'no more changes'}`,
        `${b.member}: ${other ?? 'no more changes'}`,
      ];
    }
  }
  return undefined;
}

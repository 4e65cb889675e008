/**
 * What kind of failure it is, in words: broken safety, or a cluster that did not come back, and
 * then whether it could have: with a majority of members that nothing had damaged for good.
 */
import type { Outcome, Plan, Violation } from '../../simulator';

const LIVENESS = new Set(['liveness', 'stableLeader', 'boundedWork']);
/** Found in what the clients saw; who is to blame is not said by it. */
const BY_CLIENTS = new Set(['linearizability', 'watch', 'exactlyOnce']);

export function triage(plan: Plan, violation: Violation, outcome: Outcome): string {
  const { invariant, timeMs } = violation;
  const inSafety = timeMs <= plan.options.safetyMs;
  const when = inSafety ? 'while faults were striking' : 'after all faults had been healed';
  const lost = outcome.marks['damaged log refused'];
  const majority = Math.floor(plan.members / 2) + 1;
  const left = plan.members - lost;
  const lines: string[] = [];
  if (invariant === 'noFailure') {
    lines.push(`a member gave up ${when}: see the error below for the code that threw`);
  } else if (LIVENESS.has(invariant)) {
    lines.push(`liveness: the cluster did not come back ${when}`);
    lines.push(
      left >= majority
        ? `recoverable: ${left} of ${plan.members} members were sound, a majority is ${majority}`
        : `not recoverable: only ${left} of ${plan.members} members were sound`,
    );
  } else if (BY_CLIENTS.has(invariant)) {
    lines.push('safety: clients saw what no correct store shows; the members still agreed');
  } else {
    lines.push(`safety: the members broke a promise ${when}`);
  }
  const last = plan.faults.filter(({ atMs }) => atMs <= timeMs).at(-1);
  if (last !== undefined) {
    lines.push(
      `the last fault before it: ${last.kind}, ${Math.round(timeMs - last.atMs)} ms earlier`,
    );
  }
  return lines.join('\n');
}

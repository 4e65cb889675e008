/**
 * When was the failure inevitable? The plan runs again and again, and from some moment on all
 * that is drawn (delays, losses, timeouts, what a crash leaves) is drawn from other seeds. How
 * often it still fails, moment by moment, shows where the decision fell.
 */
import { simulate } from '../../simulator';
import type { Plan, Violation } from '../../simulator';
import { judgeHistory } from './judge';

export interface BugProbability {
  /** From here on the runs draw anew. */
  readonly atMs: number;
  /** So many of `runs` break the same invariant. */
  readonly failed: number;
  readonly runs: number;
}

export interface ProbabilityOptions {
  /** Moments between the start and the violation. Default 10. */
  readonly moments?: number;
  /** Default 20. */
  readonly runs?: number;
}

export function bugProbability(
  plan: Plan,
  { invariant, timeMs }: Violation,
  { moments = 10, runs = 20 }: ProbabilityOptions = {},
): BugProbability[] {
  return Array.from({ length: moments + 1 }, (_, moment) => {
    const atMs = (timeMs * moment) / moments;
    let failed = 0;
    for (let run = 1; run <= runs; run++) {
      const reseed = { atMs, seed: `${plan.seed}, again ${run}` };
      const { violation } = simulate(plan, { judge: judgeHistory, reseed });
      if (violation?.invariant === invariant) failed++;
    }
    return { atMs, failed, runs };
  });
}

/** A line a moment, and the steepest rise in words. */
export function describeProbability(moments: readonly BugProbability[]): string {
  const lines = moments.map(({ atMs, failed, runs }) => {
    const bar = '#'.repeat(Math.round((20 * failed) / runs)).padEnd(20, '.');
    return `  ${(atMs / 1000).toFixed(3).padStart(9)} s  ${bar} ${failed}/${runs}`;
  });
  let at = 0;
  for (let i = 1; i < moments.length; i++) if (riseAt(moments, i) > riseAt(moments, at)) at = i;
  const rise = riseAt(moments, at);
  const seconds = (i: number): string => (moments[i]!.atMs / 1000).toFixed(3);
  const found =
    rise > 0
      ? `decided between ${seconds(at - 1)} s and ${seconds(at)} s, where it rises the most`
      : 'as likely at every moment: the plan decides, not what is drawn';
  return ['P(violation) when all is drawn anew from a moment on:', ...lines, found].join('\n');
}

function riseAt(moments: readonly BugProbability[], i: number): number {
  return i === 0
    ? 0
    : moments[i]!.failed / moments[i]!.runs - moments[i - 1]!.failed / moments[i - 1]!.runs;
}

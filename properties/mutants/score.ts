/**
 * Hunts many mutants on several threads and keeps the score. Order of the results is the order
 * of the mutants, whichever ends first.
 */
import { describeCatch, hunt } from './kill';
import { assertApplies } from './loader';
import type { Mutant, MutantKind } from './mutant';

/** One row of the table. */
export interface Score {
  readonly id: string;
  readonly kind: MutantKind;
  readonly title: string;
  /** `absent`: the reference has nothing to break there. `error`: it could not be hunted. */
  readonly outcome: 'killed' | 'survived' | 'absent' | 'error';
  /** The check that caught it. */
  readonly killedBy?: string;
  readonly expectedKillers: readonly string[];
  /** Whether a check caught it that should. */
  readonly expected?: boolean;
  /** Seeds that were run, the one that caught it included. */
  readonly seeds: number;
  readonly seconds: number;
  /** Size of the shrunk schedule, when the simulator caught it. */
  readonly faults?: number;
  readonly operations?: number;
  /** The counterexample, the error, or why it is absent. */
  readonly details?: string;
}

export interface ScoreSummary {
  readonly killed: number;
  /** Mutants that were hunted; benign changes, canaries and absent ones do not count. */
  readonly total: number;
  readonly survivors: readonly string[];
  readonly absent: readonly string[];
  readonly errors: readonly string[];
  readonly benignKilled: number;
  readonly benign: number;
  readonly canariesMissed: readonly string[];
  readonly medianSeedsToKill: number | null;
}

export interface ScoreOptions {
  readonly seedsMax: number;
  readonly workers: number;
  readonly shrinkRunsMax?: number;
  /** Scores of an earlier run, by id: these are taken as they are. */
  readonly known?: ReadonlyMap<string, Score>;
  /** No other hunt begins after this time; what was not hunted has no score. Default: no limit. */
  readonly budgetMs?: number;
  /** Told of each new score. */
  readonly onScore?: (score: Score) => void;
  readonly signal?: AbortSignal;
}

/** Benign changes get this share of the seeds: they have to run all of them. */
const BENIGN_SHARE = 10;

export async function scoreAll(
  mutants: readonly Mutant[],
  options: ScoreOptions,
): Promise<readonly Score[]> {
  const scores = new Array<Score | undefined>(mutants.length).fill(undefined);
  const { known, budgetMs = Infinity, signal } = options;
  const startMs = performance.now();
  mutants.forEach(({ id }, at) => (scores[at] = known?.get(id)));
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < mutants.length && signal?.aborted !== true) {
      const at = next++;
      if (scores[at] !== undefined) continue;
      if (performance.now() - startMs >= budgetMs) return;
      const score = await scoreOne(mutants[at]!, options);
      scores[at] = score;
      options.onScore?.(score);
    }
  };
  await Promise.all(Array.from({ length: options.workers }, work));
  return scores.filter((score) => score !== undefined);
}

async function scoreOne(mutant: Mutant, options: ScoreOptions): Promise<Score> {
  const { id, kind, title, expectedKillers, absent, swarm } = mutant;
  const base = { id, kind, title, expectedKillers };
  if (absent !== undefined) {
    return { ...base, outcome: 'absent', seeds: 0, seconds: 0, details: absent };
  }
  const { shrinkRunsMax = 0, signal } = options;
  const seedsMax =
    kind === 'benign' ? Math.ceil(options.seedsMax / BENIGN_SHARE) : options.seedsMax;
  const startMs = performance.now();
  const seconds = (): number => Math.round((performance.now() - startMs) / 10) / 100;
  try {
    assertApplies(mutant);
    const { seeds, caught } = await hunt(mutant, { seedsMax, swarm, shrinkRunsMax, signal });
    if (caught === undefined) return { ...base, outcome: 'survived', seeds, seconds: seconds() };
    const killedBy = caught.finding.check;
    const plan = caught.simulated?.plan;
    return {
      ...base,
      outcome: 'killed',
      killedBy,
      expected: expectedKillers.includes(killedBy),
      seeds,
      seconds: seconds(),
      ...(plan && { faults: plan.faults.length, operations: plan.operations.length }),
      details: describeCatch(caught),
    };
  } catch (error) {
    const details = error instanceof Error ? error.message : String(error);
    return { ...base, outcome: 'error', seeds: 0, seconds: seconds(), details };
  }
}

export function summarize(scores: readonly Score[]): ScoreSummary {
  const hunted = scores.filter(({ kind, outcome }) => kind === 'mutant' && outcome !== 'absent');
  const killed = hunted.filter(({ outcome }) => outcome === 'killed');
  const ids = (list: readonly Score[]) => list.map(({ id }) => id);
  const benign = scores.filter(({ kind }) => kind === 'benign');
  return {
    killed: killed.length,
    total: hunted.length,
    survivors: ids(hunted.filter(({ outcome }) => outcome === 'survived')),
    absent: ids(scores.filter(({ outcome }) => outcome === 'absent')),
    errors: ids(scores.filter(({ outcome }) => outcome === 'error')),
    benignKilled: benign.filter(({ outcome }) => outcome === 'killed').length,
    benign: benign.length,
    canariesMissed: ids(
      scores.filter(
        ({ kind, outcome, seeds }) => kind === 'canary' && (outcome !== 'killed' || seeds > 1),
      ),
    ),
    medianSeedsToKill: median(killed.map(({ seeds }) => seeds)),
  };
}

function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The table as Markdown: mutant, killed by, expected killer, seeds, seconds. */
export function scoreTable(scores: readonly Score[]): string {
  const rows = scores.map((score) => {
    const { id, title, outcome, killedBy, expectedKillers, seeds, seconds } = score;
    const by = outcome === 'killed' ? killedBy! : outcome === 'survived' ? '-' : outcome;
    const expected = expectedKillers.join(', ') || '-';
    return `| ${id} | ${title} | ${by} | ${expected} | ${seeds} | ${seconds.toFixed(1)} |`;
  });
  return [
    '| mutant | what is broken | killed by | expected killer | seeds | seconds |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

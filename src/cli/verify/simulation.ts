/** The simulator's part of a verification: seeds of the reference, one verdict for all. */
import { join, relative } from 'node:path';
import type { Counterexample, Evidence, PropertyResult } from '../../../reports';
import type { Plan } from '../../simulator';
import type { Progress } from '../progress';
import { columnsOf, describeFailure, minimize, saveFailure } from '../simulation/failure';
import { judgeHistory } from '../simulation/judge';
import { runSeeds, type SeedRecord, type SweepSummary } from '../simulation/runSeeds';
import { simulate } from '../../simulator';
import type { TargetOption } from './target';

/** By time or by number. */
export type SimulationBudget = { readonly seconds: number } | { readonly seeds: number };

export interface SimulationRequest {
  readonly target: TargetOption;
  readonly simulation: SimulationBudget;
  readonly seed: string;
  /** Where a failure's replay file goes. */
  readonly directory: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

const ID = 'simulation';
const TITLE =
  'In simulated clusters of the reference every invariant holds, and they recover from all faults';
/** A sweep by time ends by time; this only bounds the list of seed names. */
const SEEDS_MAX = 100_000;
/** Long enough for nearly every failure; a first look should not take a minute. */
const SHRINK_MS = 20_000;
const COLUMN_LINES_MAX = 40;

export async function simulationProperty(request: SimulationRequest): Promise<PropertyResult> {
  const { target, simulation, progress, signal, seed } = request;
  if (target.kind !== 'reference') {
    return skipped('the simulator runs the reference, not other stores');
  }
  const byTime = 'seconds' in simulation;
  if (byTime && simulation.seconds === 0) return skipped('switched off (--simulation-seconds 0)');
  const count = byTime ? SEEDS_MAX : simulation.seeds;
  let failure: { readonly record: SeedRecord; readonly plan: Plan } | undefined;
  let done = 0;
  const summary = await runSeeds({
    names: Array.from({ length: count }, (_, i) => `${seed}-${i + 1}`),
    ...(byTime && { budgetMs: simulation.seconds * 1_000 }),
    signal,
    onSeed: (record, plan) => {
      done++;
      if (record.verdict === 'violation') failure ??= { record, plan: plan() };
      progress.update(`simulator: ${done} seeds`);
    },
  });
  const seconds = (summary.ms / 1_000).toFixed(1);
  progress.line(`simulator: ${summary.seeds} seeds in ${seconds} s, judged`);
  const evidence = evidenceOf(summary);
  if (failure !== undefined) {
    progress.update('simulator: making the failure small ...');
    return { ...broken(request, failure.plan, failure.record), evidence };
  }
  const base = { id: ID, title: TITLE, evidence };
  if (summary.undecided.length > 0) {
    const { seed: first, reason } = summary.undecided[0]!;
    return { ...base, verdict: 'unknown', reason: `seed ${first}: ${reason}` };
  }
  if (summary.seeds === 0) return { ...base, verdict: 'unknown', reason: 'no seed was run' };
  return { ...base, verdict: 'ok' };
}

function skipped(reason: string): PropertyResult {
  return { id: ID, title: TITLE, verdict: 'skipped', evidence: {}, reason };
}

function evidenceOf(summary: SweepSummary): Evidence {
  return {
    operations: summary.operations,
    seconds: summary.ms / 1_000,
    counts: {
      seeds: summary.seeds,
      'simulated seconds': Math.round(summary.simulatedMs / 1_000),
    },
  };
}

function broken(
  request: SimulationRequest,
  plan: Plan,
  record: SeedRecord,
): Omit<PropertyResult, 'evidence'> {
  const { violation } = record;
  if (violation === undefined) throw new Error(`seed ${record.seed} failed without a violation`);
  const failure = minimize(plan, violation, { budgetMs: SHRINK_MS, signal: request.signal });
  const path = saveFailure(failure, join(request.directory, 'simulation'));
  const outcome = simulate(failure.plan, { judge: judgeHistory });
  const columns = columnsOf(failure.plan, outcome, COLUMN_LINES_MAX);
  const counterexample: Counterexample = {
    title: `${failure.violation.invariant}: ${failure.violation.sentence}`,
    lines: [...describeFailure(failure).split('\n'), ...columns.split('\n')],
    replay: `crucible replay ${relative(process.cwd(), path)} --log`,
  };
  const reason = `seed ${record.seed}: ${failure.violation.details}`;
  return { id: ID, title: TITLE, verdict: 'fail', reason, counterexample };
}

/** `crucible chaos` without its command line: scenarios in, a written report out. */
import {
  describeEnvironment,
  makeTarget,
  playScenarios,
  reportOf,
  TargetError,
  type ChaosResult,
  type Scenario,
  type TargetChoice,
} from '../../../chaos';
import {
  createRunDirectory,
  overallVerdict,
  RunDirectoryError,
  writeReports,
  type RunReport,
} from '../../../reports';
import type { Progress } from '../progress';
import { UsageError } from '../usageError';

export interface ScenariosRequest {
  readonly scenarios: readonly Scenario[];
  readonly target: TargetChoice;
  readonly seconds: number;
  readonly isShort: boolean;
  readonly seed: string;
  readonly runsDirectory: string;
  readonly command: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface ScenariosResult {
  readonly report: RunReport;
  readonly directory: string;
}

export async function runScenarios(request: ScenariosRequest): Promise<ScenariosResult> {
  const { scenarios, seed, seconds, isShort, signal, progress } = request;
  const startedAt = new Date();
  const started = performance.now();
  const directory = makeDirectory(request.runsDirectory, startedAt);
  const { choice, note } = await reachable(request.target, directory, signal);
  if (note !== undefined) progress.line(note);
  const results = await playScenarios({
    ...{ scenarios, seed, seconds, isShort, signal, directory },
    makeCluster: async (place, wishes) => makeTarget(choice, place, wishes, signal),
    onProgress: (text) => progress.update(text),
    onScenario: ({ name }, played) => progress.line(summaryOf(name, played)),
  });
  progress.update('writing the report');
  const title = scenarios.length === 1 ? `chaos ${scenarios[0]!.name}` : 'chaos';
  const command = `${request.command} --seed ${seed}`;
  const report =
    results.length > 0
      ? reportOf(results, { title, command, isNested: true })
      : emptyReport(title, command, choice.kind);
  const target = results.find((result) => result.target.name !== 'none')?.target ?? report.target;
  const whole: RunReport = {
    ...report,
    ...{ target, seed, startedAt: startedAt.toISOString() },
    seconds: (performance.now() - started) / 1_000,
    notes: note === undefined ? report.notes : [note, ...report.notes],
  };
  writeReports(whole, directory, { amongRuns: true });
  return { report: whole, directory };
}

function makeDirectory(root: string, startedAt: Date): string {
  try {
    return createRunDirectory(root, startedAt);
  } catch (error) {
    if (error instanceof RunDirectoryError) throw new UsageError(error.message);
    throw error;
  }
}

/**
 * Containers where they can be had. Without Docker the same members run as processes, and the
 * report says so; what is no program of this machine can only be had in containers.
 */
async function reachable(
  choice: TargetChoice,
  directory: string,
  signal: AbortSignal,
): Promise<{ readonly choice: TargetChoice; readonly note?: string }> {
  try {
    await makeTarget(choice, directory, {}, signal);
    return { choice };
  } catch (error) {
    if (!(error instanceof TargetError)) throw error;
    const isContainer = 'runtime' in choice && choice.runtime === 'container';
    if (!isContainer) throw new UsageError(error.message);
    const note = `no containers, processes instead: ${error.message}`;
    return { choice: { ...choice, runtime: 'process' }, note };
  }
}

function summaryOf(name: string, played: readonly ChaosResult[]): string {
  const properties = played.flatMap((result) => result.properties);
  const seconds = played.reduce((sum, result) => sum + result.seconds, 0);
  const broken = properties.filter(({ verdict }) => verdict === 'fail').length;
  const verdict = overallVerdict(properties);
  const detail = broken > 0 ? `, ${broken} promises broken` : '';
  return `${name}: ${verdict}, ${seconds.toFixed(0)} s${detail}`;
}

/** Of a shard that no scenario falls into: nothing was checked, and it says so. */
function emptyReport(title: string, command: string, target: string): RunReport {
  return {
    ...{ title, command, startedAt: '', seconds: 0, seed: '' },
    environment: describeEnvironment(),
    target: { name: target, how: 'nothing to do', memberCount: 0 },
    ...{ properties: [], faults: [], series: [], histories: [], notes: [] },
  };
}

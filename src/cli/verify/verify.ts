/**
 * The main job without its command line: what `crucible verify` does, as a function.
 *
 * The run directory is made, and proven writable, before anything starts. An abort ends the part
 * that runs in order, skips the rest by name, and still writes the report.
 */
import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import {
  defaultFaults,
  describeEnvironment,
  makeTarget,
  reportOf,
  runChaos,
  TargetError,
  workloads,
  type ChaosProgress,
  type ChaosResult,
} from '../../../chaos';
import {
  createRunDirectory,
  RunDirectoryError,
  writeReports,
  type PropertyResult,
  type RunReport,
} from '../../../reports';
import type { Progress } from '../progress';
import { UsageError } from '../usageError';
import { simulationProperty, type SimulationBudget } from './simulation';
import type { TargetOption } from './target';

export interface VerifyRequest {
  readonly target: TargetOption;
  /** Seconds of chaos in all; each workload gets an equal share. */
  readonly chaosSeconds: number;
  readonly simulation: SimulationBudget;
  readonly workloads: readonly string[];
  readonly clients: number;
  readonly seed: string;
  readonly runsDirectory: string;
  readonly command: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface VerifyResult {
  readonly report: RunReport;
  readonly directory: string;
}

export async function runVerify(request: VerifyRequest): Promise<VerifyResult> {
  const { signal, progress } = request;
  const startedAt = new Date();
  const started = performance.now();
  const directory = makeDirectory(request.runsDirectory, startedAt);
  const simulated = await simulationProperty({ ...request, directory });
  const results: ChaosResult[] = [];
  const undone: PropertyResult[] = [];
  for (const name of request.workloads) {
    // The first one runs even after an abort: it ends at once and names the target.
    if (signal.aborted && results.length + undone.length > 0) {
      undone.push(notRun(name, 'skipped', 'the run was interrupted before it'));
      continue;
    }
    try {
      results.push(await chaosPart(request, name, directory));
    } catch (error) {
      // Verdicts that are there already are worth more than the error: also the simulator's.
      const isFirst = results.length === 0 && undone.length === 0;
      if (isFirst && simulated.verdict === 'skipped') throw error;
      undone.push(notRun(name, 'unknown', (error as Error).message));
    }
  }
  progress.update('writing the report');
  const command = `${request.command} --seed ${request.seed}`;
  const title = `verify ${results[0]?.target.name ?? request.target.kind}`;
  const report =
    results.length > 0 ? reportOf(results, { title, command }) : withoutRuns(request, command);
  const whole: RunReport = {
    ...report,
    title,
    startedAt: startedAt.toISOString(),
    seconds: (performance.now() - started) / 1_000,
    seed: request.seed,
    properties: [simulated, ...report.properties, ...undone],
    histories: results.map(({ name, history }) => ({
      ...history,
      file: join(partOf(request, name), history.file ?? 'history.jsonl'),
    })),
  };
  joinHistories(whole, directory);
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

async function chaosPart(
  request: VerifyRequest,
  name: string,
  directory: string,
): Promise<ChaosResult> {
  const { progress, target, signal, clients, seed } = request;
  const part = join(directory, partOf(request, name));
  try {
    const result = await runChaos({
      target: await makeTarget(target, part, {}, signal),
      workload: workloads[name]!(),
      faults: defaultFaults(),
      seconds: request.chaosSeconds / request.workloads.length,
      seed: `${seed}/${name}`,
      directory: part,
      clients,
      signal,
      onProgress: (now) => progress.update(describe(name, now)),
    });
    const count = result.history.history.operations.length;
    const faults = result.faults.reduce((sum, kind) => sum + kind.count, 0);
    progress.line(`${name}: ${count} operations, ${faults} faults, judged`);
    return result;
  } catch (error) {
    if (error instanceof TargetError) throw new UsageError(error.message);
    throw error;
  }
}

/** The frame of a report in which no cluster could be started. */
function withoutRuns({ target, seed }: VerifyRequest, command: string): RunReport {
  return {
    ...{ title: '', startedAt: '', seconds: 0, seed, command },
    environment: describeEnvironment(),
    target: { name: target.kind, how: 'could not be started', memberCount: 0 },
    ...{ properties: [], faults: [], series: [], histories: [], notes: [] },
  };
}

/** Where a workload's files lie below the run: in a folder of their own when there are several. */
function partOf(request: VerifyRequest, name: string): string {
  return request.workloads.length === 1 ? '' : name;
}

function describe(name: string, now: ChaosProgress): string {
  const { phase, seconds, operations, fault } = now;
  const doing = fault === undefined ? '' : `, ${fault}`;
  return `${name}: ${phase}, ${seconds.toFixed(0)} s, ${operations} operations${doing}`;
}

function notRun(name: string, verdict: 'skipped' | 'unknown', reason: string): PropertyResult {
  const title = `${name}: the workload under faults`;
  return { id: `${name}/run`, title, verdict, evidence: {}, reason };
}

/** One file with all histories of the run, each behind a meta line of its own. */
function joinHistories(report: RunReport, directory: string): void {
  const whole = join(directory, 'history.jsonl');
  if (existsSync(whole)) return;
  const file = openSync(whole, 'w');
  try {
    for (const { file: part } of report.histories) {
      if (part !== undefined) writeSync(file, readFileSync(join(directory, part)));
    }
  } finally {
    closeSync(file);
  }
}

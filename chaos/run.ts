/**
 * One chaos run: start a cluster, let clients work while the nemesis does its worst, heal, read
 * everything back, judge.
 *
 * Invariants: the history is in its file event by event, so even a runner that is killed leaves
 * what happened; whatever goes wrong, the members are healed and the cluster is disposed of; an
 * abort ends the work early but not the judging of what is there.
 */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { HistoryRecorder } from '../src/history';
import type { FaultKind } from '../reports';
import { missingCapabilities } from './faults/fault';
import { judge, skippedFaults } from './judge';
import type { ChaosOptions, ChaosResult } from './options';
import { TargetError } from './target';
import { ChaosRun, type Observed } from './work';

const checkLimitAbortedMs = 5_000;

/**
 * Runs and judges.
 * @throws TargetError when the cluster cannot be started, or an error of the file system. What
 * the store does wrong is never thrown, it is in the result.
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const startedAt = new Date();
  const { target, seed, workload, directory, signal } = options;
  const name = options.name ?? workload.name;
  const possible = options.faults.filter(
    (fault) => missingCapabilities(fault, target).length === 0,
  );
  mkdirSync(directory, { recursive: true });
  const file = 'history.jsonl';
  const model = workload.revisionModel ?? workload.model;
  const sink = openSync(join(directory, file), 'w');
  let observed: Observed;
  try {
    // The clock begins with the work: how long the cluster took to start is not its history.
    let zero: number | undefined;
    const clock = (): number => {
      zero ??= performance.now();
      return (performance.now() - zero) * 1e6;
    };
    const recorder = new HistoryRecorder({
      clock,
      sink: { write: (line) => writeSync(sink, line) },
      meta: {
        ...{ name, workload: workload.name, seed, target: target.description },
        ...(model === undefined ? {} : { model }),
      },
    });
    observed = await new ChaosRun(options, name, possible, recorder, clock).run();
  } catch (error) {
    if (!(error instanceof TargetError) || error.code !== 'aborted') throw error;
    return neverStarted(options, name, file, startedAt);
  } finally {
    closeSync(sink);
  }
  options.onProgress?.({
    phase: 'judging',
    seconds: observed.workedSeconds,
    operations: observed.history.operations.length,
  });
  // Who interrupted the run does not wait for a checker either.
  const hurried = signal?.aborted ? { ...options, checkLimitMs: checkLimitAbortedMs } : options;
  const properties = [
    ...judge(hurried, name, observed),
    ...skippedFaults(options, observed.nemesis.impossible),
  ];
  return {
    ...{ name, seed, startedAt: startedAt.toISOString(), properties, target: observed.target },
    seconds: (Date.now() - startedAt.getTime()) / 1_000,
    faults: possible.map((fault): FaultKind => {
      const count = observed.nemesis.counts.get(fault.name) ?? 0;
      return { name: fault.name, ...fault.shading, count };
    }),
    series: observed.memory ? [observed.memory] : [],
    history: { name, file, history: observed.history },
    notes: signal?.aborted
      ? [`${name} was ended early, after ${observed.workedSeconds.toFixed(1)} s of work`]
      : [],
  };
}

/** What an abort before the cluster was ready leaves: nothing was checked, and it says so. */
function neverStarted(
  { target, workload, seed }: ChaosOptions,
  name: string,
  file: string,
  startedAt: Date,
): ChaosResult {
  const { target: targetName, how, memberCount } = target.description;
  const reason = 'skipped, because the run was ended before the cluster was ready';
  return {
    ...{ name, seed, startedAt: startedAt.toISOString() },
    seconds: (Date.now() - startedAt.getTime()) / 1_000,
    target: { name: targetName, how, memberCount },
    properties: [
      { id: 'linearizable', title: workload.promise, verdict: 'skipped', evidence: {}, reason },
    ],
    ...{ faults: [], series: [], notes: [] },
    history: { name, file, history: { meta: { name }, operations: [], faults: [] } },
  };
}

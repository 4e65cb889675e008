/**
 * Plays scenarios one after the other on clusters of one kind. What one of them finds, or throws,
 * never keeps the next from being played; what was left out is said by name.
 */
import { join } from 'node:path';

import { mib } from '../../models/memory';
import type { PropertyResult, Series } from '../../reports';
import type { ChaosResult } from '../options';
import type { Cluster } from '../target';
import type { ClusterWishes } from '../targets/makeTarget';
import { referenceBytesMax } from './memory';
import type { Scenario } from './scenario';

export interface PlayOptions {
  readonly scenarios: readonly Scenario[];
  readonly makeCluster: (directory: string, wishes: ClusterWishes) => Promise<Cluster>;
  readonly seed: string;
  readonly directory: string;
  /** For all timed scenarios together; each gets an equal share. */
  readonly seconds: number;
  /** Default false. */
  readonly isShort?: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (text: string) => void;
  readonly onScenario?: (scenario: Scenario, results: readonly ChaosResult[]) => void;
}

const MIB = 2 ** 20;

/** The results of all parts, in order. */
export async function playScenarios(options: PlayOptions): Promise<readonly ChaosResult[]> {
  const { scenarios, signal, onScenario } = options;
  const timed = scenarios.filter(({ isTimed }) => isTimed).length;
  const seconds = options.seconds / Math.max(1, timed);
  const results: ChaosResult[] = [];
  for (const scenario of scenarios) {
    const played = signal.aborted
      ? [notPlayed(options, scenario, 'skipped', 'skipped, because the run was interrupted')]
      : await playOne(options, scenario, seconds);
    results.push(...played);
    onScenario?.(scenario, played);
  }
  return results;
}

async function playOne(
  options: PlayOptions,
  scenario: Scenario,
  seconds: number,
): Promise<readonly ChaosResult[]> {
  const { makeCluster, seed, directory, signal, onProgress, isShort = false } = options;
  // The first cluster tells what the target is, for results that never had one.
  let seen: Cluster['description'] | undefined;
  try {
    const results = await scenario.run({
      cluster: async (part, wishes = {}) => {
        const cluster = await makeCluster(join(directory, part), wishes);
        seen ??= cluster.description;
        return cluster;
      },
      ...{ seed, directory, seconds, isShort, signal, onProgress },
    });
    return results.map(withMemoryCap);
  } catch (error) {
    const isAborted = signal.aborted;
    const reason = isAborted ? 'the run was interrupted in it' : (error as Error).message;
    return [notPlayed(options, scenario, 'unknown', reason, seen)];
  }
}

function notPlayed(
  { seed }: PlayOptions,
  { name, promise }: Scenario,
  verdict: 'skipped' | 'unknown',
  reason: string,
  seen?: Cluster['description'],
): ChaosResult {
  const { target = 'none', how = '', memberCount = 0 } = seen ?? {};
  return {
    ...{ name, seed, seconds: 0, startedAt: new Date().toISOString() },
    target: { name: target, how, memberCount },
    properties: [{ id: 'played', title: promise, verdict, evidence: {}, reason }],
    ...{ faults: [], series: [], notes: [] },
    history: { name, history: { meta: { name }, operations: [], faults: [] } },
  };
}

/** The reference promises one figure for every scenario; other stores promise none. */
function withMemoryCap(result: ChaosResult): ChaosResult {
  if (result.target.name !== 'reference') return result;
  return { ...result, properties: [...result.properties, memoryCap(result.series)] };
}

function memoryCap(series: readonly Series[]): PropertyResult {
  const lines = series.filter(({ unit }) => unit === 'MiB').flatMap((one) => one.lines);
  const values = lines.flatMap((line) => line.values.filter((value) => value !== null));
  const peak = values.reduce((most, value) => Math.max(most, value), 0);
  const base = {
    id: 'memory-cap',
    title: `No member ever has more than ${mib(referenceBytesMax)} of anonymous memory`,
    evidence: { counts: { samples: values.length, 'MiB at most': Math.round(peak) } },
  };
  if (values.length === 0) {
    return { ...base, verdict: 'skipped', reason: 'skipped, because memory cannot be seen here' };
  }
  if (peak * MIB <= referenceBytesMax) return { ...base, verdict: 'ok' };
  return { ...base, verdict: 'fail', reason: `one had ${peak} MiB` };
}

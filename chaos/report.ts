/** Puts the results of one or more chaos runs together into the one report that writers read. */
import { readFileSync } from 'node:fs';
import { arch, cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';

import { packageDirectory, type FaultKind, type PropertyResult, type RunReport } from '../reports';
import type { ChaosResult } from './options';

export interface ReportOptions {
  readonly title: string;
  /** The command that repeats it. */
  readonly command: string;
  /** Whether even a single history lies in a directory of its own. Default false. */
  readonly isNested?: boolean;
}

/** What the figures of a report depend on. */
export function describeEnvironment(): Readonly<Record<string, string>> {
  const manifest = readFileSync(join(packageDirectory(), 'package.json'), 'utf8');
  const { name, version } = JSON.parse(manifest) as { name: string; version: string };
  const processors = cpus();
  const model = processors[0]?.model.trim() ?? 'unknown';
  return {
    [name]: version,
    node: process.version,
    system: `${type()} ${release()} ${arch()}`,
    processors: `${processors.length} × ${model}`,
    memory: `${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
  };
}

/** A page of a run that lies in a directory of its own, as seen from the report's. */
function below({ counterexample, ...rest }: PropertyResult, directory: string): PropertyResult {
  if (counterexample === undefined) return rest;
  const { page } = counterexample;
  if (page === undefined) return { ...rest, counterexample };
  return { ...rest, counterexample: { ...counterexample, page: `${directory}/${page}` } };
}

/** With several runs, each promise says which run it is about. */
function labelled(
  result: ChaosResult,
  isOnly: boolean,
  isNested: boolean,
): readonly PropertyResult[] {
  if (isOnly && !isNested) return result.properties;
  const properties = result.properties.map((property) => below(property, result.name));
  if (isOnly) return properties;
  return properties.map((property) => {
    return {
      ...property,
      id: `${result.name}/${property.id}`,
      title: `${result.name}: ${property.title}`,
    };
  });
}

function addCounts(results: readonly ChaosResult[]): readonly FaultKind[] {
  const kinds = new Map<string, FaultKind>();
  for (const kind of results.flatMap(({ faults }) => faults)) {
    const known = kinds.get(kind.name);
    kinds.set(kind.name, known ? { ...known, count: known.count + kind.count } : kind);
  }
  return [...kinds.values()];
}

/** Results that say the same about every run, whatever its workload was. */
const sameInAllRuns = /\/((?:watch-|headers)[^/]*)$/;
const byWeight = ['fail', 'ok', 'unknown', 'skipped'] as const;

/**
 * One line for a promise that has nothing to do with the workload: broken when it was in any run,
 * kept when it was put to the test in one.
 */
function merged(properties: readonly PropertyResult[], names: readonly string[]) {
  const groups = new Map<string, PropertyResult[]>();
  for (const property of properties) {
    const id = sameInAllRuns.exec(property.id)?.[1] ?? property.id;
    groups.set(id, [...(groups.get(id) ?? []), property]);
  }
  return [...groups].map(([id, group]): PropertyResult => {
    const [first] = group;
    if (id === first!.id) return first!;
    const weightOf = ({ verdict }: PropertyResult): number => byWeight.indexOf(verdict);
    const worst = group.reduce((best, one) => (weightOf(one) < weightOf(best) ? one : best));
    const run = names.find((name) => worst.title.startsWith(`${name}: `))!;
    const counts: Record<string, number> = {};
    for (const [what, count] of group.flatMap(({ evidence }) =>
      Object.entries(evidence.counts ?? {}),
    )) {
      counts[what] = (counts[what] ?? 0) + count;
    }
    const reason = worst.verdict === 'fail' ? `${run}: ${worst.reason}` : worst.reason;
    return {
      ...{ ...worst, id, title: worst.title.slice(run.length + 2), evidence: { counts } },
      ...(reason === undefined ? {} : { reason }),
    };
  });
}

/**
 * One report over all runs. When there are several, their histories must lie in directories of
 * their own below the report's, named like the run.
 * @throws Error without any result: a report about nothing would look green to somebody.
 */
export function reportOf(results: readonly ChaosResult[], options: ReportOptions): RunReport {
  const [first] = results;
  if (!first) throw new Error('there is no result to report');
  const isOnly = results.length === 1;
  const { title, command } = options;
  return {
    ...{ title, command },
    startedAt: first.startedAt,
    seconds: results.reduce((sum, { seconds }) => sum + seconds, 0),
    environment: describeEnvironment(),
    target: first.target,
    seed: first.seed,
    properties: merged(
      results.flatMap((result) => labelled(result, isOnly, options.isNested === true)),
      results.map(({ name }) => name),
    ),
    faults: addCounts(results),
    series: results.flatMap(({ series }) => series),
    histories: results.map(({ history, name }) => {
      if (history.file === undefined || (isOnly && !options.isNested)) return history;
      return { ...history, file: `${name}/${history.file}` };
    }),
    notes: results.flatMap(({ notes }) => notes),
  };
}

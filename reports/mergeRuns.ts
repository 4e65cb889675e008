/**
 * Several stored runs as one: the shards of a nightly job come from different machines and are
 * read as one report. Each promise keeps its words; files of a run go below its own name.
 */
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

import type { FaultKind, RunReport } from './runReport';
import { readRun } from './writeReports';

function mergeFaults(reports: readonly RunReport[]): readonly FaultKind[] {
  const kinds = new Map<string, FaultKind>();
  for (const kind of reports.flatMap(({ faults }) => faults)) {
    const known = kinds.get(kind.name);
    kinds.set(kind.name, known ? { ...known, count: known.count + kind.count } : kind);
  }
  return [...kinds.values()];
}

function joined(values: readonly string[]): string {
  return [...new Set(values)].join(', ');
}

/**
 * Reads the runs, copies their histories into `directory` and returns the report about all.
 * @throws Error when one of them is no stored run.
 */
export async function mergeRuns(runs: readonly string[], directory: string): Promise<RunReport> {
  const names = uniqueNames(runs);
  const reports = await Promise.all(runs.map((run) => readRun(run)));
  const [first] = reports;
  if (first === undefined) throw new Error('there is no run to merge');
  mkdirSync(directory, { recursive: true });
  /** Copies a file of a run below a directory of the run's name; its new path. */
  const moved = (path: string, i: number): string => {
    const file = join(names[i]!, path);
    const from = join(resolve(runs[i]!), path);
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    if (existsSync(from)) cpSync(from, join(directory, file));
    return file;
  };
  const histories = reports.flatMap((report, i) =>
    report.histories.map((named) =>
      named.file === undefined ? named : { ...named, file: moved(named.file, i) },
    ),
  );
  const properties = reports.flatMap((report, i) =>
    report.properties.map((property) => {
      const { counterexample } = property;
      if (counterexample?.page === undefined) return property;
      const page = moved(counterexample.page, i);
      return { ...property, counterexample: { ...counterexample, page } };
    }),
  );
  return {
    title: joined(reports.map(({ title }) => title)),
    startedAt: reports.map(({ startedAt }) => startedAt).sort()[0]!,
    seconds: reports.reduce((sum, { seconds }) => sum + seconds, 0),
    environment: first.environment,
    command: reports.map(({ command }) => command).join('\n'),
    target: first.target,
    seed: joined(reports.map(({ seed }) => seed)),
    properties,
    faults: mergeFaults(reports),
    series: reports.flatMap(({ series }) => series),
    histories,
    notes: [
      `merged from ${reports.length} runs: ${names.join(', ')}`,
      ...reports.flatMap(({ notes }) => notes),
    ],
  };
}

/** The names of the directories, numbered where two are called the same. */
function uniqueNames(runs: readonly string[]): readonly string[] {
  const names = runs.map((run) => basename(resolve(run)));
  return names.map((name, i) => (names.indexOf(name) === i ? name : `${name}-${i + 1}`));
}

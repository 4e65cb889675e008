/**
 * Where runs are kept: one directory each under `reports/runs`, named by its start, a pointer to
 * the latest, and a page that lists them.
 *
 * The directory is made and written to before anything starts: a run of an hour that cannot
 * store its history would be lost.
 */
import {
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join, resolve } from 'node:path';

import { makeDirectories } from '../src/runtime/makeDirectories';
import type { Verdict } from './runReport';
import { writeRunList } from './writers/runList';
import { resultFormatVersion, type StoredResult } from './writers/json';

/** The reports cannot be stored where they should be. */
export class RunDirectoryError extends Error {
  constructor(directory: string, cause: unknown) {
    super(`cannot write reports to ${directory}: ${(cause as Error).message}`, { cause });
    this.name = 'RunDirectoryError';
  }
}

/** A run as the list shows it. */
export interface RunSummary {
  /** Name of its directory. */
  readonly directory: string;
  readonly title: string;
  readonly verdict: Verdict;
  readonly headline: string;
  readonly target: string;
  readonly startedAt: string;
  readonly seconds: number;
  readonly operations: number;
  readonly faults: number;
  readonly seed: string;
}

/** Runs that the list shows, newest first; older ones stay on disk. */
const runsListedMax = 500;

/** `2026-01-31T12-00-00.000Z`: sorts by time and is a file name everywhere. */
export function runDirectoryName(startedAt: Date): string {
  return startedAt.toISOString().replaceAll(':', '-');
}

/**
 * Makes the directory of a new run and proves that it can be written to.
 * @returns its absolute path.
 * @throws RunDirectoryError with the reason.
 */
export function createRunDirectory(root: string, startedAt: Date): string {
  const parent = resolve(root);
  try {
    makeDirectories(parent);
    const name = runDirectoryName(startedAt);
    for (let attempt = 1; ; attempt += 1) {
      const directory = join(parent, attempt === 1 ? name : `${name}-${attempt}`);
      try {
        mkdirSync(directory);
      } catch (error) {
        // Two runs can begin in the same millisecond; anything else is a real obstacle.
        if ((error as NodeJS.ErrnoException).code === 'EEXIST' && attempt < 100) continue;
        throw error;
      }
      const probe = join(directory, '.probe');
      writeFileSync(probe, 'x');
      rmSync(probe);
      return directory;
    }
  } catch (error) {
    throw new RunDirectoryError(parent, error);
  }
}

/**
 * Makes `latest` point to a run: a link, or a text file with the name of the directory where
 * links are not possible. Replaced in one step, so that a reader always finds one or the other.
 */
export function pointLatest(directory: string): void {
  const root = resolve(directory, '..');
  const name = basename(directory);
  const temporary = join(root, `.latest-${process.pid}`);
  rmSync(temporary, { force: true });
  try {
    symlinkSync(name, temporary, 'dir');
  } catch {
    writeFileSync(temporary, `${name}\n`);
  }
  renameSync(temporary, join(root, 'latest'));
}

/** The directory that `latest` means, or undefined when there is none. */
export function latestRun(root: string): string | undefined {
  const pointer = join(root, 'latest');
  try {
    return join(root, readFileSync(pointer, 'utf8').trim());
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EISDIR' ? pointer : undefined;
  }
}

function summarize(root: string, directory: string): RunSummary | undefined {
  try {
    const text = readFileSync(join(root, directory, 'result.json'), 'utf8');
    const stored = JSON.parse(text) as StoredResult;
    if (stored.formatVersion !== resultFormatVersion) return undefined;
    return {
      directory,
      title: stored.title,
      verdict: stored.verdict,
      headline: stored.headline,
      target: [stored.target.name, stored.target.version].filter(Boolean).join(' '),
      startedAt: stored.startedAt,
      seconds: stored.seconds,
      operations: stored.histories.reduce((sum, { operations }) => sum + operations, 0),
      faults: stored.faults.reduce((sum, { count }) => sum + count, 0),
      seed: stored.seed,
    };
  } catch {
    // A run that is still going on, or was killed, has no result yet.
    return undefined;
  }
}

/** The stored runs, newest first. */
export function listRuns(root: string): readonly RunSummary[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && /^\d{4}-/.test(entry.name))
    .map(({ name }) => name)
    .sort()
    .reverse()
    .slice(0, runsListedMax)
    .map((name) => summarize(root, name))
    .filter((summary) => summary !== undefined);
}

/** Writes the list of runs beside them. */
export function writeRunIndex(root: string): void {
  const temporary = join(root, `.index-${process.pid}`);
  writeFileSync(temporary, writeRunList(listRuns(root)));
  renameSync(temporary, join(root, 'index.html'));
}

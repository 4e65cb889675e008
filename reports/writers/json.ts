/**
 * result.json: the report for machines, and the way back. Histories are not in it but beside it
 * as JSONL; `readRun` puts the two together again, so that documents can be written anew.
 */
import type { History } from '../../src/history';
import { faultWindows, countRacing } from '../faultWindows';
import {
  headline,
  overallVerdict,
  type NamedHistory,
  type RunReport,
  type Verdict,
} from '../runReport';

/** Raised when a reader of an older version would misunderstand the file. */
export const resultFormatVersion = 1;

/** A history in result.json: what it is and where, not what is in it. */
export interface HistorySummary {
  readonly name: string;
  readonly file?: string;
  readonly operations: number;
  readonly ok: number;
  readonly fail: number;
  readonly info: number;
  /** Operations that overlapped a fault. */
  readonly racing: number;
}

export interface StoredResult extends Omit<RunReport, 'histories'> {
  readonly formatVersion: number;
  readonly verdict: Verdict;
  readonly headline: string;
  readonly histories: readonly HistorySummary[];
}

export function summarizeHistory({ name, file, history }: NamedHistory): HistorySummary {
  const { operations, faults } = history;
  const counts = { ok: 0, fail: 0, info: 0 };
  for (const { outcome } of operations) counts[outcome] += 1;
  return {
    name,
    ...(file === undefined ? {} : { file }),
    operations: operations.length,
    ...counts,
    racing: countRacing(operations, faultWindows(faults)),
  };
}

export function writeJson(report: RunReport): string {
  const { histories, ...rest } = report;
  const stored: StoredResult = {
    formatVersion: resultFormatVersion,
    verdict: overallVerdict(report.properties),
    headline: headline(report.properties),
    ...rest,
    histories: histories.map(summarizeHistory),
  };
  return `${JSON.stringify(stored, null, 2)}\n`;
}

/**
 * Puts a stored result and its histories together.
 * @param contents by the file name that the result gives; one that is missing stays empty.
 * @throws Error when the text is no result of a version that this reader knows.
 */
export function parseJson(text: string, contents: ReadonlyMap<string, History>): RunReport {
  const stored = JSON.parse(text) as Partial<StoredResult>;
  if (stored.formatVersion !== resultFormatVersion || !Array.isArray(stored.properties)) {
    throw new Error(
      `no result of format version ${resultFormatVersion}: version ${stored.formatVersion}`,
    );
  }
  const result = stored as StoredResult;
  const { title, startedAt, seconds, environment, command, target, seed } = result;
  const { properties, faults, series, notes } = result;
  const histories = result.histories.map(({ name, file }): NamedHistory => {
    const empty: History = { meta: {}, operations: [], faults: [] };
    const history = (file === undefined ? undefined : contents.get(file)) ?? empty;
    return file === undefined ? { name, history } : { name, file, history };
  });
  return {
    ...{ title, startedAt, seconds, environment, command, target, seed },
    ...{ properties, faults, series, notes, histories },
  };
}

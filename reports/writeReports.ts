/** Writes all documents of a run into its directory, and reads a stored run back. */
import { createReadStream, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

import { createReader, encodeHistory, type History } from '../src/history';
import type { RunReport } from './runReport';
import { pointLatest, writeRunIndex } from './runs';
import { writeHtml } from './writers/html';
import { parseJson, writeJson, type StoredResult } from './writers/json';
import { writeJunit } from './writers/junit';
import { writeMarkdown } from './writers/markdown';

/** The documents by name; each is complete or not there at all. */
export const documentNames = ['result.json', 'junit.xml', 'summary.md', 'index.html'] as const;

export type DocumentName = (typeof documentNames)[number];

export interface WriteReportsOptions {
  /**
   * Whether the directory lies among other runs: then `latest` is pointed to it and the list of
   * runs is written anew. Default false.
   */
  readonly amongRuns?: boolean;
}

function writeWhole(file: string, text: string): void {
  const temporary = join(dirname(file), `.${basename(file)}-${process.pid}`);
  writeFileSync(temporary, text);
  renameSync(temporary, file);
}

/**
 * Writes result.json, junit.xml, summary.md and index.html, and the histories that were not
 * stored while the run went on.
 * @returns the absolute path of each document.
 */
export function writeReports(
  report: RunReport,
  directory: string,
  options: WriteReportsOptions = {},
): Readonly<Record<DocumentName, string>> {
  const root = resolve(directory);
  const histories = report.histories.map((named, i) => {
    if (named.file !== undefined) return named;
    const file = report.histories.length === 1 ? 'history.jsonl' : `history-${i + 1}.jsonl`;
    writeWhole(join(root, file), [...encodeHistory(named.history)].join(''));
    return { ...named, file };
  });
  const stored = { ...report, histories };
  const writers = {
    'index.html': writeHtml,
    'junit.xml': writeJunit,
    'summary.md': writeMarkdown,
    // Last: a directory with a result.json has everything else too.
    'result.json': writeJson,
  } as const;
  for (const [name, write] of Object.entries(writers)) writeWhole(join(root, name), write(stored));
  if (options.amongRuns) {
    pointLatest(root);
    writeRunIndex(dirname(root));
  }
  const paths = documentNames.map((name) => [name, join(root, name)] as const);
  return Object.fromEntries(paths) as Record<DocumentName, string>;
}

async function readHistory(file: string): Promise<History> {
  const reader = createReader('jsonl', file);
  for await (const chunk of createReadStream(file, 'utf8')) reader.push(chunk as string);
  return reader.end();
}

/**
 * Reads what `writeReports` stored, to write the documents again.
 * @throws Error when there is no result of a known version in the directory.
 */
export async function readRun(directory: string): Promise<RunReport> {
  const text = readFileSync(join(directory, 'result.json'), 'utf8');
  const { histories } = JSON.parse(text) as StoredResult;
  const read = new Map<string, History>();
  for (const { file } of histories) {
    if (file !== undefined) read.set(file, await readHistory(join(directory, file)));
  }
  return parseJson(text, read);
}

/**
 * Reads what `crucible check` is given: a file, or a directory that is a run.
 *
 * A run of ours holds `history.jsonl`; one of etcd's robustness suite holds `client-N`
 * directories with `operations.json` and `watch.json`, which together are one history.
 */

import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { createDetectingReader, createReader, mergeHistories } from '../../history';
import type { History, HistoryFormat } from '../../history';

export class UnusableFile extends Error {}

const chunkBytes = 1 << 20;

export function readHistoryFile(file: string, format: HistoryFormat | undefined): History {
  let isDirectory: boolean;
  try {
    isDirectory = statSync(file).isDirectory();
  } catch (error) {
    throw unusable(file, error);
  }
  if (!isDirectory) return readOne(file, format);
  const native = join(file, 'history.jsonl');
  if (existsSync(native)) return readOne(native, format);
  const reports = reportFiles(file);
  if (reports.length === 0) {
    throw new UnusableFile(`${file}: holds neither history.jsonl nor client-N/operations.json`);
  }
  return mergeHistories(reports.map(({ path, client }) => ofClient(readOne(path, format), client)));
}

/** Watches are named by their client, whose directory is all that says who it was. */
function ofClient(history: History, client: string): History {
  const { watches } = history;
  if (watches === undefined) return history;
  return { ...history, watches: watches.map((log) => ({ ...log, name: `${client}/${log.name}` })) };
}

interface ReportFile {
  readonly path: string;
  readonly client: string;
}

function reportFiles(directory: string): readonly ReportFile[] {
  const clients = readdirSync(directory)
    .filter((name) => /^client-\d+$/.test(name))
    .sort((a, b) => Number(a.slice(7)) - Number(b.slice(7)));
  return clients.flatMap((client) =>
    ['operations.json', 'watch.json']
      .map((name) => ({ path: join(directory, client, name), client }))
      .filter(({ path }) => existsSync(path)),
  );
}

function unusable(path: string, error: unknown): UnusableFile {
  const { code, message } = error as NodeJS.ErrnoException;
  return new UnusableFile(`${path}: ${code === 'ENOENT' ? 'no such file' : message}`);
}

function readOne(path: string, format: HistoryFormat | undefined): History {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    throw unusable(path, error);
  }
  try {
    const reader = format === undefined ? createDetectingReader(path) : createReader(format, path);
    const decoder = new StringDecoder('utf8');
    const buffer = Buffer.allocUnsafe(chunkBytes);
    for (;;) {
      const length = readSync(descriptor, buffer, 0, chunkBytes, null);
      if (length === 0) break;
      reader.push(decoder.write(buffer.subarray(0, length)));
    }
    reader.push(decoder.end());
    return reader.end();
  } finally {
    closeSync(descriptor);
  }
}

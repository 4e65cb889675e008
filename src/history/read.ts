/**
 * Reads a history in whatever format it is written.
 *
 * The format is told by the first characters of the text, never by the name of the file. An empty
 * text is an empty history: a run that recorded nothing.
 */

import { EdnHistoryReader, looksLikeEdn } from './ednHistory';
import { HistoryError, shorten } from './errors';
import { EtcdReportReader, looksLikeEtcdReport } from './etcdReport';
import { JepsenLogReader, looksLikeJepsenLog } from './jepsenLog';
import { JsonlReader } from './jsonl';
import type { History } from './types';

export type HistoryFormat = 'jsonl' | 'jepsen-log' | 'edn' | 'etcd-report';

export const historyFormats: readonly HistoryFormat[] = [
  'jsonl',
  'jepsen-log',
  'edn',
  'etcd-report',
];

/** Takes a text in chunks; `end` gives what was read. Both throw a HistoryError on damage. */
export interface HistoryReader {
  push(chunk: string): void;
  end(): History;
}

/** `undefined` when no format fits. */
export function detectFormat(head: string): HistoryFormat | undefined {
  const text = head.trimStart();
  if (looksLikeEtcdReport(text)) return 'etcd-report';
  if (text.startsWith('{"') || /^\{\s*"/.test(text)) return 'jsonl';
  if (looksLikeEdn(text)) return 'edn';
  if (looksLikeJepsenLog(text)) return 'jepsen-log';
  return undefined;
}

/** `file` is the name that errors give. */
export function createReader(format: HistoryFormat, file: string): HistoryReader {
  switch (format) {
    case 'jsonl':
      return new JsonlReader(file);
    case 'edn':
      return new EdnHistoryReader(file);
    case 'jepsen-log':
      return new JepsenLogReader(file);
    case 'etcd-report':
      return new EtcdReportReader(file);
  }
}

/** Characters that tell the format at the latest; the first line does it earlier. */
const headCharactersMax = 64 * 1024;

/** A reader that finds out the format from the first line that has more than space. */
export function createDetectingReader(file: string): HistoryReader {
  let reader: HistoryReader | undefined;
  let head = '';
  const detect = (): HistoryReader => {
    const format = detectFormat(head);
    if (format === undefined) {
      const line = head.trim().split('\n')[0]!;
      throw new HistoryError(
        'unknownFormat',
        `${file}:1: is no history in any format known ` +
          `(${historyFormats.join(', ')}): ${JSON.stringify(shorten(line))}`,
      );
    }
    const detected = createReader(format, file);
    detected.push(head);
    return detected;
  };
  return {
    push(chunk: string): void {
      if (reader !== undefined) {
        reader.push(chunk);
        return;
      }
      head += chunk;
      // A report of etcd may begin with a line that is only a brace.
      const hasLine =
        /^\s*\S[^\n]+\n/.test(head) ||
        /^\s*\S\s*\n[^\n]*\n/.test(head) ||
        head.length > headCharactersMax;
      if (hasLine) reader = detect();
    },
    end(): History {
      if (reader === undefined && head.trim() !== '') reader = detect();
      return reader?.end() ?? { meta: {}, operations: [], faults: [] };
    },
  };
}

/** Reads a whole text at once. */
export function readHistory(text: string, file = 'history', format?: HistoryFormat): History {
  const reader = format === undefined ? createDetectingReader(file) : createReader(format, file);
  reader.push(text);
  return reader.end();
}

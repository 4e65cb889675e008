/** Writes a history in another format: a file, or a directory for the formats of many files. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writableFormats, writeHistory } from '../../history';
import type { History, WritableFormat } from '../../history';

export function writableFormatNamed(name: string): WritableFormat | undefined {
  return writableFormats.find((format) => format === name);
}

/** The paths that were written. */
export function convert(history: History, format: WritableFormat, out: string): readonly string[] {
  return writeHistory(format, history).map(({ path, lines }) => {
    const file = path === '' ? out : join(out, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, [...lines].join(''));
    return file;
  });
}

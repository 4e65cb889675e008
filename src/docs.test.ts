/** The code in the documentation runs, and prints what the page says it prints. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { codeBlocks } from './testing/codeBlocks';

const root = join(__dirname, '..');

/** Runs TypeScript that imports the library by its name; gives what it prints. */
function run(source: string): string {
  const { outputFiles } = buildSync({
    stdin: { contents: source, loader: 'ts', resolveDir: root },
    alias: { 'raft-crucible': join(root, 'src', 'index.ts') },
    ...{ bundle: true, platform: 'node', format: 'cjs', write: false },
  });
  return execFileSync(process.execPath, ['-'], { input: outputFiles[0]!.text, encoding: 'utf8' });
}

function pageOf(name: string): string {
  return readFileSync(join(root, 'docs', `${name}.md`), 'utf8');
}

describe('what the code prints stands below the code', () => {
  test('docs/models.md, whose blocks are one program', () => {
    const page = pageOf('models');
    const printed = codeBlocks(page, 'text');
    expect(printed).toHaveLength(2);
    expect(run(codeBlocks(page, 'ts').join('\n'))).toBe(printed.join(''));
  });

  test('docs/library.md, whose blocks are programs of their own', () => {
    const page = pageOf('library');
    const printed = codeBlocks(page, 'text');
    expect(printed).toHaveLength(3);
    const programs = codeBlocks(page, 'ts').slice(0, printed.length);
    expect(programs.map(run)).toEqual(printed);
  });
});

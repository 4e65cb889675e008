/** The package as somebody else's test uses it: by its name, in a project of its own. */

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';

const root = join(__dirname, '..');
let project: string;
let imported: readonly string[];

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'crucible-library-'));
  const installed = join(project, 'node_modules', 'raft-crucible');
  mkdirSync(installed, { recursive: true });
  cpSync(join(root, 'package.json'), join(installed, 'package.json'));
  const { metafile } = buildSync({
    entryPoints: ['index', 'matcher'].map((name) => join(root, 'src', `${name}.ts`)),
    outdir: join(installed, 'dist', 'src'),
    ...{ bundle: true, platform: 'node', packages: 'external', metafile: true, format: 'cjs' },
  });
  imported = Object.values(metafile.outputs).flatMap(({ imports }) =>
    imports.map((one) => one.path),
  );
});

afterAll(() => {
  rmSync(project, { recursive: true, force: true });
});

function runScript(...lines: readonly string[]): string {
  writeFileSync(join(project, 'script.js'), lines.join('\n'));
  return execFileSync(process.execPath, ['script.js'], { cwd: project, encoding: 'utf8' });
}

const histories = `
  const operation = (id, f, input, output) => ({
    id, process: id, f, key: 'x', input, output, call: 10 * id, return: 10 * id + 5, outcome: 'ok',
  });
  const good = [operation(0, 'write', 1, 1), operation(1, 'read', null, 1)];
  const bad = [operation(0, 'write', 1, 1), operation(1, 'read', null, 2)];
`;

describe('the library', () => {
  it('loads no other package', () => {
    expect(imported.filter((name) => !name.startsWith('node:'))).toEqual([]);
  });

  it('checks and explains a history', () => {
    const out = runScript(
      "const { checkLinearizable, explainFailure, models } = require('raft-crucible');",
      histories,
      'console.log(checkLinearizable(good, models.register()).verdict);',
      'console.log(explainFailure(bad, models.register()).counterexamples[0].message);',
    );
    expect(out).toMatch(/^ok\nread\(x\) -> 2 by process 1 cannot be placed/);
  });

  it('takes a model of ten lines', () => {
    const out = runScript(
      "const { checkLinearizable, ILLEGAL } = require('raft-crucible');",
      `const counter = {
        name: 'counter',
        init: () => 0,
        step: (count, { f, output, outcome }) => {
          if (f === 'increment') return count + 1;
          return outcome === 'info' || output === count ? count : ILLEGAL;
        },
      };`,
      `const run = (seen) => [
        { id: 0, process: 0, f: 'increment', call: 0, return: 5, outcome: 'ok' },
        { id: 1, process: 1, f: 'read', output: seen, call: 6, return: 9, outcome: 'ok' },
      ];`,
      'console.log([1, 2].map((n) => checkLinearizable(run(n), counter).verdict).join());',
    );
    expect(out).toBe('ok,fail\n');
  });

  it('has a matcher for expect, which says why', () => {
    const expectPath = createRequire(join(root, 'package.json')).resolve('expect');
    const out = runScript(
      `const { expect } = require(${JSON.stringify(expectPath)});`,
      "const { models } = require('raft-crucible');",
      "expect.extend(require('raft-crucible/matcher').linearizabilityMatchers);",
      histories,
      'const register = models.register();',
      'expect(good).toBeLinearizable(register);',
      'expect(bad).not.toBeLinearizable(register);',
      'const tell = (run) => { try { run(); } catch ({ message }) { console.log(message); } };',
      'tell(() => expect(bad).toBeLinearizable(register));',
      'tell(() => expect(good).not.toBeLinearizable(register));',
      'const spent = { nodesMax: 0, deciders: false };',
      'tell(() => expect(good).toBeLinearizable(register, spent));',
      'tell(() => expect(good).not.toBeLinearizable(register, spent));',
    );
    const [fails, holds, ...undecided] = out.trim().split('\n');
    expect(fails).toContain('not linearizable for the model register: read(x) -> 2 by process 1');
    expect(holds).toContain('is linearizable for the model register, and should not be');
    expect(undecided).toHaveLength(2);
    for (const line of undecided) expect(line).toContain('could not be decided');
  });
});

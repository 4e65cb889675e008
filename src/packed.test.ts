/**
 * The package as `npm pack` makes it, unpacked into somebody else's project: what is in it, that
 * its types are right for each way TypeScript resolves modules, and that it runs.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { codeBlocks } from './testing/codeBlocks';

const root = join(__dirname, '..');
const modules = join(root, 'node_modules');
let project: string;
let installed: string;
let files: readonly string[];

function pack(): readonly string[] {
  const flags = ['--offline', '--ignore-scripts', '--json', '--pack-destination', project];
  const answer = execFileSync('npm', ['pack', ...flags], {
    ...{ cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  });
  const [packed] = JSON.parse(answer) as [{ filename: string; files: { path: string }[] }];
  execFileSync('tar', ['xzf', packed.filename, '--strip-components=1', '-C', installed], {
    cwd: project,
  });
  rmSync(join(project, packed.filename));
  return packed.files.map(({ path }) => path);
}

/** Makes an installed package of this repository one of the project too. */
function link(name: string): void {
  const path = join(project, 'node_modules', name);
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(join(modules, name), path);
}

beforeAll(() => {
  const built = join(root, 'dist', 'src', 'index.d.ts');
  if (!existsSync(built)) throw new Error(`${built} is missing: npm run build`);
  project = mkdtempSync(join(tmpdir(), 'crucible-packed-'));
  installed = join(project, 'node_modules', 'raft-crucible');
  mkdirSync(installed, { recursive: true });
  files = pack();
});

afterAll(() => {
  rmSync(project, { recursive: true, force: true });
});

function write(name: string, ...lines: readonly string[]): string {
  const path = join(project, name);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

interface Ran {
  readonly code: number | null;
  readonly out: string;
}

function node(...args: readonly string[]): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    ...{ cwd: project, encoding: 'utf8' },
    env: { ...process.env, FORCE_COLOR: '0' },
  });
  return { code: status, out: stdout + stderr };
}

const operations = [
  'const asked = { key: "x", call: 0, return: 5, outcome: "ok" } as const;',
  'const good = [',
  '  { ...asked, id: 0, process: 0, f: "write", input: 1, output: 1 },',
  '  { ...asked, id: 1, process: 1, f: "read", input: null, output: 1, call: 6, return: 9 },',
  '];',
  'const bad = good.map((one) => (one.f === "read" ? { ...one, output: 2 } : one));',
];
const withoutTypes = operations.map((line) => line.replace(' as const', ''));

describe('what is packed', () => {
  it('has no tests, no sources and nothing that only builds need', () => {
    const wrong =
      /\.(?:test|property|chaos)\.|\/testing|tsbuildinfo|\.map$|^(?:bench|src|models|chaos|\.)/;
    expect(files.filter((path) => wrong.test(path))).toEqual([]);
    expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json']));
  });

  it('has whatever a page of its documentation links to', () => {
    const pages = files.filter((path) => path.endsWith('.md'));
    expect(pages.length).toBeGreaterThan(5);
    const missing = pages.flatMap((page) => {
      const links = readFileSync(join(installed, page), 'utf8').matchAll(/\]\(([^)#:]+)\)/g);
      return [...links]
        .map(([, target]) => join(dirname(page), target!))
        .filter((target) => !target.startsWith('.github'))
        .filter((target) => !existsSync(join(installed, target)))
        .map((target) => `${page}: ${target}`);
    });
    expect(missing).toEqual([]);
  });
});

describe('the types', () => {
  const resolutions = [
    ['node16', { module: 'node16', moduleResolution: 'node16' }],
    ['bundler', { module: 'esnext', moduleResolution: 'bundler' }],
    [
      'node10, the default of older projects',
      { module: 'commonjs', moduleResolution: 'node10', ignoreDeprecations: '6.0' },
    ],
  ] as const;
  const consumer = [
    "import { checkInThreads, checkLinearizable, explainFailure, models } from 'raft-crucible';",
    "import { modelNamed } from 'raft-crucible';",
    "import type { History, Model, Verdict } from 'raft-crucible';",
    "import { linearizabilityMatchers } from 'raft-crucible/matcher';",
    ...operations,
    'const { verdict }: Verdict = checkLinearizable(good, models.register());',
    'const told: "ok" | "fail" | "unknown" = verdict;',
    'const seen: History = { meta: {}, operations: bad, faults: [] };',
    'const why: string | undefined =',
    '  explainFailure(seen, models.kv()).counterexamples[0]?.message;',
    'const later: Promise<Verdict> = checkInThreads(bad, modelNamed("kv")!, { threads: 1 });',
    '// @ts-expect-error -- a state is no operation',
    'const wrong: Model<number> = { name: "wrong", init: () => 0, step: () => "one" };',
    'export { later, linearizabilityMatchers, told, why, wrong };',
  ];

  function check(options: object, ...sources: readonly string[]): Ran {
    const compilerOptions = {
      ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
      ...{ target: 'es2022', noEmit: true, skipDefaultLibCheck: true, ...options },
    };
    const tsconfig = JSON.stringify({ compilerOptions, files: sources });
    return node(
      join(modules, 'typescript', 'bin', 'tsc'),
      '--pretty',
      'false',
      '-p',
      write('tsconfig.json', tsconfig),
    );
  }

  it.each(resolutions)('are found and right with module resolution %s', (_, options) => {
    write('consumer.ts', ...consumer);
    // Without any other types: the library must not ask for those of Node.
    expect(check({ ...options, types: [] }, 'consumer.ts')).toEqual({ code: 0, out: '' });
  });

  it('let the examples of the documentation pass, matchers included', () => {
    ['@types', '@jest', 'expect'].forEach(link);
    const text = (name: string): string => readFileSync(join(installed, 'docs', name), 'utf8');
    write('models.ts', ...codeBlocks(text('models.md'), 'ts'));
    const programs = codeBlocks(text('library.md'), 'ts');
    expect(programs).toHaveLength(5);
    const names = programs.map(
      (program, i) => (write(`library${i}.ts`, program), `library${i}.ts`),
    );
    const options = { module: 'node20', types: ['node', 'jest'], lib: ['es2023'] };
    const checked = check({ ...options, skipLibCheck: true }, 'models.ts', ...names);
    expect(checked).toEqual({ code: 0, out: '' });
  });
});

describe('at run time', () => {
  const print = [
    'console.log(checkLinearizable(good, models.register()).verdict);',
    'console.log(checkLinearizable(bad, models.register()).verdict);',
    'console.log(typeof linearizabilityMatchers.toBeLinearizable);',
  ];

  it('is imported by a module, without any other package', () => {
    const script = write(
      'script.mjs',
      "import { checkLinearizable, models } from 'raft-crucible';",
      "import { linearizabilityMatchers } from 'raft-crucible/matcher';",
      ...withoutTypes,
      ...print,
    );
    expect(node(script)).toEqual({ code: 0, out: 'ok\nfail\nfunction\n' });
  });

  it('is required by a script', () => {
    const script = write(
      'script.cjs',
      "const { checkLinearizable, models } = require('raft-crucible');",
      "const { linearizabilityMatchers } = require('raft-crucible/matcher');",
      ...withoutTypes,
      ...print,
    );
    expect(node(script)).toEqual({ code: 0, out: 'ok\nfail\nfunction\n' });
  });

  it('decides on threads of its own what a trial leaves open', () => {
    const script = write(
      'threads.mjs',
      "import { checkInThreads, modelNamed } from 'raft-crucible';",
      ...withoutTypes,
      'const options = { deciders: false, threads: 2, trialNodes: 1, nodesMax: 1000 };',
      'for (const one of [good, bad]) {',
      "  const { verdict } = await checkInThreads(one, modelNamed('register'), options);",
      '  console.log(verdict);',
      '}',
    );
    expect(node(script)).toEqual({ code: 0, out: 'ok\nfail\n' });
  });

  it('its matcher passes and fails tests of Jest', () => {
    write(
      'consumer.test.js',
      "const { models } = require('raft-crucible');",
      "expect.extend(require('raft-crucible/matcher').linearizabilityMatchers);",
      ...withoutTypes,
      "test('good', () => expect(good).toBeLinearizable(models.register()));",
      "test('not bad', () => expect(bad).not.toBeLinearizable(models.register()));",
      "test('bad', () => expect(bad).toBeLinearizable(models.register()));",
    );
    write('package.json', '{ "name": "consumer", "private": true }');
    const jest = join(modules, 'jest', 'bin', 'jest.js');
    const { code, out } = node(jest, '--rootDir', project, '--no-cache', '--watchman=false');
    expect(code).toBe(1);
    expect(out).toContain('✓ good');
    expect(out).toContain('✓ not bad');
    expect(out).toContain('✕ bad');
    expect(out).toContain('not linearizable for the model register: read(x) -> 2 by process 1');
  });

  it('loads every command and writes a page', () => {
    const manifest = readFileSync(join(installed, 'package.json'), 'utf8');
    Object.keys((JSON.parse(manifest) as { dependencies: object }).dependencies).forEach(link);
    const load = "require('./node_modules/raft-crucible/dist/src/cli/commands/registry.js')";
    const names = `${load}.commands.map((one) => one.load().name() === one.name)`;
    const loaded = node('-p', `new Set(${names})`);
    expect(loaded).toEqual({ code: 0, out: 'Set(1) { true }\n' });
    const history = write(
      'history.jsonl',
      '{"id":0,"process":0,"type":"invoke","f":"write","key":"x","value":1,"time":1}',
      '{"id":0,"process":0,"type":"ok","f":"write","key":"x","value":1,"time":2}',
    );
    const main = join(installed, 'dist', 'src', 'cli', 'main.js');
    const checked = node(main, 'check', history, '--html', 'page.html');
    expect(checked).toMatchObject({ code: 0 });
    expect(readFileSync(join(project, 'page.html'), 'utf8')).toContain('linearizable');
  });
});

/**
 * The house rules that a machine can check: who may import whom, what pure code may not call,
 * sizes, and leftovers. The rules are stated in ARCHITECTURE.md; this test is what holds them.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

const ROOT = __dirname;
const TREES = ['src', 'models', 'properties', 'chaos', 'reports', 'bench'];
const LINES_MAX = 450;
const COLUMNS_MAX = 100;

interface Source {
  readonly path: string;
  readonly text: string;
  readonly isTest: boolean;
}

function walk(directory: string): string[] {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    if (statSync(path).isDirectory()) {
      return ['node_modules', 'dist', 'runs', 'generated'].includes(name) ? [] : walk(path);
    }
    return path.endsWith('.ts') ? [path] : [];
  });
}

const sources: readonly Source[] = TREES.flatMap((tree) => walk(join(ROOT, tree))).map((path) => ({
  path: relative(ROOT, path).split(sep).join('/'),
  text: readFileSync(path, 'utf8'),
  isTest: /\.(test|property|chaos)\.ts$|[sS]uite\.ts$|\/testing(\/|\.ts$)/.test(path),
}));

const product = sources.filter((source) => !source.isTest);

/** Module specifiers of a file: static, dynamic, type-only and required. */
function importsOf(source: Source): string[] {
  const pattern = /(?:\bfrom\s+|\bimport\s*\(\s*|\brequire\s*\(\s*|^import\s+)'([^']+)'/gm;
  return [...source.text.matchAll(pattern)].map((match) => match[1]!);
}

/** The file a relative specifier names, without its extension, from the root of the tree. */
function resolve(source: Source, specifier: string): string {
  return join(dirname(source.path), specifier).split(sep).join('/');
}

interface Layer {
  readonly folder: string;
  /** Folders it may import from, its own included without saying. */
  readonly from: readonly string[];
  /** Files that may use `node:` modules: all, none, or these. */
  readonly node: boolean | readonly string[];
  /** npm packages it may use. */
  readonly packages?: readonly string[];
}

const GRPC = ['@grpc/grpc-js', '@bufbuild/protobuf'];

const LAYERS: readonly Layer[] = [
  { folder: 'src/raft', from: [], node: false },
  { folder: 'src/history', from: [], node: false },
  { folder: 'src/kv', from: ['src/raft/types'], node: false, packages: ['sorted-btree'] },
  { folder: 'src/stateStore', from: ['src/kv', 'src/runtime'], node: true, packages: ['lmdb'] },
  { folder: 'src/runtime', from: [], node: true },
  {
    folder: 'src/storage',
    from: ['src/raft', 'src/runtime'],
    node: ['src/storage/fileDisk.ts'],
  },
  {
    folder: 'src/transport',
    from: ['src/raft', 'src/runtime', 'src/storage/crc32'],
    node: ['src/transport/tcpTransport.ts', 'src/transport/peerSockets.ts'],
  },
  { folder: 'src/api', from: [], node: false, packages: GRPC },
  {
    folder: 'src/server',
    from: [
      'src/raft',
      'src/kv',
      'src/stateStore',
      'src/storage',
      'src/transport',
      'src/runtime',
      'src/api',
    ],
    node: true,
    packages: [...GRPC, 'prom-client'],
  },
  { folder: 'src/client', from: ['src/history', 'src/api'], node: true, packages: GRPC },
  {
    folder: 'src/simulator',
    from: [
      'src/raft',
      'src/kv',
      'src/storage',
      'src/transport',
      'src/runtime/runtime',
      'src/server/bootstrap',
      'src/server/driver',
      'src/server/driverOptions',
      'src/server/notServed',
      'src/history',
      'models',
    ],
    node: false,
    packages: ['seedrandom'],
  },
  { folder: 'models', from: ['src/history'], node: false },
  { folder: 'src/threads', from: ['src/history', 'src/runtime/heapUse', 'models'], node: true },
  {
    folder: 'chaos',
    from: [
      'src/client',
      'src/history',
      'src/runtime/heapUse',
      'src/runtime/memoryEnvironment',
      'models',
      'reports',
    ],
    node: true,
    packages: ['testcontainers', 'seedrandom'],
  },
  {
    folder: 'reports',
    from: ['src/history', 'models', 'src/runtime/makeDirectories'],
    node: true,
    packages: ['uplot', 'hdr-histogram-js'],
  },
];

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function importProblems(layer: Layer, source: Source): string[] {
  const nodeAllowed = layer.node === true || (layer.node && layer.node.includes(source.path));
  return importsOf(source).flatMap((specifier) => {
    if (specifier.startsWith('node:')) {
      return nodeAllowed ? [] : [`${source.path} imports ${specifier}`];
    }
    if (specifier.startsWith('.')) {
      const target = resolve(source, specifier);
      const allowed = [layer.folder, ...layer.from].some((folder) => isBelow(target, folder));
      return allowed ? [] : [`${source.path} imports ${target}`];
    }
    const known = (layer.packages ?? []).some((name) => isBelow(specifier, name));
    return known ? [] : [`${source.path} imports ${specifier}`];
  });
}

describe('imports', () => {
  it.each(LAYERS.map((layer) => [layer.folder, layer] as const))(
    '%s imports only what its layer may know',
    (_, layer) => {
      const files = product.filter((source) => isBelow(source.path, layer.folder));
      expect(files.length).toBeGreaterThan(0);
      expect(files.flatMap((source) => importProblems(layer, source))).toEqual([]);
    },
  );

  it('the parts of the server that the simulator runs are pure', () => {
    const reached = new Set<string>();
    const visit = (path: string): void => {
      if (reached.has(path)) return;
      reached.add(path);
      const source = product.find((candidate) => candidate.path === path);
      for (const specifier of source === undefined ? [] : importsOf(source)) {
        if (!specifier.startsWith('.')) continue;
        const target = resolve(source!, specifier);
        const file = [`${target}.ts`, `${target}/index.ts`].find((name) =>
          product.some((candidate) => candidate.path === name),
        );
        if (file !== undefined) visit(file);
      }
    };
    for (const source of product) {
      if (isBelow(source.path, 'src/simulator')) visit(source.path);
    }
    const impure = product.filter(
      (source) =>
        reached.has(source.path) && importsOf(source).some((name) => name.startsWith('node:')),
    );
    expect(impure.map((source) => source.path)).toEqual([]);
    expect(reached.has('src/server/driver.ts')).toBe(true);
  });
});

const PURE = ['src/raft', 'src/kv', 'src/history', 'src/simulator', 'models'];

const BANNED_IN_PURE: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\b|\bnew Date\(\)/, 'the wall clock (take a clock as a parameter)'],
  [/\bperformance\.now\b/, 'a clock (take a clock as a parameter)'],
  [/\bMath\.random\b|\bcrypto\.random/, 'hidden randomness (take a random source)'],
  [/\bset(?:Timeout|Immediate|Interval)\s*\(/, 'timers (use Runtime.after)'],
  [/\bprocess\./, 'the process'],
  [/\bconsole\./, 'the console'],
  [/\bstructuredClone\s*\(/, 'structuredClone (share immutable records instead)'],
];

const BANNED_EVERYWHERE: readonly (readonly [RegExp, string])[] = [
  [/\b(?:TODO|FIXME|XXX|HACK)\b/, 'a leftover note (mend it, or say it in the docs)'],
  [/\bdebugger\b/, 'a debugger statement'],
  [/\b(?:describe|it|test)\.(?:only|skip)\b/, 'a focused or skipped test'],
  [/\b(?:x(?:it|test|describe)|f(?:it|describe))\(['"`]/, 'a focused or skipped test'],
  [/\b(?:it|test)\.todo\((?!['"`]skipped: )/, "a todo that does not say 'skipped: <reason>'"],
  [/@ts-(?:ignore|nocheck)/, 'a silenced compiler'],
  [/^export \*/m, 'export * (name what is exported)'],
];

/** Code without comments and the contents of strings, line numbers kept. */
function codeOf(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/(^|[^:])\/\/[^\n]*/g, '$1');
}

function findings(
  files: readonly Source[],
  banned: readonly (readonly [RegExp, string])[],
  view: (text: string) => string,
): string[] {
  return files.flatMap((source) =>
    view(source.text)
      .split('\n')
      .flatMap((line, at) =>
        banned
          .filter(([pattern]) => pattern.test(line))
          .map(([, what]) => `${source.path}:${at + 1}: ${what}`),
      ),
  );
}

describe('calls', () => {
  it('pure code reads no clock, draws no hidden number and starts no timer', () => {
    const pure = product.filter((source) => PURE.some((folder) => isBelow(source.path, folder)));
    expect(findings(pure, BANNED_IN_PURE, codeOf)).toEqual([]);
  });

  it('nothing unfinished or silenced is left anywhere', () => {
    expect(findings(sources, BANNED_EVERYWHERE, (text) => text)).toEqual([]);
  });

  it('finds what it looks for', () => {
    const bad = { path: 'x.ts', isTest: false, text: 'const now = Date.now(); // TO' + 'DO later' };
    expect(findings([bad], BANNED_IN_PURE, codeOf)).toHaveLength(1);
    expect(findings([bad], BANNED_EVERYWHERE, (text) => text)).toHaveLength(1);
    for (const text of ["xit('", "fdescribe('", 'describe.skip(', "it.todo('later')"]) {
      expect(findings([{ ...bad, text }], BANNED_EVERYWHERE, (whole) => whole)).toHaveLength(1);
    }
    const told = { ...bad, text: "it.todo('skipped: no etcd on PATH')" };
    expect(findings([told], BANNED_EVERYWHERE, (whole) => whole)).toEqual([]);
    const layer = LAYERS[0]!;
    const importer = { ...bad, path: 'src/raft/x.ts', text: "import fs from 'node:fs';" };
    expect(importProblems(layer, importer)).toEqual(['src/raft/x.ts imports node:fs']);
    const climber = { ...importer, text: "import { a } from '../kv/types';" };
    expect(importProblems(layer, climber)).toEqual(['src/raft/x.ts imports src/kv/types']);
  });
});

describe('files', () => {
  it(`no file has more than ${LINES_MAX} lines`, () => {
    const long = sources
      .map((source) => ({ path: source.path, lines: source.text.split('\n').length }))
      .filter(({ lines }) => lines > LINES_MAX);
    expect(long).toEqual([]);
  });

  it(`no line is wider than ${COLUMNS_MAX} columns`, () => {
    const wide = sources.flatMap((source) =>
      source.text
        .split('\n')
        .flatMap((line, at) => (line.length > COLUMNS_MAX ? [`${source.path}:${at + 1}`] : [])),
    );
    expect(wide).toEqual([]);
  });

  it('every file says at its top what it is', () => {
    // What a test is about, its `describe` titles say.
    const silent = sources
      .filter((source) => !source.path.endsWith('.test.ts'))
      .filter((source) => !/^(?:#![^\n]*\n)?\s*\/\*\*/.test(source.text));
    expect(silent.map((source) => source.path)).toEqual([]);
  });
});

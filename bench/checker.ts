/**
 * What the checker costs on stored and generated histories, beside Porcupine on the same files.
 *
 *   npm run bench:checker [-- DIRECTORY] [--sets jepsen-etcd,kv,...] [--timeout SECONDS]
 *
 * A line of JSON a history, then a summary. Times are CPU of the process, so that other load on
 * the machine counts little; reading files is in none of them but `cpuMsCold` of the summary,
 * which is all of a fresh process that reads and checks the Jepsen logs and the key-value logs.
 * Porcupine is built from bench/porcupine when Go is there; else its recorded figures stand in.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildSync } from 'esbuild';
import { checkLinearizable, kv, modelNamed, queue, register, set } from '../models';
import { anchors, appendItems, familyItems, generalItems, storedItems } from './checkerCorpus';
import type { Item } from './checkerCorpus';

interface PorcupineFigures {
  readonly verdict: string;
  readonly cpuMsCold: number;
  readonly cpuMsWarm: number;
  readonly peakMiB: number;
}

interface Line {
  readonly item: Item;
  readonly verdict: string;
  readonly cpuMsCold: number;
  readonly cpuMsWarm: number;
  readonly porcupine: PorcupineFigures | undefined;
}

const setsAll = [
  'jepsen-etcd',
  'kv',
  'append',
  'hard',
  'etcd-like',
  'general',
  'families',
  'large',
];
/** Of these Porcupine is not asked by default: it would run into its time-out on most. */
const withoutPorcupine = ['families'];
/** Compilers are done after some rounds, so of all rounds the later half counts as warm. */
const warmRounds = 100;
const warmMsMax = 500;
const checkMsMax = 30_000;
/**
 * Porcupine v1.3.0 measured by itself on a quiet machine, GOMAXPROCS=1, CPU ms, all 102 Jepsen
 * logs and 6 key-value logs: for a machine without Go, where only part of them may be at hand.
 */
const recorded = { 'jepsen-etcd': 720.4, kv: 322 };

function say(line: object): void {
  console.log(JSON.stringify(line));
}

function option(name: string, otherwise: string): string {
  const at = process.argv.indexOf(name);
  return at === -1 ? otherwise : process.argv[at + 1]!;
}

function cpuMsOf(run: () => void): number {
  const start = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

/** Builds the Go module; undefined when there is no Go. */
function buildPorcupine(directory: string): string | undefined {
  const binary = join(directory, 'porcupine');
  try {
    execFileSync('go', ['build', '-o', binary, '.'], {
      cwd: join(__dirname, 'porcupine'),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    return binary;
  } catch (error) {
    console.error(`skipped: Porcupine, as its module does not build: ${(error as Error).message}`);
    return undefined;
  }
}

function runPorcupine(binary: string, { model, path }: Item, timeout: string): PorcupineFigures {
  const text = execFileSync(binary, ['-timeout', `${timeout}s`, `${model}=${path}`], {
    env: { ...process.env, GOMAXPROCS: '1' },
    encoding: 'utf8',
  });
  return JSON.parse(text) as PorcupineFigures;
}

const models = { register: register(), kv: kv(), queue: queue(), set: set() };

function measure(item: Item, binary: string | undefined, timeout: string): Line {
  const history = item.load();
  const limits = { now: () => performance.now(), budgetMs: checkMsMax };
  const check = item.searchOnly
    ? () =>
        checkLinearizable<never>(history, models[item.model as 'kv'] as never, {
          ...limits,
          deciders: false,
        })
    : () => modelNamed(item.model)!.check(history, limits);
  let result: ReturnType<typeof check> | undefined;
  const cold = cpuMsOf(() => (result = check()));
  const warm: number[] = [];
  const start = performance.now();
  while (warm.length < warmRounds && (warm.length === 0 || performance.now() - start < warmMsMax)) {
    warm.push(cpuMsOf(check));
  }
  const isAsked = binary !== undefined && !withoutPorcupine.includes(item.set);
  const porcupine = isAsked ? runPorcupine(binary, item, timeout) : undefined;
  const { verdict, nodes, partitions } = result!;
  const line = {
    item,
    verdict,
    cpuMsCold: cold,
    cpuMsWarm: median(warm.slice(warm.length >> 1)),
    porcupine,
  };
  say({
    set: item.set,
    file: item.file,
    operations: history.operations.length,
    verdict,
    expected: item.expected,
    methods: [...new Set(partitions.map(({ method }) => method))].join(','),
    cpuMsCold: rounded(cold),
    cpuMsWarm: rounded(line.cpuMsWarm),
    nodes,
    peakMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    porcupine: porcupine && {
      verdict: porcupine.verdict,
      cpuMsCold: rounded(porcupine.cpuMsCold),
      cpuMsWarm: rounded(porcupine.cpuMsWarm),
      peakMiB: Math.round(porcupine.peakMiB),
    },
  });
  return line;
}

/** Runs a bundle of bench/checkerChild.ts in fresh processes. */
class Child {
  private readonly path: string;

  constructor(directory: string) {
    this.path = join(directory, 'child.js');
    buildSync({
      entryPoints: [join(__dirname, 'checkerChild.ts')],
      outfile: this.path,
      bundle: true,
      platform: 'node',
      logLevel: 'error',
    });
  }

  run(...args: readonly string[]): Record<string, number | string> {
    const text = execFileSync(process.execPath, [this.path, ...args], {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    return text === '' ? {} : (JSON.parse(text) as Record<string, number | string>);
  }
}

function measureLarge(directory: string, child: Child): void {
  for (const operations of [100_000, 1_000_000]) {
    const path = join(directory, `etcd-${operations}.jsonl`);
    child.run('write', String(operations), path);
    say({ set: 'large', file: `etcd-c100-n${operations}-f50-ok`, ...child.run('large', path) });
    rmSync(path);
  }
}

function measureCold(items: readonly Item[], child: Child): object {
  if (items.length === 0) return {};
  const named = items.map(({ model, path }) => `${model}=${path}`);
  const runs = Array.from({ length: 5 }, () => child.run(...named));
  return {
    cpuMsCold: rounded(median(runs.map(({ cpuMs }) => cpuMs as number))),
    /** Of that, what it took until our first line: the floor of Node and loading the bundle. */
    startCpuMs: rounded(median(runs.map(({ startCpuMs }) => startCpuMs as number))),
  };
}

function summarize(lines: readonly Line[], child: Child): void {
  const anchored = lines.filter(({ item }) => anchors.includes(item.set));
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  const cpuMsWarm = sum(anchored.map((line) => line.cpuMsWarm));
  const isMeasured = anchored.every(({ porcupine }) => porcupine !== undefined);
  const porcupineCpuMs = isMeasured
    ? sum(anchored.map(({ porcupine }) => porcupine!.cpuMsWarm))
    : recorded['jepsen-etcd'] + recorded.kv;
  const wrong = lines.filter(
    ({ item, verdict }) => item.expected !== undefined && verdict !== item.expected,
  );
  const differing = lines.filter(
    ({ verdict, porcupine }) =>
      porcupine !== undefined && porcupine.verdict !== 'unknown' && porcupine.verdict !== verdict,
  );
  say({
    summary: true,
    files: lines.length,
    anchorFiles: anchored.length,
    cpuMsWarm: rounded(cpuMsWarm),
    ...measureCold(
      anchored.map(({ item }) => item),
      child,
    ),
    porcupineCpuMs: rounded(porcupineCpuMs),
    porcupineFigures: isMeasured ? 'this run' : 'recorded, of all 108 anchor files',
    ratioWarm: rounded(porcupineCpuMs / cpuMsWarm),
    wrong: wrong.map(({ item }) => item.file),
    differentFromPorcupine: differing.map(({ item }) => item.file),
    undecidedByPorcupine: lines.filter(({ porcupine }) => porcupine?.verdict === 'unknown').length,
    load: loadavg().map((value) => Math.round(value * 10) / 10),
    node: process.version,
  });
  if (wrong.length + differing.length > 0) process.exitCode = 1;
}

function main(): void {
  const given = process.argv[2];
  const root = resolve(
    given !== undefined && !given.startsWith('--')
      ? given
      : (process.env['RAFT_CRUCIBLE_HISTORIES'] ?? join(__dirname, '../../shared/histories')),
  );
  const sets = option('--sets', setsAll.join(',')).split(',');
  const timeout = option('--timeout', '5');
  const directory = mkdtempSync(join(tmpdir(), 'bench-checker-'));
  try {
    const binary = buildPorcupine(directory);
    const child = new Child(directory);
    const makers: Readonly<Record<string, (into: string) => readonly Item[]>> = {
      append: appendItems,
      general: generalItems,
      families: familyItems,
    };
    const lines: Line[] = [];
    for (const name of sets.filter((each) => each !== 'large')) {
      const into = join(directory, name);
      mkdirSync(into);
      const items = makers[name]?.(into) ?? storedItems(root, name);
      if (items.length === 0) console.error(`skipped: no histories in ${join(root, name)}`);
      for (const item of items) lines.push(measure(item, binary, timeout));
      rmSync(into, { recursive: true });
    }
    if (sets.includes('large')) measureLarge(directory, child);
    summarize(lines, child);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

main();

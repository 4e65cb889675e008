/**
 * A fresh process that reads and checks histories once, and says what that took in all.
 *
 * `MODEL=FILE ...` checks files, `write OPERATIONS FILE` writes one etcd-shaped history with half
 * of the outcomes unknown, `large FILE` reads and checks that. What it prints is a line of JSON.
 */

import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { checkLinearizable, etcdRegister, modelNamed } from '../models';
import { createReader, encodeHistory, readHistory } from '../src/history';
import type { History } from '../src/history';
import { hardHistory } from '../properties/checker/hardHistories';
import { optimizeLater } from '../src/cli/check/optimizeLater';

function cpuMs(since?: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

const MIB_IN_KIB = 1024;

/** What this process has held at most so far, in MiB. */
function peakMiB(): number {
  return Math.round(process.resourceUsage().maxRSS / MIB_IN_KIB);
}

function checkFiles(named: readonly string[]): object {
  const startCpuMs = cpuMs();
  const verdicts: string[] = [];
  for (const argument of named) {
    const [model, path] = argument.split('=') as [string, string];
    const history = readHistory(readFileSync(path, 'utf8'), path);
    verdicts.push(modelNamed(model)!.check(history).verdict);
  }
  return { cpuMs: cpuMs(), startCpuMs, verdicts };
}

function readFile(path: string): History {
  const reader = createReader('jsonl', path);
  const chunk = Buffer.alloc(1 << 20);
  const file = openSync(path, 'r');
  const decoder = new TextDecoder();
  for (let count = readSync(file, chunk); count > 0; count = readSync(file, chunk)) {
    reader.push(decoder.decode(chunk.subarray(0, count), { stream: true }));
  }
  closeSync(file);
  return reader.end();
}

function write(path: string, operations: number): void {
  const history = hardHistory({
    seed: 1,
    clients: 100,
    operations,
    keys: 10,
    mix: [2, 2, 1],
    domain: 0,
    crash: 0.5,
  });
  const file = openSync(path, 'w');
  for (const line of encodeHistory(history)) writeSync(file, line);
  closeSync(file);
}

function checkLarge(path: string): object {
  const before = process.cpuUsage();
  const history = readFile(path);
  const readCpuMs = cpuMs(before);
  const readPeakMiB = peakMiB();
  const rounds = [];
  let verdict = '';
  for (let round = 0; round < 3; round++) {
    const start = process.cpuUsage();
    verdict = checkLinearizable(history, etcdRegister()).verdict;
    rounds.push(cpuMs(start));
  }
  return {
    verdict,
    operations: history.operations.length,
    readCpuMs,
    cpuMsCold: rounds[0],
    cpuMsWarm: Math.min(...rounds),
    readAndCheckCpuMs: readCpuMs + rounds[0]!,
    readPeakMiB,
    peakMiB: peakMiB(),
  };
}

// As `crucible check` does.
optimizeLater();
const [command, ...rest] = process.argv.slice(2) as [string, ...string[]];
if (command === 'write') write(rest[1]!, Number(rest[0]));
else
  console.log(
    JSON.stringify(command === 'large' ? checkLarge(rest[0]!) : checkFiles([command, ...rest])),
  );

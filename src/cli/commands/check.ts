/**
 * `crucible check HISTORY...`: judges stored histories, whoever recorded them.
 *
 * Format and model are told by the content. One line a history, with the explanation under one
 * that fails; with --json one object a line. A history that could not be decided in the budget is
 * `unknown`, and so is one without any operation: neither is evidence that all is well.
 */

import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { Command } from 'commander';
import { modelFor, modelNamed, ModelError, registeredModels } from '../../../models';
import type { Explanation, RegisteredModel, Verdict } from '../../../models';
import { createDetectingReader, createReader, HistoryError, historyFormats } from '../../history';
import type { History, HistoryFormat } from '../../history';
import { EXIT } from '../exitCodes';

/** What the command needs of its surroundings; tests hand in their own. */
export interface CheckIo {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
}

export interface CheckOptions {
  readonly model?: string;
  readonly format?: string;
  readonly json?: boolean;
  readonly budgetMs?: number;
}

/** What --json prints for a history. */
interface Line {
  readonly file: string;
  readonly verdict: Verdict['verdict'];
  readonly operations: number;
  readonly ms: number;
  readonly model: string;
  readonly nodes: number;
  readonly reason?: string;
  readonly explanation?: string;
  /** Ids of the operations that contradict each other. */
  readonly involved?: readonly number[];
  /** The keys that failed. */
  readonly failedKeys?: readonly string[];
  /** Number of an unreadable last line that was left out. */
  readonly tornLine?: number;
}

const budgetMsDefault = 60_000;
const chunkBytes = 1 << 20;
const linearizedShownMax = 5;

/** Judges all files, also behind an unusable one; gives the exit code. */
export function runCheck(files: readonly string[], options: CheckOptions, io: CheckIo): number {
  const model = options.model === undefined ? undefined : modelNamed(options.model);
  if (options.model !== undefined && model === undefined) {
    const known = registeredModels.map(({ name }) => name).join(', ');
    io.err(`error: no model is named "${options.model}"; there are ${known}\n`);
    return EXIT.usage;
  }
  const format = historyFormats.find((name) => name === options.format);
  if (options.format !== undefined && format === undefined) {
    const known = historyFormats.join(', ');
    io.err(`error: no format is named "${options.format}"; there are ${known}\n`);
    return EXIT.usage;
  }
  let code: number = EXIT.ok;
  let isUsable = true;
  for (const file of files) {
    try {
      const { verdict } = judgeFile(file, model, format, options, io);
      if (verdict === 'fail') code = EXIT.violated;
      else if (verdict === 'unknown' && code === EXIT.ok) code = EXIT.undecided;
    } catch (error) {
      if (!isUnusable(error)) throw error;
      io.err(`error: ${error.message}\n`);
      isUsable = false;
    }
  }
  // A violation is never hidden behind a file that could not be read.
  return isUsable || code === EXIT.violated ? code : EXIT.usage;
}

class UnusableFile extends Error {}

function isUnusable(error: unknown): error is Error {
  return (
    error instanceof UnusableFile || error instanceof HistoryError || error instanceof ModelError
  );
}

/** Judges a file, whole: with several histories in it, the worst verdict is the file's. */
function judgeFile(
  file: string,
  givenModel: RegisteredModel | undefined,
  format: HistoryFormat | undefined,
  options: CheckOptions,
  io: CheckIo,
): Pick<Line, 'verdict'> {
  const history = readFile(file, format);
  if (history.sections === undefined) return judge(file, history, givenModel, options, io);
  const isJson = options.json === true;
  const quiet = isJson ? { ...io, out: () => undefined } : io;
  const lines = history.sections.map((section, i) => {
    const name = section.meta.name ?? String(i + 1);
    return { name, ...judge(`${file}#${name}`, section, givenModel, options, quiet) };
  });
  const verdict =
    lines.find((line) => line.verdict === 'fail')?.verdict ??
    lines.find((line) => line.verdict === 'unknown')?.verdict ??
    'ok';
  if (isJson) {
    const whole = {
      file,
      verdict,
      operations: history.operations.length,
      ms: lines.reduce((sum, { ms }) => sum + ms, 0),
      nodes: lines.reduce((sum, { nodes }) => sum + nodes, 0),
      ...(history.torn === undefined ? {} : { tornLine: history.torn.line }),
      histories: lines,
    };
    io.out(`${JSON.stringify(whole)}\n`);
  } else if (history.torn !== undefined) {
    io.out(`         the last line, ${history.torn.line}, is torn and was left out\n`);
  }
  return { verdict };
}

function judge(
  file: string,
  history: History,
  givenModel: RegisteredModel | undefined,
  options: CheckOptions,
  io: CheckIo,
): Line {
  const model = givenModel ?? modelFor(history);
  const base = { file, operations: history.operations.length };
  const torn = history.torn === undefined ? {} : { tornLine: history.torn.line };
  if (history.operations.length === 0) {
    const reason = 'the history has no operations';
    const name = model?.name ?? 'none';
    const empty = { ...base, verdict: 'unknown' as const, ms: 0, model: name, nodes: 0, reason };
    return print({ ...empty, ...torn }, undefined, undefined, options, io);
  }
  if (model === undefined) {
    const names = [...new Set(history.operations.map(({ f }) => f))].sort().join(', ');
    const known = registeredModels.map(({ name }) => name).join(', ');
    throw new UnusableFile(
      `${file}: no model has all of its operations (${names}); ` +
        `name one of ${known} with --model`,
    );
  }
  const verdict = check(file, history, model, options, io);
  const failedKeys = verdict.partitions
    .filter((part) => part.verdict === 'fail' && part.key !== undefined && part.key !== '')
    .map((part) => part.key!);
  const { explanation, reason } = verdict;
  const line: Line = {
    ...base,
    verdict: verdict.verdict,
    ms: Math.round(verdict.ms * 1000) / 1000,
    model: model.name,
    nodes: verdict.nodes,
    ...(reason === undefined ? {} : { reason }),
    ...(explanation === undefined
      ? {}
      : {
          explanation: explanation.message,
          involved: explanation.involved.map(({ id }) => id),
        }),
    ...(failedKeys.length === 0 ? {} : { failedKeys: failedKeys.sort() }),
    ...torn,
  };
  return print(line, explanation, model, options, io);
}

function check(
  file: string,
  history: History,
  model: RegisteredModel,
  options: CheckOptions,
  { now }: CheckIo,
): Verdict {
  try {
    return model.check(history, { now, budgetMs: options.budgetMs ?? budgetMsDefault });
  } catch (error) {
    if (error instanceof ModelError) throw new UnusableFile(`${file}: ${error.message}`);
    throw error;
  }
}

function print(
  line: Line,
  explanation: Explanation | undefined,
  model: RegisteredModel | undefined,
  options: CheckOptions,
  { out }: CheckIo,
): Line {
  if (options.json === true) {
    out(`${JSON.stringify(line)}\n`);
    return line;
  }
  const { verdict, file, operations, ms } = line;
  const detail = `${operations} operations, model ${line.model}, ${ms.toFixed(1)} ms`;
  out(`${verdict.padEnd(7)}  ${file}  (${detail})\n`);
  if (line.tornLine !== undefined) {
    out(`         the last line, ${line.tornLine}, is torn and was left out\n`);
  }
  if (line.reason !== undefined) out(`         ${line.reason}\n`);
  if (explanation === undefined || model === undefined) return line;
  out(`         ${explanation.message}\n`);
  const hidden = explanation.linearized.length - linearizedShownMax;
  if (explanation.linearized.length > 0) {
    out(`         what comes before in the longest order${hidden > 0 ? ', its end' : ''}:\n`);
    for (const operation of explanation.linearized.slice(-linearizedShownMax)) {
      out(`           ${model.describeOperation(operation)} by process ${operation.process}\n`);
    }
  }
  for (const { operation, why } of explanation.rejected) {
    if (operation !== explanation.operation) out(`         nor can it go on with ${why}\n`);
  }
  if (line.failedKeys !== undefined && line.failedKeys.length > 1) {
    out(`         keys that fail: ${line.failedKeys.join(', ')}\n`);
  }
  return line;
}

/** Reads a history in chunks; a directory is a run and holds history.jsonl. */
function readFile(file: string, format: HistoryFormat | undefined): History {
  let path = file;
  let descriptor: number;
  try {
    if (statSync(file).isDirectory()) path = join(file, 'history.jsonl');
    descriptor = openSync(path, 'r');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UnusableFile(`${path}: ${code === 'ENOENT' ? 'no such file' : message}`);
  }
  try {
    const reader = format === undefined ? createDetectingReader(file) : createReader(format, file);
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

interface ParsedOptions {
  readonly model?: string;
  readonly format?: string;
  readonly json?: boolean;
  readonly budgetMs: string;
}

export function checkCommand(): Command {
  const names = registeredModels.map(({ name, summary }) => `  ${name.padEnd(14)} ${summary}`);
  return new Command('check')
    .description('judge stored histories, whoever recorded them')
    .argument('<history...>', 'files, or directories of runs')
    .option('-m, --model <name>', 'the model to hold them against (default: told by the content)')
    .option('--format <name>', `one of ${historyFormats.join(', ')} (default: told by the content)`)
    .option('--json', 'one JSON object a history, a line each')
    .option('--budget-ms <n>', 'milliseconds for one history', String(budgetMsDefault))
    .addHelpText('after', `\nModels:\n${names.join('\n')}`)
    .addHelpText('after', '\nExample: crucible check reports/runs/latest')
    .action((files: readonly string[], options: ParsedOptions) => {
      const budgetMs = Number(options.budgetMs);
      if (!(budgetMs > 0)) {
        process.stderr.write(`error: --budget-ms is no positive number: ${options.budgetMs}\n`);
        process.exitCode = EXIT.usage;
        return;
      }
      process.exitCode = runCheck(
        files,
        { ...options, budgetMs },
        {
          out: (text) => process.stdout.write(text),
          err: (text) => process.stderr.write(text),
          now: () => performance.now(),
        },
      );
    });
}

/**
 * `crucible check HISTORY...`: judges stored histories, whoever recorded them.
 *
 * Format and model are told by the content. One line a history, with the explanation under one
 * that fails; with --json one object a line. A history that could not be decided in the budget is
 * `unknown`, and so is one without any operation: neither is evidence that all is well.
 */

import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import {
  checkEtcdRules,
  modelFor,
  modelNamed,
  ModelError,
  registeredModels,
} from '../../../models';
import type { Counterexample, RegisteredModel, RuleResult, Verdict } from '../../../models';
import { writeCheckPage } from '../../../reports/checkPage';
import { HistoryError, historyFormats, writableFormats } from '../../history';
import type { History, HistoryFormat } from '../../history';
import { checkInThreads } from '../../threads/checkInThreads';
import { convert, writableFormatNamed } from '../check/convert';
import { explanationLines, ruleLines, shownRules } from '../check/explain';
import { readHistoryFile, UnusableFile } from '../check/readFiles';
import { limitsOf } from '../check/limits';
import type { LimitWords } from '../check/limits';
import { LongWork } from '../check/longWork';
import { EXIT } from '../exitCodes';
import { Progress } from '../progress';

/** What the command needs of its surroundings; tests hand in their own. */
export interface CheckIo {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Shows and cancels what takes long. Default: neither. */
  readonly longWork?: LongWork;
}

export interface CheckOptions {
  readonly model?: string;
  readonly format?: string;
  readonly json?: boolean;
  readonly budgetMs?: number;
  readonly bytesMax?: number;
  readonly nodesMax?: number;
  readonly threads?: number;
  /** Where to write the page that shows the history. */
  readonly html?: string;
  /** The format to write the history in, and where to. */
  readonly convert?: string;
  readonly out?: string;
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
  /** A minimal counterexample for each of them, by ids of operations. */
  readonly counterexamples?: readonly JsonCounterexample[];
  /** The rules beyond linearizability that the history has something to say about. */
  readonly rules?: readonly Omit<RuleResult, 'violation' | 'promise'>[];
  /** Number of an unreadable last line that was left out. */
  readonly tornLine?: number;
}

interface JsonCounterexample {
  readonly key?: string;
  readonly message: string;
  readonly culprit: number;
  readonly operations: readonly number[];
  readonly context: readonly number[];
  readonly isMinimal: boolean;
  /** For each operation an order of the others. */
  readonly orders: readonly { readonly without: number; readonly order: readonly number[] }[];
}

const budgetMsDefault = 60_000;
/** Explaining may take this long beside the check. */
const explainMsDefault = 5_000;

/** Judges all files, also behind an unusable one; gives the exit code. */
export async function runCheck(
  files: readonly string[],
  options: CheckOptions,
  io: CheckIo,
): Promise<number> {
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
  const problem = outputProblem(files, options);
  if (problem !== undefined) {
    io.err(`error: ${problem}\n`);
    return EXIT.usage;
  }
  let code: number = EXIT.ok;
  let isUsable = true;
  for (const file of files) {
    try {
      const { verdict } = await judgeFile(file, model, format, options, io);
      if (io.longWork?.signal.aborted === true) return EXIT.interrupted;
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

/** What is wrong with the options for writing, which are for one history. */
function outputProblem(files: readonly string[], options: CheckOptions): string | undefined {
  const { html, convert: format, out } = options;
  if (format !== undefined && writableFormatNamed(format) === undefined) {
    return `no format to write is named "${format}"; there are ${writableFormats.join(', ')}`;
  }
  if ((format === undefined) !== (out === undefined)) return '--convert and --out go together';
  const isWriting = html !== undefined || format !== undefined;
  if (isWriting && files.length > 1) {
    return `--html and --convert take one history, not ${files.length}`;
  }
  return undefined;
}

function isUnusable(error: unknown): error is Error {
  return (
    error instanceof UnusableFile || error instanceof HistoryError || error instanceof ModelError
  );
}

/** Judges a file, whole: with several histories in it, the worst verdict is the file's. */
async function judgeFile(
  file: string,
  givenModel: RegisteredModel | undefined,
  format: HistoryFormat | undefined,
  options: CheckOptions,
  io: CheckIo,
): Promise<Pick<Line, 'verdict'>> {
  const history = readHistoryFile(file, format);
  convertIfAsked(history, options, io);
  if (history.sections === undefined) return judge(file, history, givenModel, options, io);
  const isJson = options.json === true;
  const quiet = isJson ? { ...io, out: () => undefined } : io;
  const lines: ({ readonly name: string } & Line)[] = [];
  for (const [i, section] of history.sections.entries()) {
    const name = section.meta.name ?? String(i + 1);
    const line = await judge(`${file}#${name}`, section, givenModel, options, quiet);
    lines.push({ name, ...line });
    if (io.longWork?.signal.aborted === true) break;
  }
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

async function judge(
  file: string,
  history: History,
  givenModel: RegisteredModel | undefined,
  options: CheckOptions,
  io: CheckIo,
): Promise<Line> {
  const model = givenModel ?? modelFor(history);
  const base = { file, operations: history.operations.length };
  const torn = history.torn === undefined ? {} : { tornLine: history.torn.line };
  if (history.operations.length === 0) {
    const reason = 'the history has no operations';
    const name = model?.name ?? 'none';
    const empty = { ...base, verdict: 'unknown' as const, ms: 0, model: name, nodes: 0, reason };
    return print({ ...empty, ...torn }, [], options, io);
  }
  const rules = shownRules(checkEtcdRules(history));
  if (model === undefined && rules.length > 0 && options.html === undefined) {
    return judgeByRules({ ...base, ...torn }, rules, options, io);
  }
  if (model === undefined) {
    const names = [...new Set(history.operations.map(({ f }) => f))].sort().join(', ');
    const known = registeredModels.map(({ name }) => name).join(', ');
    throw new UnusableFile(
      `${file}: no model has all of its operations (${names}); ` +
        `name one of ${known} with --model`,
    );
  }
  const verdict = await check(file, history, model, options, io);
  const explaining = { now: io.now, budgetMs: explainMsDefault };
  const found =
    verdict.verdict === 'fail' ? model.counterexamples(history, verdict, explaining) : [];
  if (options.html !== undefined) writePage(file, history, model, verdict, rules, options, io);
  const failedKeys = verdict.partitions
    .filter((part) => part.verdict === 'fail' && part.key !== undefined && part.key !== '')
    .map((part) => part.key!);
  const { explanation, reason } = verdict;
  const isBroken = rules.some((rule) => rule.verdict === 'fail');
  const line: Line = {
    ...base,
    verdict: isBroken ? 'fail' : verdict.verdict,
    ms: Math.round(verdict.ms * 1000) / 1000,
    model: model.name,
    nodes: verdict.nodes,
    ...(reason === undefined ? {} : { reason }),
    ...(explanation === undefined
      ? {}
      : {
          explanation: found[0]?.message ?? explanation.message,
          involved: (found[0]?.operations ?? explanation.involved).map(({ id }) => id),
        }),
    ...(failedKeys.length === 0 ? {} : { failedKeys: failedKeys.sort() }),
    ...(found.length === 0 ? {} : { counterexamples: found.map(jsonOf) }),
    ...jsonRules(rules),
    ...torn,
  };
  return print(
    line,
    [...explanationLines(found, verdict, model), ...ruleLines(rules)],
    options,
    io,
  );
}

function jsonRules(rules: readonly RuleResult[]): Pick<Line, 'rules'> {
  if (rules.length === 0) return {};
  return {
    rules: rules.map(({ rule, verdict, looked, violation, reason: why }) => {
      const reason = violation?.message ?? why;
      return { rule, verdict, looked, ...(reason === undefined ? {} : { reason }) };
    }),
  };
}

/** Leases among puts, say, are of no one model, but there are rules about them. */
function judgeByRules(
  base: Pick<Line, 'file' | 'operations' | 'tornLine'>,
  rules: readonly RuleResult[],
  options: CheckOptions,
  io: CheckIo,
): Line {
  const worst = (['fail', 'unknown'] as const).find((verdict) =>
    rules.some((rule) => rule.verdict === verdict),
  );
  const line = { ...base, verdict: worst ?? ('ok' as const), ms: 0, model: 'rules only', nodes: 0 };
  return print({ ...line, ...jsonRules(rules) }, ruleLines(rules), options, io);
}

function jsonOf(found: Counterexample): JsonCounterexample {
  const { key, message, culprit, operations, context, isMinimal, orders } = found;
  return {
    ...(key === undefined || key === '' ? {} : { key }),
    ...{ message, culprit: culprit.id, isMinimal },
    operations: operations.map(({ id }) => id),
    context: context.map(({ id }) => id),
    orders: orders.map(({ without, steps }) => ({
      without: without.id,
      order: steps.map(({ operation }) => operation.id),
    })),
  };
}

function convertIfAsked(history: History, options: CheckOptions, io: CheckIo): void {
  const format = options.convert === undefined ? undefined : writableFormatNamed(options.convert);
  if (format === undefined) return;
  const written = convert(history, format, options.out!);
  if (options.json !== true) io.out(`wrote    ${written.join(', ')}\n`);
}

function writePage(
  file: string,
  history: History,
  model: RegisteredModel,
  verdict: Verdict,
  rules: readonly RuleResult[],
  options: CheckOptions,
  io: CheckIo,
): void {
  const picture = model.picture(history, verdict, { now: io.now, budgetMs: explainMsDefault });
  writeFileSync(options.html!, writeCheckPage({ title: file, history, picture, rules }));
  if (options.json !== true) io.out(`wrote    ${options.html!}\n`);
}

async function check(
  file: string,
  history: History,
  model: RegisteredModel,
  options: CheckOptions,
  { now, longWork }: CheckIo,
): Promise<Verdict> {
  const { budgetMs = budgetMsDefault, bytesMax, nodesMax, threads } = options;
  longWork?.begin();
  try {
    return await checkInThreads(history, model, {
      ...{ now, budgetMs },
      ...(bytesMax === undefined ? {} : { bytesMax }),
      ...(nodesMax === undefined ? {} : { nodesMax }),
      ...(threads === undefined ? {} : { threads }),
      ...(longWork === undefined
        ? {}
        : {
            signal: longWork.signal,
            onProgress: (progress) => longWork.tell(file, progress),
          }),
    });
  } catch (error) {
    if (error instanceof ModelError) throw new UnusableFile(`${file}: ${error.message}`);
    throw error;
  } finally {
    longWork?.end();
  }
}

function print(
  line: Line,
  explained: readonly string[],
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
  for (const text of explained) out(`         ${text}\n`);
  return line;
}

interface ParsedOptions extends LimitWords {
  readonly model?: string;
  readonly format?: string;
  readonly json?: boolean;
  readonly html?: string;
  readonly convert?: string;
  readonly out?: string;
}

export function checkCommand(): Command {
  const names = registeredModels.map(({ name, summary }) => `  ${name.padEnd(14)} ${summary}`);
  return new Command('check')
    .description('judge stored histories, whoever recorded them')
    .argument('<history...>', 'files, or directories of runs')
    .option('-m, --model <name>', 'the model to hold them against (default: told by the content)')
    .option('--format <name>', `one of ${historyFormats.join(', ')} (default: told by the content)`)
    .option('--html <file>', 'write a page that shows the history and where it breaks')
    .option('--convert <format>', `write it as one of ${writableFormats.join(', ')}`)
    .option('--out <path>', 'where to, with --convert')
    .option('--json', 'one JSON object a history, a line each')
    .option('--budget-ms <n>', 'milliseconds for one history', String(budgetMsDefault))
    .option('--memory-mib <n>', 'MiB that its search may hold (default: 512)')
    .option('--nodes-max <n>', 'configurations its search may visit (default: 20 million)')
    .option('--threads <n>', 'for what is hard; 0: none (default: one a processor, at most 8)')
    .addHelpText('after', `\nModels:\n${names.join('\n')}`)
    .addHelpText('after', '\nExample: crucible check reports/runs/latest')
    .action(async (files: readonly string[], options: ParsedOptions) => {
      const { budgetMs, memoryMib, nodesMax, threads, ...rest } = options;
      const limits = limitsOf({ budgetMs, memoryMib, nodesMax, threads });
      const line = process.stderr.isTTY ? new Progress(process.stderr) : undefined;
      const say = (text: string): unknown => process.stderr.write(text);
      process.exitCode = await runCheck(
        files,
        { ...rest, ...limits },
        {
          out: (text) => process.stdout.write(text),
          err: say,
          now: () => performance.now(),
          longWork: new LongWork(line, say),
        },
      );
    });
}

/** What the commands that run something against a cluster share: seeds, output, exit codes. */
import { relative } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { overallVerdict, renderTerminal, type RunReport } from '../../reports';
import { EXIT } from './exitCodes';

/** Short enough to type; 48 bits of choice. */
export function drawSeed(): string {
  return Array.from({ length: 4 }, () => Math.floor(Math.random() * 4096).toString(16)).join('');
}

/** Prints the result and sets the exit code. */
export function finishRun(
  report: RunReport,
  directory: string,
  { json = false, interrupted }: { readonly json?: boolean; readonly interrupted: boolean },
): void {
  process.stdout.write(json ? asJson(report, directory) : asText(report, directory));
  const verdict = overallVerdict(report.properties);
  if (verdict === 'fail') process.exitCode = EXIT.violated;
  else if (interrupted) process.exitCode = EXIT.interrupted;
  else if (verdict !== 'ok') process.exitCode = EXIT.undecided;
}

function asText(report: RunReport, directory: string): string {
  const { isTTY, columns } = process.stdout;
  const colours = isTTY && process.env['NO_COLOR'] === undefined;
  const table = renderTerminal(report, { colours, ...(isTTY && { columns }) });
  return `${table}report: ${relative(process.cwd(), directory) || '.'}/index.html\n`;
}

function asJson(report: RunReport, directory: string): string {
  const { title, startedAt, seconds, command, target, seed, properties, faults, notes } = report;
  const verdict = overallVerdict(properties);
  const result = { title, verdict, directory, startedAt, seconds, command, target, seed };
  return `${JSON.stringify({ ...result, properties, faults, notes })}\n`;
}

/** For options that take a number above zero. */
export function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0) || value > 1e7) throw new InvalidArgumentError('It must be greater than 0.');
  return value;
}

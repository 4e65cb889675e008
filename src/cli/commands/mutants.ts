/**
 * `crucible mutants`: tests the suite by sabotage. Known bugs are put into the sources of the
 * reference, one at a time, and the checks must notice each; the score is what the suite is
 * worth. It patches sources in memory, so it runs from a checkout, not from an installed package.
 */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { readMutants } from '../../../properties/mutants/catalogue';
import { hasSources, ZOO_DIRECTORY } from '../../../properties/mutants/loader';
import type { Mutant } from '../../../properties/mutants/mutant';
import { scoreAll, scoreTable, summarize } from '../../../properties/mutants/score';
import { ScoreStore } from '../../../properties/mutants/scoreStore';
import type { Score, ScoreSummary } from '../../../properties/mutants/score';
import { EXIT } from '../exitCodes';
import { onInterrupt } from '../interrupt';
import { Progress } from '../progress';
import { UsageError } from '../usageError';

interface MutantsFlags {
  readonly dir: string;
  readonly only?: readonly string[];
  readonly seeds: number;
  readonly workers: number;
  readonly shrinkRuns: number;
  readonly json?: boolean;
  readonly list?: boolean;
  readonly verbose?: boolean;
  readonly store?: string;
  readonly minutes?: number;
}

const SEEDS_DEFAULT = 1000;

export function mutantsCommand(): Command {
  return new Command('mutants')
    .description('put known bugs into the reference and see which of them the checks catch')
    .option('--dir <directory>', 'mutants as *.json files', ZOO_DIRECTORY)
    .option('--only <ids>', 'these mutants only, separated by commas', (ids) => ids.split(','))
    .option('--seeds <n>', 'seeds for each; benign changes get a tenth', whole, SEEDS_DEFAULT)
    .option('--workers <n>', 'threads (default: one a processor)', whole, availableParallelism())
    .option('--shrink-runs <n>', 'runs for making each counterexample small', whole, 0)
    .option('--store <file>', 'keep scores there (NDJSON); what it holds is not hunted again')
    .option('--minutes <n>', 'begin no other mutant after this time; go on with --store', whole)
    .option('--list', 'say what there is, hunt nothing')
    .option('--verbose', 'show the counterexamples')
    .option('--json', 'one JSON record a mutant on standard output, the last line is the summary')
    .action(async (flags: MutantsFlags) => {
      process.exitCode = await run(flags);
    });
}

async function run(flags: MutantsFlags): Promise<number> {
  if (!hasSources()) {
    throw new UsageError('mutants are patches of the sources: run this in a checkout');
  }
  const mutants = chosen(flags);
  if (flags.list === true) {
    for (const { id, kind, title, absent } of mutants) {
      say(
        `${id.padEnd(6)} ${kind.padEnd(7)} ${title}${absent === undefined ? '' : ` (${absent})`}`,
      );
    }
    return EXIT.ok;
  }
  const progress = new Progress(process.stderr);
  using interrupt = onInterrupt((text) => progress.line(text));
  const store = flags.store === undefined ? undefined : new ScoreStore(flags.store);
  let done = 0;
  const scores = await scoreAll(mutants, {
    seedsMax: flags.seeds,
    workers: Math.max(1, flags.workers),
    shrinkRunsMax: flags.shrinkRuns,
    signal: interrupt.signal,
    known: store?.scores ?? new Map(),
    ...(flags.minutes !== undefined && { budgetMs: flags.minutes * 60_000 }),
    onScore: (score) => {
      done++;
      store?.add(score);
      if (flags.json === true) say(JSON.stringify(score));
      else progress.line(describe(score, flags.verbose === true));
      progress.update(`${done} of ${mutants.length} mutants`);
    },
  });
  progress.clear();
  const summary = summarize(scores);
  const left = mutants.length - scores.length;
  if (flags.json === true) say(JSON.stringify({ summary: true, ...summary, left }));
  else say(`${scoreTable(scores)}\n\n${describeSummary(summary)}`);
  if (left > 0) progress.line(`${left} mutants are left: go on with the same --store`);
  return interrupt.signal.aborted || left > 0 ? EXIT.interrupted : exitCodeOf(summary);
}

function chosen({ dir, only }: MutantsFlags): readonly Mutant[] {
  let mutants: readonly Mutant[];
  try {
    mutants = readMutants(resolve(dir));
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  if (only === undefined) return mutants;
  const known = new Set(mutants.map(({ id }) => id));
  const unknown = only.filter((id) => !known.has(id));
  if (unknown.length > 0)
    throw new UsageError(`there is no mutant ${unknown.join(', ')} in ${dir}`);
  return mutants.filter(({ id }) => only.includes(id));
}

function describe(score: Score, verbose: boolean): string {
  const { id, kind, outcome, killedBy, seeds, seconds, details, expected } = score;
  const by = killedBy === undefined ? '' : ` by ${killedBy}${expected ? '' : ' (not expected)'}`;
  const line = `${id.padEnd(6)} ${kind} ${outcome}${by}, ${seeds} seeds, ${seconds} s`;
  const show = details !== undefined && (verbose || outcome === 'error' || kind === 'benign');
  return show ? `${line}\n${details}` : line;
}

function describeSummary(summary: ScoreSummary): string {
  const { killed, total, survivors, benignKilled, benign, medianSeedsToKill, absent } = summary;
  return [
    `${killed} of ${total} mutants killed, median ${medianSeedsToKill ?? '-'} seeds; ` +
      `${benignKilled} of ${benign} benign changes killed`,
    ...(survivors.length > 0 ? [`survived: ${survivors.join(', ')}`] : []),
    ...(absent.length > 0 ? [`absent from the reference: ${absent.join(', ')}`] : []),
    ...(summary.errors.length > 0 ? [`could not be hunted: ${summary.errors.join(', ')}`] : []),
    ...(summary.canariesMissed.length > 0
      ? [`CANARIES MISSED, the suite itself is broken: ${summary.canariesMissed.join(', ')}`]
      : []),
  ].join('\n');
}

/** A missed canary, a mutant that no longer applies or a false alarm is a failure. */
function exitCodeOf(summary: ScoreSummary): number {
  const { survivors, benignKilled, canariesMissed, errors } = summary;
  const failed = survivors.length + benignKilled + canariesMissed.length + errors.length > 0;
  return failed ? EXIT.violated : EXIT.ok;
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new UsageError(`'${text}' is no number`);
  return value;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

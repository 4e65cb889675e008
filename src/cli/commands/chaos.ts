/**
 * `crucible chaos`: scenarios on real clusters. Each has a promise of its own; all results go into
 * one report. Where containers are asked for and Docker is missing, it says so and uses processes.
 */
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { scenarios, type Scenario } from '../../../chaos';
import { runScenarios } from '../chaos/runScenarios';
import { onInterrupt } from '../interrupt';
import { Progress } from '../progress';
import { drawSeed, finishRun, positive } from '../runOutput';
import { UsageError } from '../usageError';
import { parseTarget, TARGET_HELP, type Runtime } from '../verify/target';

interface ChaosCommandOptions {
  readonly all?: boolean;
  readonly target: string;
  readonly runtime: Runtime;
  readonly minutes: number;
  readonly short?: boolean;
  readonly seed?: string;
  readonly shard?: Shard;
  readonly out: string;
  readonly json?: boolean;
}

interface Shard {
  readonly index: number;
  readonly count: number;
}

const minutesDefault = 5;

const examples = `
Scenarios:
${scenarios.map(({ name, promise }) => `  ${name.padEnd(12)}${promise}`).join('\n')}

Examples:
  crucible chaos kill lag                     two scenarios on the reference, as processes
  crucible chaos --all --minutes 30           the nightly job
  crucible chaos --all --shard 2/4            the second quarter of the scenarios
  crucible chaos memory --target etcd         what the etcd on PATH does with large values
  crucible chaos kill --runtime container     in containers
Exit codes: 0 all held, 1 a promise is broken, 2 could not decide, 64 bad usage, 130 interrupted.`;

export function chaosCommand(): Command {
  return new Command('chaos')
    .description('scenarios on real clusters: kill, lag, power, memory and more')
    .addArgument(new Argument('[scenarios...]', 'by name; see below'))
    .option('--all', 'every scenario')
    .option('--target <target>', TARGET_HELP, 'reference')
    .addOption(
      new Option('--runtime <kind>', 'how members of reference and etcd are run')
        .choices(['process', 'container'])
        .default('process'),
    )
    .option(
      '--minutes <n>',
      'for the scenarios that last as long as they are given, together',
      positive,
      minutesDefault,
    )
    .option('--short', 'less of everything, with the same oracles: for a gate')
    .option('--shard <i/n>', 'only this part of the scenarios, for several machines', parseShard)
    .option('--seed <text>', 'repeats the choices of a run (default: drawn)')
    .option('--out <dir>', 'where runs are kept', 'reports/runs')
    .option('--json', 'print the result as one JSON object')
    .addHelpText('after', examples)
    .action(async (names: readonly string[], options: ChaosCommandOptions) =>
      chaos(names, options),
    );
}

async function chaos(names: readonly string[], options: ChaosCommandOptions): Promise<void> {
  const { target, runtime, minutes, short, seed = drawSeed(), shard, out, json } = options;
  const chosen = shardOf(choose(names, options.all === true), shard);
  const progress = new Progress(process.stderr);
  using interrupt = onInterrupt((text) => progress.line(text));
  const { report, directory } = await runScenarios({
    scenarios: chosen,
    target: parseTarget(target, runtime),
    seconds: minutes * 60,
    isShort: short === true,
    ...{ seed, progress, signal: interrupt.signal, runsDirectory: out },
    command: commandLine(chosen, options),
  });
  progress.clear();
  const { aborted } = interrupt.signal;
  finishRun(report, directory, { interrupted: aborted, ...(json === undefined ? {} : { json }) });
}

function choose(names: readonly string[], all: boolean): readonly Scenario[] {
  const known = scenarios.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new UsageError(`"${unknown.join(', ')}" is not one of ${known.join(', ')}`);
  }
  if (all) return scenarios;
  if (names.length === 0) throw new UsageError(`which? --all, or some of ${known.join(', ')}`);
  return scenarios.filter(({ name }) => names.includes(name));
}

/** Every n-th, so that the long ones at the end are spread over the shards. */
export function shardOf<T>(all: readonly T[], shard: Shard | undefined): readonly T[] {
  if (shard === undefined) return all;
  return all.filter((_, i) => i % shard.count === shard.index - 1);
}

export function parseShard(text: string): Shard {
  const [, index, count] = /^(\d+)\/(\d+)$/.exec(text)?.map(Number) ?? [];
  if (index === undefined || count === undefined || index < 1 || index > count) {
    throw new InvalidArgumentError('It must be like 1/4: a part, and how many there are.');
  }
  return { index, count };
}

function commandLine(chosen: readonly Scenario[], options: ChaosCommandOptions): string {
  const words = ['crucible', 'chaos', ...chosen.map(({ name }) => name)];
  words.push('--target', options.target);
  if (options.runtime !== 'process') words.push('--runtime', options.runtime);
  words.push('--minutes', String(options.minutes));
  if (options.short === true) words.push('--short');
  return words.join(' ');
}

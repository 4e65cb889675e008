/**
 * `crucible verify`: the main job. Simulator seeds on the reference, then faults on a real
 * cluster under each workload, then the checkers; one verdict per promise and a report.
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import { onInterrupt } from '../interrupt';
import { Progress } from '../progress';
import { drawSeed, finishRun, positive } from '../runOutput';
import {
  addAccessOptions,
  parseTarget,
  TARGET_HELP,
  withAccess,
  type AccessOptions,
  type Runtime,
} from '../verify/target';
import { runVerify } from '../verify/verify';

interface VerifyOptions extends AccessOptions {
  readonly target: string;
  readonly runtime: Runtime;
  readonly seconds?: number;
  readonly minutes?: number;
  readonly simulationSeconds: number;
  readonly seeds?: number;
  readonly workload: readonly string[];
  readonly clients: number;
  readonly seed?: string;
  readonly out: string;
  readonly json?: boolean;
}

const WORKLOADS = ['register', 'kv', 'txn', 'compaction', 'coordination'];
/** With five workloads, simulation and starts all of it takes less than two minutes. */
const SECONDS_DEFAULT = 45;

const EXAMPLES = `
Examples:
  crucible verify                                   the reference, embedded: nothing but Node needed
  crucible verify --target etcd --minutes 5         three members of the etcd on PATH
  crucible verify --target image:registry/etcd:v3.6  three containers of any etcd-compatible image
  crucible verify --target endpoints:http://10.0.0.1:2379,http://10.0.0.2:2379
                                                    a store that runs: clients and checks, no faults
  crucible verify --target endpoints:https://db:2379 --cacert ca.pem --user root:secret
                                                    the same, with TLS and a password
Exit codes: 0 all held, 1 a promise is broken, 2 could not decide, 64 bad usage, 130 interrupted.`;

export function verifyCommand(): Command {
  const command = new Command('verify')
    .description('the main job: simulate, put faults on a real cluster, judge, report')
    .option('--target <target>', TARGET_HELP, 'reference')
    .addOption(
      new Option('--runtime <kind>', 'how members of reference and etcd are run')
        .choices(['process', 'container'])
        .default('process'),
    )
    .option(
      '--seconds <n>',
      `chaos in all, shared by the workloads (default: ${SECONDS_DEFAULT})`,
      positive,
    )
    .option('--minutes <n>', 'the same in minutes', positive)
    .option('--workload <names>', `of ${WORKLOADS.join(', ')}`, names, WORKLOADS)
    .option('--clients <n>', 'clients at work', positiveInteger, 10)
    .option('--simulation-seconds <n>', 'time for simulator seeds, 0 for none', notNegative, 15)
    .option('--seeds <n>', 'this many simulator seeds instead', positiveInteger)
    .option('--seed <text>', 'repeats the choices of a run (default: drawn)')
    .option('--out <dir>', 'where runs are kept', 'reports/runs')
    .option('--json', 'print the result as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (options: VerifyOptions) => verify(options));
  return addAccessOptions(command);
}

async function verify(options: VerifyOptions): Promise<void> {
  const progress = new Progress(process.stderr);
  using interrupt = onInterrupt((text) => progress.line(text));
  const minutes = options.minutes === undefined ? undefined : options.minutes * 60;
  const { report, directory } = await runVerify({
    target: withAccess(parseTarget(options.target, options.runtime), options),
    chaosSeconds: options.seconds ?? minutes ?? SECONDS_DEFAULT,
    simulation:
      options.seeds === undefined
        ? { seconds: options.simulationSeconds }
        : { seeds: options.seeds },
    workloads: options.workload,
    clients: options.clients,
    seed: options.seed ?? drawSeed(),
    runsDirectory: options.out,
    command: commandLine(options),
    progress,
    signal: interrupt.signal,
  });
  progress.clear();
  const { json } = options;
  const { aborted } = interrupt.signal;
  finishRun(report, directory, { interrupted: aborted, ...(json === undefined ? {} : { json }) });
}

function commandLine(options: VerifyOptions): string {
  const words = ['crucible', 'verify', '--target', options.target];
  for (const name of ['cacert', 'cert', 'key'] as const) {
    const file = options[name];
    if (file !== undefined) words.push(`--${name}`, file);
  }
  // A report is shown around: the password is left to whoever repeats the run.
  if (options.user !== undefined) words.push('--user', `${options.user.split(':')[0]}:PASSWORD`);
  if (options.runtime !== 'process') words.push('--runtime', options.runtime);
  if (options.minutes !== undefined) words.push('--minutes', String(options.minutes));
  if (options.seconds !== undefined) words.push('--seconds', String(options.seconds));
  if (options.workload.length !== WORKLOADS.length) {
    words.push('--workload', options.workload.join(','));
  }
  return words.join(' ');
}

function names(text: string): readonly string[] {
  const chosen = text.split(',');
  const unknown = chosen.filter((name) => !WORKLOADS.includes(name));
  if (unknown.length > 0) {
    throw new InvalidArgumentError(
      `"${unknown.join(', ')}" is not one of ${WORKLOADS.join(', ')}.`,
    );
  }
  return [...new Set(chosen)];
}

function notNegative(text: string): number {
  return text.trim() === '0' ? 0 : positive(text);
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value <= 0) {
    throw new InvalidArgumentError('It must be a whole number greater than 0.');
  }
  return value;
}

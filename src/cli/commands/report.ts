/**
 * `crucible report`: writes the documents of a stored run again, e.g. with a newer version, or one
 * set of documents for several runs, e.g. the shards of a nightly job.
 */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { mergeRuns, readRun, writeReports, type RunReport } from '../../../reports';
import { UsageError } from '../usageError';

interface ReportOptions {
  readonly json?: boolean;
  readonly out?: string;
}

const EXAMPLES = `
Examples:
  crucible report reports/runs/latest
  crucible report --out merged shard-1 shard-2 shard-3`;

export function reportCommand(): Command {
  return new Command('report')
    .description('write the documents of a stored run again, or those of several as one')
    .argument('<runs...>', 'directories of runs, e.g. reports/runs/latest')
    .option('--out <dir>', 'where one report about all the runs goes')
    .option('--json', 'print the paths of the documents as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (runs: readonly string[], options: ReportOptions) => {
      if (runs.length > 1 && options.out === undefined) {
        throw new UsageError(`${runs.length} runs make one report: say where with --out`);
      }
      const directory = resolve(options.out ?? runs[0]!);
      const report = await read(runs, options.out === undefined ? undefined : directory);
      const paths = writeReports(report, directory);
      if (options.json === true) process.stdout.write(`${JSON.stringify(paths)}\n`);
      else process.stdout.write(`${Object.values(paths).join('\n')}\n`);
    });
}

async function read(runs: readonly string[], out: string | undefined): Promise<RunReport> {
  try {
    return await (out === undefined ? readRun(resolve(runs[0]!)) : mergeRuns(runs, out));
  } catch (error) {
    throw new UsageError(`${runs.join(', ')}: ${(error as Error).message}`);
  }
}

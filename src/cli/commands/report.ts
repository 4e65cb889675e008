/** `crucible report`: writes the documents of a stored run again, e.g. with a newer version. */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { readRun, writeReports } from '../../../reports';
import { UsageError } from '../usageError';

export function reportCommand(): Command {
  return new Command('report')
    .description('write the documents of a stored run again')
    .argument('<run>', 'directory of a run, e.g. reports/runs/latest')
    .option('--json', 'print the paths of the documents as JSON')
    .addHelpText('after', '\nExample: crucible report reports/runs/latest')
    .action(async (run: string, options: { readonly json?: boolean }) => {
      const directory = resolve(run);
      let report;
      try {
        report = await readRun(directory);
      } catch (error) {
        throw new UsageError(`${run}: ${(error as Error).message}`);
      }
      const paths = writeReports(report, directory);
      if (options.json === true) process.stdout.write(`${JSON.stringify(paths)}\n`);
      else process.stdout.write(`${Object.values(paths).join('\n')}\n`);
    });
}

#!/usr/bin/env node
/**
 * The `crucible` command. Only the command that is asked for is loaded, so that a light one
 * (`check`) starts in a fraction of a second and never pays for gRPC or containers.
 *
 * Exit codes: 0 all held, 1 a property is false, 2 could not decide, 64 bad usage, 70 a bug here.
 */
import { Command, CommanderError } from 'commander';
import { commands } from './commands/registry';
import { EXIT } from './exitCodes';
import { UsageError } from './usageError';
import { packageVersion } from './version';

function buildProgram(argv: readonly string[]): Command {
  const program = new Command('crucible')
    .description('Property-based verification and chaos testing for Raft KV stores (etcd v3 API)')
    .version(packageVersion(), '-V, --version')
    .exitOverride()
    .showHelpAfterError('(run with --help for the options)')
    .addHelpText(
      'after',
      '\nExit codes: 0 all held, 1 a property is false, 2 could not decide, 64 bad usage,\n' +
        '130 interrupted.\n' +
        'Start with: crucible verify',
    );
  const asked = argv.find((word) => !word.startsWith('-'));
  const wanted = asked === 'help' ? argv[argv.indexOf('help') + 1] : asked;
  for (const { name, summary, load } of commands) {
    const command = name === wanted ? load() : new Command(name).description(summary);
    program.addCommand(command.copyInheritedSettings(program));
  }
  return program;
}

async function main(argv: readonly string[]): Promise<void> {
  const program = buildProgram(argv);
  if (argv.length === 0) {
    program.outputHelp();
    return;
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    } else if (error instanceof UsageError) {
      process.stderr.write(`error: ${error.message}\n`);
      process.exitCode = EXIT.usage;
    } else {
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
      process.exitCode = EXIT.internal;
    }
  }
}

void main(process.argv.slice(2));

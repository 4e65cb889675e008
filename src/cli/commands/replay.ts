/**
 * `crucible replay FAILURE`: runs a failure that `crucible simulate` wrote down once more, checks
 * that it is the very same run, and shows its log: one line an event, one column a member.
 */
import { Command } from 'commander';
import { simulate } from '../../simulator';
import { EXIT } from '../exitCodes';
import { columnsOf, describeFailure, loadFailure } from '../simulation/failure';
import { judgeHistory } from '../simulation/judge';

interface ReplayFlags {
  readonly log?: boolean;
  readonly lines: string;
}

export function replayCommand(): Command {
  return new Command('replay')
    .description('run a simulated failure again, step by step')
    .argument('<failure>', "a replay.json of 'crucible simulate'")
    .option('--log', 'show what happened, event by event')
    .option('--lines <n>', 'newest lines of the log to show', '200')
    .action((path: string, flags: ReplayFlags) => {
      process.exitCode = replay(path, flags);
    });
}

/** 1: the violation comes again. 0: the plan no longer violates anything. */
function replay(path: string, flags: ReplayFlags): number {
  const failure = loadFailure(path);
  const outcome = simulate(failure.plan, { judge: judgeHistory, recordsMax: 50_000 });
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  if (flags.log === true) say(columnsOf(failure.plan, outcome, Number(flags.lines)));
  const { violation, hash } = outcome;
  if (violation === undefined) {
    say(
      `the plan of ${path} no longer violates ${failure.violation.invariant}: ` +
        `${outcome.verdict}${outcome.reason === undefined ? '' : `, ${outcome.reason}`}`,
    );
    return outcome.verdict === 'ok' ? EXIT.ok : EXIT.undecided;
  }
  say(describeFailure({ ...failure, violation, hash, events: outcome.events }));
  say(
    hash === failure.hash
      ? `the same run as recorded, event by event (${hash})`
      : `another run than recorded: ${hash}, not ${failure.hash}; the code has changed since`,
  );
  return EXIT.violated;
}

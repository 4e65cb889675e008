/**
 * `crucible replay FAILURE`: runs a failure that `crucible simulate` wrote down once more, checks
 * that it is the very same run, and shows its log: one line an event, one column a member.
 */
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { simulate } from '../../simulator';
import type { Outcome, Plan } from '../../simulator';
import { EXIT } from '../exitCodes';
import { columnsOf, describeFailure, loadFailure } from '../simulation/failure';
import { bugProbability, describeProbability } from '../simulation/bugProbability';
import { judgeHistory } from '../simulation/judge';
import { STEP_HELP, StepThrough } from '../simulation/stepThrough';

interface ReplayFlags {
  readonly log?: boolean;
  readonly step?: boolean;
  readonly probability?: boolean;
  readonly lines: string;
}

export function replayCommand(): Command {
  return new Command('replay')
    .description('run a simulated failure again, step by step')
    .argument('<failure>', "a replay.json of 'crucible simulate'")
    .option('--log', 'show what happened, event by event')
    .option('--step', 'walk through it, event by event, with the state of each member')
    .option('--probability', 'when was it inevitable: run it again with other draws from then on')
    .option('--lines <n>', 'newest lines of the log to show', '200')
    .action(async (path: string, flags: ReplayFlags) => {
      process.exitCode = await replay(path, flags);
    });
}

/** 1: the violation comes again. 0: the plan no longer violates anything. */
async function replay(path: string, flags: ReplayFlags): Promise<number> {
  const failure = loadFailure(path);
  const outcome = simulate(failure.plan, { judge: judgeHistory, recordsMax: 50_000 });
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  if (flags.log === true) say(columnsOf(failure.plan, outcome, Number(flags.lines)));
  if (flags.step === true) await stepThrough(failure.plan, outcome);
  const { violation, hash } = outcome;
  if (violation === undefined) {
    say(
      `the plan of ${path} no longer violates ${failure.violation.invariant}: ` +
        `${outcome.verdict}${outcome.reason === undefined ? '' : `, ${outcome.reason}`}`,
    );
    return outcome.verdict === 'ok' ? EXIT.ok : EXIT.undecided;
  }
  say(describeFailure({ ...failure, violation, hash, events: outcome.events }));
  if (flags.probability === true) {
    say(describeProbability(bugProbability(failure.plan, violation)));
  }
  say(
    hash === failure.hash
      ? `the same run as recorded, event by event (${hash})`
      : `another run than recorded: ${hash}, not ${failure.hash}; the code has changed since`,
  );
  return EXIT.violated;
}

/** Prompts go to the terminal only: what is piped gets the answers and nothing else. */
async function stepThrough(plan: Plan, outcome: Outcome): Promise<void> {
  const walk = new StepThrough(outcome.records(), plan.members + (plan.spares ?? 0));
  const isTerminal = process.stdin.isTTY;
  const prompt = (): void => void (isTerminal && process.stderr.write('step> '));
  if (isTerminal) process.stderr.write(`${STEP_HELP}\n`);
  prompt();
  for await (const line of createInterface({ input: process.stdin })) {
    const text = walk.command(line);
    if (text === undefined) return;
    process.stdout.write(`${text}\n`);
    prompt();
  }
}

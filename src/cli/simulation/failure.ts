/**
 * A failure to keep: the plan that fails, made small, with what is false and the hash that a
 * replay must end with. Plain JSON, to be attached to an issue or kept as a regression.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  describeFault,
  describeOperation,
  describeSwarm,
  renderColumns,
  shrinkPlan,
  simulate,
} from '../../simulator';
import type { Outcome, Plan, Violation } from '../../simulator';
import { encodeHistory } from '../../history';
import { UsageError } from '../usageError';
import { failurePage } from './failurePage';
import { judgeHistory } from './judge';
import { regressionTest } from './regressionTest';
import { triage } from './triage';

export interface Failure {
  readonly format: 'crucible-failure';
  readonly version: 1;
  readonly plan: Plan;
  readonly violation: Violation;
  readonly hash: string;
  readonly events: number;
  /** What kind of failure it is, in words; older files have none. */
  readonly triage?: string;
  /** The plan it came from. */
  readonly original: { readonly faults: number; readonly operations: number };
  readonly shrinkRuns: number;
  readonly shrinkMs: number;
}

/** Found when a run is over, whatever the time they name. */
const AT_THE_END = new Set(['linearizability', 'determinism', 'liveness', 'stableLeader']);

export interface MinimizeLimits {
  /** Default: no limit. */
  readonly budgetMs?: number;
  readonly runsMax?: number;
  readonly signal?: AbortSignal;
}

/** Makes a failing plan small within the limits, as long as the same invariant fails. */
export function minimize(plan: Plan, violation: Violation, limits: MinimizeLimits): Failure {
  const { budgetMs = Infinity, runsMax, signal } = limits;
  const startMs = performance.now();
  // What failed before anything was healed needs neither the closing phase nor the judge.
  const isEarly = violation.timeMs <= plan.options.safetyMs && !AT_THE_END.has(violation.invariant);
  const options = { judge: judgeHistory, safetyOnly: isEarly };
  const { plan: small, runs } = shrinkPlan(plan, {
    fails: (smaller) => simulate(smaller, options).violation?.invariant === violation.invariant,
    ...(isEarly && { failedAtMs: violation.timeMs }),
    ...(runsMax !== undefined && { runsMax }),
    mayGoOn: () => performance.now() - startMs < budgetMs && signal?.aborted !== true,
  });
  const outcome = simulate(small, { judge: judgeHistory });
  const found = outcome.violation ?? violation;
  return {
    format: 'crucible-failure',
    version: 1,
    plan: small,
    violation: found,
    hash: outcome.hash,
    events: outcome.events,
    triage: triage(small, found, outcome),
    original: { faults: plan.faults.length, operations: plan.operations.length },
    shrinkRuns: runs,
    shrinkMs: Math.round(performance.now() - startMs),
  };
}

/**
 * Writes the failure into a directory of its own: to replay, as a test, as a page with its
 * diagram, the clients' history and the log. Answers the path of the one to replay.
 */
export function saveFailure(failure: Failure, directory: string): string {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, 'replay.json');
  writeFileSync(path, `${JSON.stringify(failure, undefined, 2)}\n`);
  const options = { judge: judgeHistory, recordsMax: 20_000, messagesMax: 2_000 };
  const outcome = simulate(failure.plan, options);
  writeFileSync(join(directory, 'failure.test.ts'), regressionTest(failure));
  writeFileSync(join(directory, 'failure.html'), failurePage(failure, outcome));
  writeFileSync(join(directory, 'history.jsonl'), [...encodeHistory(outcome.history)].join(''));
  writeFileSync(join(directory, 'log.txt'), `${columnsOf(failure.plan, outcome, 10_000)}\n`);
  return path;
}

export function loadFailure(path: string): Failure {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`${path} can not be read: ${(error as Error).message}`);
  }
  const { format, version, plan, violation } = (value ?? {}) as Partial<Failure>;
  const isWhole =
    typeof plan?.members === 'number' &&
    typeof plan.options === 'object' &&
    Array.isArray(plan.faults) &&
    Array.isArray(plan.operations) &&
    typeof violation?.invariant === 'string';
  if (format !== 'crucible-failure' || version !== 1 || !isWhole) {
    throw new UsageError(`${path} is not a failure that 'crucible simulate' wrote (version 1)`);
  }
  return value as Failure;
}

export function columnsOf(plan: Plan, outcome: Outcome, linesMax: number): string {
  return renderColumns(outcome.records(), plan.members + (plan.spares ?? 0), linesMax);
}

/** What a user needs to read, from the claim to the steps that break it. */
export function describeFailure(failure: Failure): string {
  const { plan, violation, original } = failure;
  const seconds = (violation.timeMs / 1000).toFixed(3);
  const steps = [
    ...plan.faults.map((fault) => ({ atMs: fault.atMs, text: `fault  ${describeFault(fault)}` })),
    ...plan.operations.map((operation) => ({
      atMs: operation.atMs,
      text: `client ${describeOperation(operation)}`,
    })),
  ].sort((a, b) => a.atMs - b.atMs);
  return [
    `FAIL  ${violation.invariant}  seed=${plan.seed}  t=${seconds} s  event ${violation.event}`,
    `  claim: ${violation.sentence}`,
    `  fact:  ${violation.details.split('\n').join('\n         ')}`,
    ...(failure.triage ?? '')
      .split('\n')
      .filter(Boolean)
      .map((line) => `  ${line}`),
    `swarm: ${describeSwarm(plan)}`,
    `shrunk: ${plan.faults.length} faults, ${plan.operations.length} operations, ` +
      `${failure.events} events (from ${original.faults} faults, ` +
      `${original.operations} operations; ${failure.shrinkRuns} runs, ` +
      `${(failure.shrinkMs / 1000).toFixed(1)} s)`,
    ...steps.map(({ text }, i) => `  ${String(i + 1).padStart(2)} ${text}`),
  ].join('\n');
}

/** The verdict of the model, as a promise with its evidence and its counterexample. */
import { modelNamed, type Verdict } from '../../models';
import type { History, Operation } from '../../src/history';
import type { PropertyResult } from '../../reports';
import type { Workload } from '../workloads';

export interface LinearizableOptions {
  readonly history: History;
  readonly workload: Workload;
  /** Name of the history in the report. */
  readonly name: string;
  /** Whether the store was empty and nobody else writes to it. */
  readonly isOwnStore: boolean;
  readonly racing: number;
  /** How long the check may take. Then the answer is `unknown`. */
  readonly checkLimitMs: number;
  readonly replay: string;
}

/** Operations that a counterexample shows at most; the rest is in the history. */
const linesMax = 40;

function line(operation: Operation, describe: (operation: Operation) => string): string {
  const { call, return: end, process, member = '-' } = operation;
  const at = (time: number): string => (time === Infinity ? '...' : (time / 1e9).toFixed(6));
  const mark = operation.rev === undefined ? '' : `  @${operation.rev}`;
  return (
    `${at(call).padStart(12)} .. ${at(end).padEnd(12)} process ${String(process).padEnd(4)} ` +
    `${member}  ${describe(operation)}${mark}`
  );
}

/**
 * One promise for each model of the workload: the values, and beyond them the revisions. Two,
 * because the weaker one is decided where the stricter one may run out of time: unknown outcomes
 * that left no trace leave a choice of revisions, not of values.
 */
export function checkLinearizableHistory(options: LinearizableOptions): readonly PropertyResult[] {
  const { workload } = options;
  const { model, revisionModel, promise } = workload;
  const results: PropertyResult[] = [];
  if (model !== undefined) {
    results.push(checkByModel(options, { id: 'linearizable', title: promise, model }));
  }
  if (revisionModel !== undefined) {
    const isOnly = model === undefined;
    const id = isOnly ? 'linearizable' : 'linearizable-revisions';
    const title = isOnly ? promise : 'Each answer carries the revision at which it was true';
    const judged = { id, title, model: revisionModel };
    results.push(
      options.isOwnStore
        ? checkByModel(options, judged)
        : {
            ...{ id, title, verdict: 'skipped', evidence: {} },
            reason: 'skipped, because others may write to this store and then revisions have gaps',
          },
    );
  }
  return results;
}

interface Judged {
  readonly id: string;
  readonly title: string;
  readonly model: string;
}

function checkByModel(options: LinearizableOptions, judged: Judged): PropertyResult {
  const { history, name, racing, checkLimitMs, replay } = options;
  const { id, title } = judged;
  const operations = history.operations.length;
  const evidence = { operations, counts: { 'raced with a fault': racing } };
  const base = { id, title, evidence };
  const model = modelNamed(judged.model);
  if (!model) {
    return { ...base, verdict: 'unknown', reason: `there is no model called ${judged.model}` };
  }
  const succeeded = history.operations.some(({ outcome }) => outcome === 'ok');
  if (!succeeded) return { ...base, verdict: 'unknown', reason: 'no operation succeeded' };
  const verdict = model.check(history, { budgetMs: checkLimitMs, now: () => performance.now() });
  if (verdict.verdict === 'ok') return { ...base, verdict: 'ok' };
  if (verdict.verdict === 'unknown') {
    return { ...base, verdict: 'unknown', reason: verdict.reason ?? 'could not decide' };
  }
  const again = `${replay} --model ${judged.model}`;
  return { ...base, ...failure(verdict, name, again, (one) => model.describeOperation(one)) };
}

function failure(
  { explanation, partitions }: Verdict,
  history: string,
  replay: string,
  describe: (operation: Operation) => string,
): Pick<PropertyResult, 'verdict' | 'reason' | 'counterexample'> {
  const failed = partitions.filter(({ verdict }) => verdict === 'fail');
  const keys = failed.map(({ key }) => key).filter((key) => key !== undefined);
  const where = keys.length === 0 ? '' : ` (${keys.join(', ')})`;
  const reason = `no order of the operations explains all answers${where}`;
  if (!explanation) return { verdict: 'fail', reason };
  const { message, involved, rejected, state, operation } = explanation;
  const shown = [...involved].sort((a, b) => a.call - b.call).slice(0, linesMax);
  const lines = [
    ...shown.map((one) => line(one, describe)),
    '',
    ...(state === '' ? [] : [`when it could have happened, the state was ${state}`]),
    ...rejected.slice(0, linesMax).map(({ operation: one, why }) => `  ${describe(one)}: ${why}`),
  ];
  const ids = shown.some(({ id }) => id === operation.id) ? shown : [...shown, operation];
  const operationIds = ids.map(({ id }) => id);
  return {
    verdict: 'fail',
    reason,
    counterexample: { title: message, lines, history, operationIds, replay },
  };
}

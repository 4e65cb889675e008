/** The verdict of the model, as a promise with its evidence and its counterexample. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { modelNamed, type RegisteredModel, type Verdict } from '../../models';
import type { History } from '../../src/history';
import { contradictionLines, contradictionOf, type PropertyResult } from '../../reports';
import { writeCheckPage } from '../../reports/checkPage';
import { heapUse } from '../../src/runtime/heapUse';
import type { Workload } from '../workloads';

export interface LinearizableOptions {
  readonly history: History;
  readonly workload: Workload;
  /** Name of the history in the report. */
  readonly name: string;
  /** Why revisions may have gaps: others write to the store. Undefined when nobody does. */
  readonly shared: string | undefined;
  readonly racing: number;
  /** How long the check may take. Then the answer is `unknown`. */
  readonly checkLimitMs: number;
  readonly replay: string;
  /** Where the page goes that shows why there is no order. */
  readonly directory: string;
}

/** How long the search for small counterexamples may take, and that for an order to draw. */
const explainLimitMs = 5_000;

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
      options.shared === undefined
        ? checkByModel(options, judged)
        : {
            ...{ id, title, verdict: 'skipped', evidence: {} },
            reason: `skipped, because revisions have gaps where others write: ${options.shared}`,
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
  const { history, racing, checkLimitMs } = options;
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
  const now = (): number => performance.now();
  const verdict = model.check(history, { budgetMs: checkLimitMs, now, heap: heapUse });
  if (verdict.verdict === 'ok') return { ...base, verdict: 'ok' };
  if (verdict.verdict === 'unknown') {
    return { ...base, verdict: 'unknown', reason: verdict.reason ?? 'could not decide' };
  }
  return { ...base, ...failure(options, judged, model, verdict) };
}

/** The smallest counterexample of each key that has one, and the page that shows them. */
function failure(
  options: LinearizableOptions,
  { id, title }: Judged,
  model: RegisteredModel,
  verdict: Verdict,
): Pick<PropertyResult, 'verdict' | 'reason' | 'counterexample'> {
  const { history, name, replay, directory } = options;
  const failed = verdict.partitions.filter((part) => part.verdict === 'fail');
  const keys = failed.map(({ key }) => key).filter((key) => key !== undefined && key !== '');
  const where = keys.length === 0 ? '' : ` (${keys.join(', ')})`;
  const reason = `no order of the operations explains all answers${where}`;
  const limits = { budgetMs: explainLimitMs, now: () => performance.now(), heap: heapUse };
  const picture = model.picture(history, verdict, limits);
  const contradictions = picture.parts.flatMap(({ counterexample }) =>
    counterexample === undefined
      ? []
      : [contradictionOf(counterexample, (one) => model.describeOperation(one))],
  );
  const page = `${id}.html`;
  mkdirSync(directory, { recursive: true });
  const text = writeCheckPage({ title: `${name}: ${title}`, history, picture, rules: [] });
  writeFileSync(join(directory, page), text);
  return {
    verdict: 'fail',
    reason,
    counterexample: {
      title: contradictions[0]?.message ?? verdict.explanation?.message ?? reason,
      lines: contradictions
        .map((one) => contradictionLines(one, { timed: true }))
        // The title says the first sentence.
        .flatMap((lines, i) => (i === 0 ? lines.slice(1) : ['', ...lines])),
      ...{ contradictions, history: name, page },
      operationIds: contradictions.flatMap(({ operations }) => operations.map((one) => one.id)),
      replay: `${replay} --model ${model.name}`,
    },
  };
}

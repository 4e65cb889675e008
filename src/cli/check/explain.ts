/** What the terminal says about a history that fails: the counterexamples and the broken rules. */

import type { Counterexample, RegisteredModel, RuleResult, Verdict } from '../../../models';

const partsShownMax = 3;
const stepsShownMax = 8;

export function explanationLines(
  found: readonly Counterexample[],
  verdict: Verdict,
  model: RegisteredModel,
): readonly string[] {
  if (found.length === 0)
    return verdict.explanation === undefined ? [] : [verdict.explanation.message];
  const lines = found.slice(0, partsShownMax).flatMap((one) => linesOf(one, model));
  const keys = verdict.partitions.flatMap(({ key, verdict: of }) =>
    of === 'fail' && key !== undefined ? [key] : [],
  );
  return keys.length > 1 ? [...lines, `keys that fail: ${[...keys].sort().join(', ')}`] : lines;
}

function linesOf(found: Counterexample, model: RegisteredModel): readonly string[] {
  const { message, operations, context, orders, isMinimal } = found;
  const lines = [message];
  lines.push(
    isMinimal
      ? `these ${operations.length} contradict each other, and each of them is needed:`
      : 'these take part in the contradiction:',
  );
  const byCall = [...operations, ...context].sort((a, b) => a.call - b.call);
  for (const operation of byCall) {
    const isFree = context.includes(operation);
    const mark = operation === found.culprit ? '!' : isFree ? '·' : '-';
    const name = `${model.describeOperation(operation)} by process ${operation.process}`;
    lines.push(`  ${mark} ${name}${isFree ? ' (only where it comes from)' : ''}`);
  }
  const [order] = orders;
  if (order === undefined || order.steps.length === 0) return lines;
  const hidden = order.steps.length - stepsShownMax;
  lines.push(`without the first, marked !, they go in this order${hidden > 0 ? ', its end' : ''}:`);
  for (const { operation, state } of order.steps.slice(-stepsShownMax)) {
    lines.push(`  ${model.describeOperation(operation)}  then ${state}`);
  }
  return lines;
}

/** Rules that could look at something: the others are no news. */
export function shownRules(rules: readonly RuleResult[]): readonly RuleResult[] {
  return rules.filter(({ looked }) => looked > 0);
}

export function ruleLines(rules: readonly RuleResult[]): readonly string[] {
  const broken = rules.filter(({ verdict }) => verdict === 'fail');
  const undecided = rules.filter(({ verdict }) => verdict === 'unknown');
  return [
    ...broken.map(({ rule, violation }) => `broken rule ${rule}: ${violation!.message}`),
    ...undecided.map(({ rule, reason }) => `undecided rule ${rule}: ${reason}`),
  ];
}

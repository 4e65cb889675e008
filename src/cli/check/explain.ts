/** What the terminal says about a history that fails: the counterexamples and the broken rules. */

import type { Counterexample, RegisteredModel, RuleResult, Verdict } from '../../../models';
import { contradictionLines, contradictionOf } from '../../../reports/contradictions';

const partsShownMax = 3;

export function explanationLines(
  found: readonly Counterexample[],
  verdict: Verdict,
  model: RegisteredModel,
): readonly string[] {
  if (found.length === 0)
    return verdict.explanation === undefined ? [] : [verdict.explanation.message];
  const lines = found
    .slice(0, partsShownMax)
    .map((one) => contradictionOf(one, model.describeOperation))
    .flatMap((one) => contradictionLines(one));
  const keys = verdict.partitions.flatMap(({ key, verdict: of }) =>
    of === 'fail' && key !== undefined ? [key] : [],
  );
  return keys.length > 1 ? [...lines, `keys that fail: ${[...keys].sort().join(', ')}`] : lines;
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

/** Holds what was seen in a run against everything that was promised. */
import { join, relative } from 'node:path';

import type { History } from '../src/history';
import { countRacing, faultWindows, type PropertyResult } from '../reports';
import { checkDurable } from './checks/durable';
import { checkExercised, whyMissing } from './checks/exercised';
import { checkLinearizableHistory } from './checks/linearizable';
import {
  checkAgreement,
  checkAlive,
  checkAvailable,
  checkHealed,
  checkReplay,
} from './checks/recovery';
import { propertyOf } from './checks/property';
import { checkReads, checkRevisionOrder } from './checks/revisions';
import { checkWatchRules } from './checks/watches';
import { missingCapabilities, type Fault } from './faults/fault';
import { chaosDefaults, type ChaosOptions } from './options';
import { capabilities, type Cluster } from './target';
import type { Observed } from './work';
import type { RuleContext, Workload } from './workloads';

/** One result a promise, in the order of their weight. */
export function judge(
  options: ChaosOptions,
  name: string,
  observed: Observed,
): readonly PropertyResult[] {
  const { workload, target, directory } = options;
  const { history, nemesis, ending, exits, firstFinalProcess, workedSeconds } = observed;
  const { operations } = history;
  const racing = countRacing(operations, faultWindows(history.faults));
  const faults = [...nemesis.counts.values()].reduce((sum, count) => sum + count, 0);
  const finalReads = operations.filter(({ process }) => process >= firstFinalProcess);
  const watchers = options.watchers ?? chaosDefaults.watchers;
  const healLimitMs = options.healLimitMs ?? chaosDefaults.healLimitMs;
  const isOwnStore = target.description.target !== 'endpoints';
  const faultsPossible = options.faults.some(
    (fault) => missingCapabilities(fault, target).length === 0,
  );
  const file = shortPath(join(directory, 'history.jsonl'));
  return [
    ...checkLinearizableHistory({
      ...{ history, workload, name, racing, directory },
      shared: observed.shared,
      checkLimitMs: options.checkLimitMs ?? chaosDefaults.checkLimitMs,
      replay: `crucible check ${file}`,
    }),
    ...checkRules(history, workload, name, { firstFinalProcess, faults }),
    ...checkReads(history, workload, name),
    checkDurable({ operations, finalReads, keys: workload.keys }, name),
    ...checkRevisionOrder(history, name),
    checkAgreement(ending),
    checkReplay(ending),
    ...(watchers > 0 ? checkWatchRules(observed, workload, name) : []),
    checkAvailable(ending, healLimitMs),
    checkHealed(nemesis, healLimitMs),
    checkAlive(exits, target.description.memberCount, workedSeconds, isOwnStore),
    checkExercised({ operations, faults, racing, faultsPossible }),
  ];
}

/** What the workload promises beyond its models, where the store has the calls for it. */
function checkRules(
  history: History,
  { rules }: Workload,
  name: string,
  context: RuleContext,
): readonly PropertyResult[] {
  return (rules?.(history, context) ?? []).map((result) => {
    const property = propertyOf(result, { history: name, evidence: { operations: result.looked } });
    if (result.looked > 0) return property;
    const f = result.rule.startsWith('lock') ? 'acquire' : 'leaseGrant';
    const why = whyMissing(history.operations, f);
    if (why === undefined) return property;
    return {
      ...property,
      verdict: 'skipped',
      reason: `skipped, because the store has no ${f}: ${why}`,
    };
  });
}

/** Faults that could not be tried, one result for each reason. */
export function skippedFaults(
  { target, faults }: ChaosOptions,
  impossible: ReadonlyMap<string, string> = new Map(),
): readonly PropertyResult[] {
  const byReason = new Map<string, string[]>();
  for (const fault of faults) {
    const because = impossible.get(fault.name) ?? whyNot(fault, target);
    if (because === undefined) continue;
    byReason.set(because, [...(byReason.get(because) ?? []), fault.name]);
  }
  return [...byReason].map(([because, names]) => ({
    id: `fault:${names.join(', ')}`,
    title: `All of this holds under ${names.map((name) => `"${name}"`).join(', ')}`,
    verdict: 'skipped',
    evidence: {},
    reason: `skipped, because ${because}`,
  }));
}

function whyNot(fault: Fault, target: Cluster): string | undefined {
  const missing = missingCapabilities(fault, target);
  if (missing.length === 0) return undefined;
  const { target: name } = target.description;
  const reasons = new Set(missing.map((one) => target.missing?.get(one)));
  const [reason] = reasons;
  // One reason for everything is the whole story: what it is that cannot be done adds nothing.
  if (reasons.size === 1 && target.missing?.size === Object.keys(capabilities).length) {
    return `the target ${name} cannot do this: ${reason}`;
  }
  const parts = missing.map((one) => {
    const why = target.missing?.get(one);
    return why === undefined ? one : `${one} (${why})`;
  });
  return `the target ${name} cannot do this: ${parts.join(', ')}`;
}

/** As one would type it here. */
function shortPath(file: string): string {
  const fromHere = relative(process.cwd(), file);
  return fromHere.startsWith('..') ? file : fromHere;
}

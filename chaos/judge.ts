/** Holds what was seen in a run against everything that was promised. */
import { join, relative } from 'node:path';

import { countRacing, faultWindows, type PropertyResult } from '../reports';
import { checkDurable } from './checks/durable';
import { checkExercised } from './checks/exercised';
import { checkLinearizableHistory } from './checks/linearizable';
import {
  checkAgreement,
  checkAlive,
  checkAvailable,
  checkHealed,
  checkReplay,
} from './checks/recovery';
import { checkRevisionOrder } from './checks/revisions';
import { missingCapabilities, type Fault } from './faults/fault';
import { chaosDefaults, type ChaosOptions } from './options';
import type { Cluster } from './target';
import type { Observed } from './work';

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
  const healLimitMs = options.healLimitMs ?? chaosDefaults.healLimitMs;
  const isOwnStore = target.description.target !== 'endpoints';
  const faultsPossible = options.faults.some(
    (fault) => missingCapabilities(fault, target).length === 0,
  );
  const file = shortPath(join(directory, 'history.jsonl'));
  return [
    ...checkLinearizableHistory({
      ...{ history, workload, name, racing, directory },
      isOwnStore,
      checkLimitMs: options.checkLimitMs ?? chaosDefaults.checkLimitMs,
      replay: `crucible check ${file}`,
    }),
    checkDurable({ operations, finalReads, keys: workload.keys }, name),
    ...checkRevisionOrder(history, name),
    checkAgreement(ending),
    checkReplay(ending),
    checkAvailable(ending, healLimitMs),
    checkHealed(nemesis, healLimitMs),
    checkAlive(exits, target.description.memberCount, workedSeconds, isOwnStore),
    checkExercised({ operations, faults, racing, faultsPossible }),
  ];
}

/** Faults that could not be tried, and why. */
export function skippedFaults(
  { target, faults }: ChaosOptions,
  impossible: ReadonlyMap<string, string> = new Map(),
): readonly PropertyResult[] {
  return faults.flatMap((fault): readonly PropertyResult[] => {
    const because = impossible.get(fault.name) ?? whyNot(fault, target);
    if (because === undefined) return [];
    return [
      {
        id: `fault:${fault.name}`,
        title: `All of this holds under "${fault.name}"`,
        verdict: 'skipped',
        evidence: {},
        reason: `skipped, because ${because}`,
      },
    ];
  });
}

function whyNot(fault: Fault, target: Cluster): string | undefined {
  const missing = missingCapabilities(fault, target);
  if (missing.length === 0) return undefined;
  const reasons = missing.map((one) => {
    const reason = target.missing?.get(one);
    return reason === undefined ? one : `${one} (${reason})`;
  });
  return `the target ${target.description.target} cannot do this: ${reasons.join(', ')}`;
}

/** As one would type it here. */
function shortPath(file: string): string {
  const fromHere = relative(process.cwd(), file);
  return fromHere.startsWith('..') ? file : fromHere;
}

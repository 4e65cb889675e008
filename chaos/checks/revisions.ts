/** What revisions promise: the rules of `models/etcdRules` as promises of a run. */
import {
  checkClusterRevisions,
  checkHeaders,
  checkRevisions,
  checkSerializable,
  replayOf,
} from '../../models';
import type { History } from '../../src/history';
import type { PropertyResult } from '../../reports';
import type { Workload } from '../workloads';
import { propertyOf } from './property';

/** In each answer, at each member, and in the whole cluster where an answer must not be stale. */
export function checkRevisionOrder(
  { operations, faults }: Pick<History, 'operations' | 'faults'>,
  history: string,
): readonly PropertyResult[] {
  const results = [
    checkHeaders(operations),
    checkRevisions(operations, faults),
    checkClusterRevisions(operations, faults),
  ];
  return results.map((result) =>
    propertyOf(result, { history, evidence: { operations: result.looked } }),
  );
}

/** Ranges, serializable ones and those of the past too, against the full watch. */
export function checkReads(
  history: History,
  { vocabulary }: Pick<Workload, 'vocabulary'>,
  name: string,
): readonly PropertyResult[] {
  if (vocabulary !== 'etcd' && vocabulary !== 'coordination') return [];
  const result = checkSerializable(history.operations, replayOf(history.watch, []));
  return [propertyOf(result, { history: name, evidence: { operations: result.looked } })];
}

/** Revisions never go back: the rules of `models/etcdRules` as promises of a run. */
import { checkClusterRevisions, checkRevisions } from '../../models';
import type { History } from '../../src/history';
import type { PropertyResult } from '../../reports';
import { propertyOf } from './property';

/** At each member, and in the whole cluster where an answer must not be stale. */
export function checkRevisionOrder(
  { operations, faults }: Pick<History, 'operations' | 'faults'>,
  history: string,
): readonly PropertyResult[] {
  return [checkRevisions(operations, faults), checkClusterRevisions(operations, faults)].map(
    (result) => propertyOf(result, { history, evidence: { operations: result.looked } }),
  );
}

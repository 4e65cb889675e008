/** What was acknowledged is still there: the rule of `models/etcdRules` as a promise of a run. */
import { checkDurability, type DurabilityInput } from '../../models';
import type { PropertyResult } from '../../reports';
import { propertyOf } from './property';

export function checkDurable(input: DurabilityInput, history: string): PropertyResult {
  const result = checkDurability(input);
  const { looked, keysRead } = result;
  return propertyOf(result, {
    history,
    evidence: { counts: { 'acknowledged changes': looked, 'keys read back': keysRead } },
    momentOf: ({ call }) => call,
  });
}

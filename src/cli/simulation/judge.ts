/** The judge of simulated histories: the strictest model that knows their operations. */
import { modelFor } from '../../../models';
import type { History } from '../../history';
import type { Judgement } from '../../simulator';

/** A sound history takes a few hundred; a count and not a clock, so that a verdict repeats. */
const NODES_MAX = 3_000;
const BYTES_MAX = 256 * 1024 * 1024;

export function judgeHistory(history: History): Judgement {
  if (history.operations.length === 0) return { valid: true };
  const model = modelFor(history);
  if (model === undefined) return { valid: 'unknown', message: 'no model knows these operations' };
  const options = { nodesMax: NODES_MAX, bytesMax: BYTES_MAX };
  const { verdict, explanation, reason } = model.check(history, options);
  if (verdict === 'ok') return { valid: true };
  const message = explanation?.message ?? reason ?? verdict;
  return { valid: verdict === 'fail' ? false : 'unknown', message };
}

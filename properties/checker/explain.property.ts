/**
 * Counterexamples prove what they claim: the relaxations behind them never refuse what is right,
 * what they name fails by itself, and every operation of it is needed.
 */

import fc from 'fast-check';
import { checkLinearizable, counterexamples, kv, register } from '../../models';
import type { Model } from '../../models';
import { partition } from '../../models/checker/parts';
import { plainSearch } from '../../models/checker/plainSearch';
import { cutAt, FreeSearch } from '../../models/explain/freeSearch';
import type { Operation } from '../../src/history';
import { kvHistory } from './kvHistories';
import { casRequests, histories, kvRequests, small } from './requests';
import { kvSubject, registerSubject } from './subjects';

const cas = histories(
  { lengthMax: 10, request: casRequests, garbage: small, spoils: ['read'] },
  registerSubject,
);
const texts = histories(
  {
    ...{ lengthMax: 10, request: kvRequests, spoils: ['get'], keys: ['x', 'y'] },
    garbage: fc.constantFrom('', 'a', 'b', 'ab', 'ba', 'c'),
  },
  kvSubject,
);

/** What some operations and a cut say must hold of every history that has a linearization. */
function expectSound<State>(
  operations: readonly Operation[],
  model: Model<State>,
  bits: number,
  cut: number,
): boolean {
  let isExercised = false;
  for (const part of partition(operations, model)) {
    if (plainSearch(part, model) === undefined) continue;
    const answered = part.ret.filter((ret) => ret !== Infinity);
    if (answered.length === 0) continue;
    const last = [...answered].sort((a, b) => a - b)[cut % answered.length]!;
    const upTo = cutAt(part, last);
    const counting = upTo.operations.flatMap((_, i) => ((bits >> i) % 2 === 1 ? [i] : []));
    const search = new FreeSearch(upTo, model, counting);
    expect(search.run(counting).verdict).toBe('ok');
    isExercised ||= counting.length > 0;
  }
  return isExercised;
}

function expectProven<State>(operations: readonly Operation[], model: Model<State>): boolean {
  const verdict = checkLinearizable(operations, model);
  if (verdict.verdict !== 'fail') return false;
  for (const found of counterexamples(operations, model, verdict)) {
    const alone = [...found.operations, ...found.context];
    const [part] = partition(alone, model);
    expect(plainSearch(part!, model)).toBeUndefined();
    expect(found.operations).toContain(found.culprit);
    expect(found.isMinimal).toBe(true);
    expect(found.orders.map(({ without }) => without)).toEqual(
      expect.arrayContaining([...found.operations]),
    );
  }
  return true;
}

describe('counterexamples', () => {
  const bits = fc.nat(2 ** 10 - 1);

  test('come from relaxations that have an order wherever the history has one', () => {
    let exercised = 0;
    fc.assert(
      fc.property(cas, texts, bits, fc.nat(9), (ofCas, ofTexts, mask, cut) => {
        if (expectSound(ofCas, register(), mask, cut)) exercised++;
        if (expectSound(ofTexts, kv(), mask, cut)) exercised++;
      }),
      { numRuns: 1000 },
    );
    expect(exercised).toBeGreaterThan(500);
  });

  test('fail by themselves, and without any of their operations there is an order', () => {
    let failed = 0;
    fc.assert(
      fc.property(cas, texts, (ofCas, ofTexts) => {
        if (expectProven(ofCas, register())) failed++;
        if (expectProven(ofTexts, kv())) failed++;
      }),
      { numRuns: 1000 },
    );
    expect(failed).toBeGreaterThan(200);
  });

  test('of all ten bad keys of 50 clients have a handful of operations each', () => {
    const operations = kvHistory({ seed: 3, clients: 50, operations: 2_024, keys: 10, bad: true });
    const verdict = checkLinearizable(operations, kv());
    const found = counterexamples(operations, kv(), verdict);
    expect(found).toHaveLength(10);
    for (const one of found) {
      expect(one.isMinimal).toBe(true);
      expect(one.operations.length).toBeLessThanOrEqual(5);
      expect(one.message).toMatch(/^get\(\d\) -> .* cannot be placed beside /);
    }
    const good = kvHistory({ seed: 3, clients: 50, operations: 2_024, keys: 10, bad: false });
    expect(checkLinearizable(good, kv()).verdict).toBe('ok');
  });
});

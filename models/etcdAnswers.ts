/**
 * Compares the answers of an etcd store with the expected ones and says what differs.
 */

import type { EtcdKeyValue, EtcdOutput, RangeOutput, TxnOutput } from '../src/history';

const shownMax = 120;

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length <= shownMax ? text : `${text.slice(0, shownMax)}...`;
}

export function isRange(output: EtcdOutput): output is RangeOutput {
  return 'kvs' in output;
}

export function isTxn(output: EtcdOutput): output is TxnOutput {
  return 'succeeded' in output;
}

/** A sentence about the first difference; undefined when there is none. */
export function differenceOf(expected: EtcdOutput, actual: unknown): string | undefined {
  if (typeof actual !== 'object' || actual === null) return `its answer is ${shown(actual)}`;
  if (isRange(expected)) return rangeDifference(expected, actual);
  if ('deleted' in expected) {
    const { deleted } = actual as { readonly deleted?: number };
    if (deleted === expected.deleted) return undefined;
    return `it would delete ${expected.deleted} keys, not ${shown(deleted)}`;
  }
  if (isTxn(expected)) return txnDifference(expected, actual);
  return undefined;
}

function rangeDifference(expected: RangeOutput, actual: Partial<RangeOutput>): string | undefined {
  const { kvs = [], count, more } = actual;
  for (let i = 0; i < Math.max(kvs.length, expected.kvs.length); i++) {
    const due = expected.kvs[i];
    const given = kvs[i];
    if (due === undefined) return `it would not show ${describeKv(given!)}`;
    if (given === undefined) return `it would show ${describeKv(due)}`;
    if (!sameKv(due, given)) return `it would show ${describeKv(due)}, not ${describeKv(given)}`;
  }
  if (count !== undefined && count !== expected.count) {
    return `it would count ${expected.count} keys, not ${count}`;
  }
  if (more !== undefined && more !== expected.more) {
    return expected.more ? 'there would be more keys' : 'there would be no more keys';
  }
  return undefined;
}

/** `b` is the answer of the history, which may say less. */
function sameKv(a: EtcdKeyValue, b: EtcdKeyValue): boolean {
  return (
    a.key === b.key &&
    a.value === b.value &&
    a.mod === b.mod &&
    a.version === b.version &&
    // Where the creation was not recorded, the lease was not either.
    (b.create === undefined || (a.create === b.create && (a.lease ?? '0') === (b.lease ?? '0')))
  );
}

export function describeKv({ key, value, mod, create, version, lease }: EtcdKeyValue): string {
  const attached = lease === undefined ? '' : `, lease ${lease}`;
  const created = create === undefined ? '' : `create ${create}, `;
  return `${key} = ${shown(value)} (mod ${mod}, ${created}version ${version}${attached})`;
}

function txnDifference(expected: TxnOutput, actual: Partial<TxnOutput>): string | undefined {
  const { succeeded, results = [] } = actual;
  if (succeeded !== expected.succeeded) {
    return expected.succeeded ? 'its comparisons would hold' : 'its comparisons would not hold';
  }
  if (results.length !== expected.results.length) {
    return `it would give ${expected.results.length} results, not ${results.length}`;
  }
  for (let i = 0; i < results.length; i++) {
    const difference = differenceOf(expected.results[i]!, results[i]);
    if (difference !== undefined) return `in its operation ${i + 1}, ${difference}`;
  }
  return undefined;
}

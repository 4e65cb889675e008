/**
 * Etcd operations as one would say them, with what came of them.
 */

import type {
  EtcdOutput,
  LeaseInput,
  Operation,
  RangeOutput,
  TxnInput,
  TxnOperation,
} from '../src/history';
import { describeKv, isRange, isTxn } from './etcdAnswers';

const comparisons = { equal: '=', notEqual: '!=', greater: '>', less: '<' } as const;
const kvsShownMax = 3;

export function describeEtcdOperation(operation: Operation): string {
  const { f, key = '', input, output, outcome, rev } = operation;
  const asked =
    f === 'leaseGrant' || f === 'leaseRevoke'
      ? `${f}(${(input as LeaseInput).lease})`
      : f === 'compact'
        ? `compact(${(input as { readonly revision: number }).revision})`
        : f === 'txn'
          ? describeTxn(input as TxnInput)
          : describeRequest({ f, key, value: input ?? {} } as TxnOperation);
  if (outcome !== 'ok') return `${asked} -> ${outcome === 'fail' ? 'refused' : 'unknown'}`;
  const at = rev === undefined ? '' : ` at revision ${rev}`;
  return `${asked} -> ${describeOutput(output as EtcdOutput)}${at}`;
}

function describeRequest(request: TxnOperation): string {
  switch (request.f) {
    case 'txn':
      return describeTxn(request.value);
    case 'put': {
      const { value, lease } = request.value;
      const attached = lease === undefined ? '' : `, lease ${lease}`;
      return `put(${request.key}, ${JSON.stringify(value)}${attached})`;
    }
    case 'delete':
      return `delete(${describeSpan(request.key, request.value?.end)})`;
    case 'range': {
      const { end, limit, revision, serializable, keysOnly, countOnly } = request.value;
      const marks = [
        ...((limit ?? 0) > 0 ? [`limit ${limit}`] : []),
        ...((revision ?? 0) > 0 ? [`revision ${revision}`] : []),
        ...(serializable === true ? ['serializable'] : []),
        ...(keysOnly === true ? ['keys only'] : []),
        ...(countOnly === true ? ['count only'] : []),
      ];
      return `range(${[describeSpan(request.key, end), ...marks].join(', ')})`;
    }
  }
}

function describeSpan(key: string, end: string | undefined): string {
  if (end === undefined || end === '') return key;
  return end === '\0' ? `from ${key}` : `${key} to ${end}`;
}

function describeTxn({ compare, success, failure }: TxnInput): string {
  const conditions = compare.map(
    ({ key, end, target, result, value }) =>
      `${target} of ${describeSpan(key, end)} ${comparisons[result]} ${JSON.stringify(value)}`,
  );
  const condition = conditions.length === 0 ? '' : `if ${conditions.join(' and ')} `;
  const otherwise = failure.length === 0 ? '' : ` else ${failure.map(describeRequest).join(', ')}`;
  return `txn(${condition}then ${success.map(describeRequest).join(', ')}${otherwise})`;
}

function describeOutput(output: EtcdOutput | null | undefined): string {
  if (typeof output !== 'object' || output === null) return 'ok';
  if (isRange(output)) return describeRange(output);
  if ('deleted' in output) return `${output.deleted} deleted`;
  if (!isTxn(output)) return 'ok';
  const results = output.results.map(describeOutput).join('; ');
  return `${output.succeeded ? 'then' : 'else'} [${results}]`;
}

function describeRange({ kvs, count }: RangeOutput): string {
  if (kvs.length === 0) return count > 0 ? `${count} keys` : 'nothing';
  const shown = kvs.slice(0, kvsShownMax).map(describeKv).join(', ');
  return kvs.length > kvsShownMax ? `${shown} and ${kvs.length - kvsShownMax} more` : shown;
}

/** One operation as a short text: `put k1 = v7`, `txn ... -> succeeded @12`. */
import type { EtcdKeyValue, Operation, TxnInput, TxnOperation } from '../src/history';

const valueCharactersMax = 60;
const textCharactersMax = 240;

function shortened(text: string, charactersMax: number): string {
  return text.length <= charactersMax ? text : `${text.slice(0, charactersMax - 1)}…`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Any value, strings as they are. */
export function describeValue(value: unknown): string {
  if (value === undefined) return '';
  return shortened(typeof value === 'string' ? value : JSON.stringify(value), valueCharactersMax);
}

function describeRangeEnd(value: Readonly<Record<string, unknown>>): string {
  const { end } = value;
  if (typeof end !== 'string') return '';
  return end === '\0' ? '..' : `..${end}`;
}

function describeTxnOperation(operation: TxnOperation): string {
  if (operation.f === 'txn') return `txn(${describeTxnInput(operation.value)})`;
  if (operation.f === 'put') return `put ${operation.key}=${describeValue(operation.value.value)}`;
  return `${operation.f} ${operation.key}${describeRangeEnd({ ...operation.value })}`;
}

function describeTxnInput({ compare, success, failure }: TxnInput): string {
  const signs = { equal: '=', greater: '>', less: '<', notEqual: '!=' } as const;
  const conditions = compare
    .map(({ key, target, result, value }) => `${target}(${key})${signs[result]}${value}`)
    .join(' and ');
  const branch = (operations: readonly TxnOperation[]): string =>
    operations.map(describeTxnOperation).join(', ');
  const condition = conditions === '' ? '' : `if ${conditions} `;
  const otherwise = failure.length === 0 ? '' : ` else {${branch(failure)}}`;
  return `${condition}{${branch(success)}}${otherwise}`;
}

function isTxnInput(value: unknown): value is TxnInput {
  return (
    isRecord(value) &&
    Array.isArray(value['compare']) &&
    Array.isArray(value['success']) &&
    Array.isArray(value['failure'])
  );
}

function describeInput({ input }: Operation): string {
  if (input === undefined || input === null) return '';
  if (isTxnInput(input)) return ` ${describeTxnInput(input)}`;
  if (!isRecord(input)) {
    return ` ${Array.isArray(input) ? input.map(describeValue).join(' → ') : describeValue(input)}`;
  }
  if (typeof input['value'] === 'string') return ` = ${describeValue(input['value'])}`;
  const rest = Object.entries(input).filter(([name]) => name !== 'end');
  const details = rest.map(([name, value]) => `${name}=${describeValue(value)}`).join(' ');
  return `${describeRangeEnd(input)}${details === '' ? '' : ` ${details}`}`;
}

function describeOutput({ output }: Operation): string {
  if (output === undefined) return '';
  if (!isRecord(output)) return describeValue(output);
  if (Array.isArray(output['kvs'])) {
    const kvs = output['kvs'] as readonly EtcdKeyValue[];
    if (kvs.length === 0)
      return output['count'] ? `count ${describeValue(output['count'])}` : 'nothing';
    return kvs.map(({ key, value, mod }) => `${key}=${describeValue(value)} @${mod}`).join(', ');
  }
  if (typeof output['deleted'] === 'number') return `deleted ${output['deleted']}`;
  if (Array.isArray(output['results'])) {
    const results = output['results']
      .map((result) => describeOutput({ output: result as unknown } as Operation))
      .filter((text) => text !== '');
    const taken = output['succeeded'] ? 'then' : 'else';
    return results.length === 0 ? taken : `${taken}: ${results.join('; ')}`;
  }
  return Object.keys(output).length === 0 ? '' : describeValue(output);
}

/** What was asked. */
export function describeInvocation(operation: Operation): string {
  const key = operation.key === undefined ? '' : ` ${operation.key}`;
  return shortened(`${operation.f}${key}${describeInput(operation)}`, textCharactersMax);
}

/** What came of it. */
export function describeCompletion(operation: Operation): string {
  const { outcome, error, rev } = operation;
  if (outcome === 'info')
    return shortened(`unknown${error ? `: ${error}` : ''}`, textCharactersMax);
  if (error !== undefined) return shortened(`refused: ${error}`, textCharactersMax);
  const output = describeOutput(operation);
  const what = outcome === 'fail' ? `failed${output === '' ? '' : ` ${output}`}` : output;
  const text = [what === '' ? 'ok' : what, rev === undefined ? '' : `at revision ${rev}`];
  return shortened(text.filter(Boolean).join(' '), textCharactersMax);
}

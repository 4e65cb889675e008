/**
 * Writes a history in the format of another tool, so that its checker can judge it too.
 *
 * Nothing is lost silently: an operation that the format cannot hold is an error that names it.
 * What these formats have no place for at all (revisions, members, faults, times) is left out of
 * the text formats; the order of the events is kept, which is all that their checkers use.
 */

import { cannotHold } from './errors';
import { encodeEtcdReport } from './etcdReportWriter';
import { encodeHistory } from './jsonl';
import type { History, Operation } from './types';

export type WritableFormat = 'jsonl' | 'edn' | 'jepsen-log' | 'porcupine-kv' | 'etcd-report';

export const writableFormats: readonly WritableFormat[] = [
  'jsonl',
  'edn',
  'jepsen-log',
  'porcupine-kv',
  'etcd-report',
];

/** A file of the result; the path is '' when the whole result is one file. */
export interface WrittenFile {
  readonly path: string;
  readonly lines: Iterable<string>;
}

export function writeHistory(format: WritableFormat, history: History): readonly WrittenFile[] {
  switch (format) {
    case 'jsonl':
      return [{ path: '', lines: encodeHistory(history) }];
    case 'edn':
      return [{ path: '', lines: textLines(history, ednLine) }];
    case 'porcupine-kv':
      return [{ path: '', lines: textLines(history, kvLine) }];
    case 'jepsen-log':
      return [{ path: '', lines: textLines(history, jepsenLine) }];
    case 'etcd-report':
      return encodeEtcdReport(history);
  }
}

interface TextEvent {
  readonly operation: Operation;
  readonly type: 'invoke' | Operation['outcome'];
}

/**
 * The events in order. In these formats a process has one operation open at a time, so an unknown
 * one is closed as `info` right before its process goes on, or at the end.
 */
function* eventsInOrder(operations: readonly Operation[]): Generator<TextEvent> {
  const events = operations.flatMap((operation) => {
    const { call, callIndex = -1, returnIndex = Infinity } = operation;
    const invoked = { operation, type: 'invoke' as const, time: call, index: callIndex };
    if (operation.outcome === 'info') return [invoked];
    const { outcome: type, return: time } = operation;
    return [invoked, { operation, type, time, index: returnIndex }];
  });
  // Of equal times without positions calls come first: overlapping raises no false alarm.
  events.sort(
    (a, b) =>
      a.time - b.time ||
      (a.index === b.index ? 0 : a.index < b.index ? -1 : 1) ||
      Number(a.type !== 'invoke') - Number(b.type !== 'invoke'),
  );
  const unknown = new Map<number, Operation>();
  for (const { operation, type } of events) {
    const { process, outcome } = operation;
    const open = unknown.get(process);
    if (type === 'invoke' && open !== undefined) {
      yield { operation: open, type: 'info' };
      unknown.delete(process);
    }
    if (type === 'invoke' && outcome === 'info') unknown.set(process, operation);
    yield { operation, type };
  }
  for (const operation of unknown.values()) yield { operation, type: 'info' };
}

function* textLines(
  { operations }: History,
  line: (event: TextEvent) => string,
): Generator<string> {
  for (const event of eventsInOrder(operations)) yield `${line(event)}\n`;
}

function valueOf({ operation, type }: TextEvent): unknown {
  const { input, output, outcome } = operation;
  return type === 'ok' || (type === 'fail' && outcome === 'fail') ? (output ?? input) : input;
}

function ednLine(event: TextEvent): string {
  const { operation, type } = event;
  const { process, f, key, error } = operation;
  const fields = [
    `:process ${process}`,
    `:type :${type}`,
    `:f :${f}`,
    ...(key === undefined ? [] : [`:key ${edn(key)}`]),
    `:value ${edn(type === 'ok' ? operation.output : valueOf(event))}`,
    ...(error === undefined || type === 'invoke' ? [] : [`:error ${edn(error)}`]),
  ];
  return `{${fields.join(', ')}}`;
}

/** Porcupine's KV logs: get, put and append of texts, and every operation answered. */
function kvLine({ operation, type }: TextEvent): string {
  const { process, f, key = '', input, output } = operation;
  const value = f === 'get' ? (type === 'ok' ? (output ?? '') : null) : input;
  if (!/^(?:get|put|append)$/.test(f)) {
    throw cannotHold('porcupine-kv', operation, 'the format has get, put and append');
  }
  if (type === 'info' || type === 'fail') {
    throw cannotHold('porcupine-kv', operation, `its outcome is ${type}, the format has only ok`);
  }
  if (value !== null && typeof value !== 'string') {
    throw cannotHold('porcupine-kv', operation, `its value is no text: ${JSON.stringify(value)}`);
  }
  return `{:process ${process}, :type :${type}, :f :${f}, :key ${edn(key)}, :value ${edn(value)}}`;
}

function jepsenLine(event: TextEvent): string {
  const { operation, type } = event;
  const { process, f, key, error } = operation;
  if (key !== undefined) {
    throw cannotHold('jepsen-log', operation, `it has the key ${key}, the format has no keys`);
  }
  const isReason = (type === 'info' || type === 'fail') && error !== undefined;
  const value = isReason ? `:${error.replace(/\s+/g, '-')}` : edn(valueOf(event));
  return `INFO  jepsen.util - ${process}\t:${type}\t:${f}\t${value}`;
}

/** A value in EDN; a text that is a keyword when read stays one. */
function edn(value: unknown): string {
  if (value === null || value === undefined) return 'nil';
  if (typeof value === 'string') return ednText(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return `[${value.map(edn).join(' ')}]`;
  const fields = Object.entries(value).filter(([, one]) => one !== undefined);
  return `{${fields.map(([name, one]) => `${keyOf(name)} ${edn(one)}`).join(', ')}}`;
}

function ednText(text: string): string {
  if (/^:[A-Za-z][\w-]*$/.test(text)) return text;
  return JSON.stringify(text);
}

function keyOf(name: string): string {
  return /^[A-Za-z][\w-]*$/.test(name) ? `:${name}` : JSON.stringify(name);
}

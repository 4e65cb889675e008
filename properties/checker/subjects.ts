/**
 * Plain sequential objects that answer planned operations truthfully.
 *
 * They are written apart from the models, so that a model that errs disagrees with them.
 */

import type { TxnInput } from '../../src/history';
import type { PlannedOperation, Subject } from './randomHistories';

/** A register per key with read, write and cas. */
export function registerSubject(): Subject {
  const values = new Map<string, unknown>();
  return {
    apply({ f, key = '', input }: PlannedOperation) {
      const value = values.get(key) ?? null;
      if (f === 'read') return { outcome: 'ok', output: value };
      if (f === 'write') {
        values.set(key, input);
        return { outcome: 'ok', output: input };
      }
      const [from, to] = input as readonly [unknown, unknown];
      if (value !== from) return { outcome: 'fail', output: input };
      values.set(key, to);
      return { outcome: 'ok', output: input };
    },
  };
}

/** Text under keys with get, put, append and delete. */
export function kvSubject(): Subject {
  const texts = new Map<string, string>();
  return {
    apply({ f, key = '', input }: PlannedOperation) {
      if (f === 'get') return { outcome: 'ok', output: texts.get(key) ?? null };
      if (f === 'delete') texts.delete(key);
      else if (f === 'put') texts.set(key, input as string);
      else texts.set(key, (texts.get(key) ?? '') + (input as string));
      return { outcome: 'ok', output: null };
    },
  };
}

/** Registers in one store that counts its changes, as an etcd client shows them. */
export function etcdRegisterSubject(): Subject {
  const cells = new Map<string, { readonly value: unknown; readonly mod: number }>();
  let rev = 1;
  return {
    apply({ f, key = '', input }: PlannedOperation) {
      const cell = cells.get(key) ?? { value: null, mod: 0 };
      if (f === 'read') return { outcome: 'ok', output: cell.value, rev, mod: cell.mod };
      const [from, to] = f === 'write' ? [cell.value, input] : (input as [unknown, unknown]);
      if (cell.value !== from) return { outcome: 'fail', output: input, rev };
      cells.set(key, { value: to, mod: ++rev });
      return { outcome: 'ok', output: input, rev };
    },
  };
}

interface Entry {
  value: string;
  mod: number;
  create: number;
  version: number;
}

/** A small etcd: range, put, delete and flat transactions over a map that is changed in place. */
export function etcdSubject(): Subject {
  const entries = new Map<string, Entry>();
  let rev = 1;
  const read = ({ key, end }: { key: string; end?: string }): unknown => {
    const kvs = [...entries.entries()]
      .filter(([name]) => (end === undefined ? name === key : name >= key && name < end))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, entry]) => ({ key: name, ...entry }));
    return { kvs, count: kvs.length, more: false };
  };
  const put = (key: string, value: string): void => {
    const old = entries.get(key);
    const create = old?.create ?? rev + 1;
    entries.set(key, { value, mod: rev + 1, create, version: (old?.version ?? 0) + 1 });
  };
  const run = (f: string, key: string, input: Record<string, string>): [unknown, boolean] => {
    if (f === 'range') return [read({ key, ...input }), false];
    if (f === 'put') {
      put(key, input['value']!);
      return [{}, true];
    }
    const deleted = entries.delete(key) ? 1 : 0;
    return [{ deleted }, deleted > 0];
  };
  return {
    apply({ f, key = '', input }: PlannedOperation) {
      let output: unknown;
      let changed = false;
      if (f === 'txn') {
        const { compare, success, failure } = input as TxnInput;
        const succeeded = compare.every(
          ({ key: name, value }) => (entries.get(name)?.mod ?? 0) === value,
        );
        const results = (succeeded ? success : failure).map((operation) => {
          const [result, didChange] = run(
            operation.f,
            operation.key!,
            operation.value as unknown as Record<string, string>,
          );
          changed ||= didChange;
          return result;
        });
        output = { succeeded, results };
      } else {
        [output, changed] = run(f, key, input as Record<string, string>);
      }
      if (changed) rev++;
      return { outcome: 'ok', output, rev };
    },
  };
}

/** First in, first out; null when there is nothing. */
export function queueSubject(): Subject {
  const elements: unknown[] = [];
  return {
    apply({ f, input }: PlannedOperation) {
      if (f === 'dequeue') return { outcome: 'ok', output: elements.shift() ?? null };
      elements.push(input);
      return { outcome: 'ok', output: null };
    },
  };
}

/** Elements that are scalars; add and remove say whether they changed anything. */
export function setSubject(): Subject {
  const elements = new Set<unknown>();
  return {
    apply({ f, input }: PlannedOperation) {
      if (f === 'read') return { outcome: 'ok', output: [...elements] };
      const isThere = elements.has(input);
      if (f === 'contains') return { outcome: 'ok', output: isThere };
      if (f === 'add') elements.add(input);
      else elements.delete(input);
      return { outcome: 'ok', output: f === 'add' ? !isThere : isThere };
    },
  };
}

/** One holder, named by the value of the operation; whoever may not is refused. */
export function lockSubject(): Subject {
  let holder: unknown = null;
  return {
    apply({ f, input }: PlannedOperation) {
      const isAllowed = f === 'acquire' ? holder === null : holder === input;
      if (isAllowed) holder = f === 'acquire' ? input : null;
      return { outcome: isAllowed ? 'ok' : 'fail', output: null };
    },
  };
}

/** Foreign formats, read and written: what goes out comes in again, and what is wrong is named. */

import fc from 'fast-check';
import { checkLinearizable, etcd } from '../../models';
import { fnv1a } from './etcdReportWriter';
import { mergeHistories, readHistory, writeHistory } from '.';
import type { History, Operation, WatchLog, WritableFormat } from '.';

function write(format: WritableFormat, history: History): ReadonlyMap<string, string> {
  return new Map(
    writeHistory(format, history).map(({ path, lines }) => [path, [...lines].join('')]),
  );
}

function historyOf(operations: readonly Operation[], watches?: readonly WatchLog[]): History {
  return { meta: {}, operations, faults: [], ...(watches === undefined ? {} : { watches }) };
}

/** What these formats keep of an operation. */
function kept({ process, f, key, input, output, outcome }: Operation): unknown {
  const value = outcome === 'ok' ? (output ?? null) : null;
  return { process, f, key, input: input ?? null, output: value, outcome };
}

const values = fc.oneof(fc.integer(), fc.constant(null), fc.string(), fc.tuple(fc.nat(), fc.nat()));
const operations = fc
  .array(
    fc.record({
      process: fc.nat(3),
      key: fc.option(fc.string(), { nil: undefined }),
      input: values,
      output: values,
      outcome: fc.constantFrom<'ok' | 'info'>('ok', 'info'),
      length: fc.integer({ min: 1, max: 5 }),
    }),
    { maxLength: 20 },
  )
  .map((drafts) => {
    const free = new Map<number, number>();
    let now = 0;
    return drafts.map(({ process, length, outcome, output, ...rest }, id): Operation => {
      const call = Math.max(now, free.get(process) ?? 0) + 1;
      now = call;
      free.set(process, call + 2 * length);
      const answer =
        outcome === 'ok' ? { output, return: call + 2 * length } : { output: undefined };
      return { id, process, f: 'write', call, outcome, return: Infinity, ...rest, ...answer };
    });
  });

describe('text formats', () => {
  const isKeyword = (text: unknown) => typeof text === 'string' && text.startsWith(':');

  it('keep every operation, its outcome and the order of events', () => {
    fc.assert(
      fc.property(operations, (list) => {
        fc.pre(!list.some(({ key, input, output }) => [key, input, output].some(isKeyword)));
        const edn = readHistory(write('edn', historyOf(list)).get('')!, 'h', 'edn');
        expect(edn.operations.map(kept)).toEqual(list.map(kept));
        const again = readHistory(write('edn', edn).get('')!, 'h', 'edn');
        expect(again).toEqual(edn);
        const bare = list.map((operation) => ({
          ...operation,
          key: undefined,
          input: 1,
          output: 1,
        }));
        const log = readHistory(write('jepsen-log', historyOf(bare)).get('')!, 'h', 'jepsen-log');
        expect(log.operations.map(kept)).toEqual(bare.map(kept));
      }),
      { numRuns: 200 },
    );
  });

  it('write the KV logs of Porcupine, and refuse what those cannot hold', () => {
    const get = { id: 0, process: 1, f: 'get', key: '4', input: null, output: 'x 0 1 y' };
    const operation: Operation = { ...get, call: 1, return: 2, outcome: 'ok' };
    expect(write('porcupine-kv', historyOf([operation])).get('')).toBe(
      '{:process 1, :type :invoke, :f :get, :key "4", :value nil}\n' +
        '{:process 1, :type :ok, :f :get, :key "4", :value "x 0 1 y"}\n',
    );
    const refused = (fields: Partial<Operation>) => () =>
      write('porcupine-kv', historyOf([{ ...operation, ...fields }]));
    expect(refused({ f: 'cas' })).toThrow(
      'operation 0, a cas by process 1, cannot be written as porcupine-kv',
    );
    expect(refused({ outcome: 'info', return: Infinity })).toThrow('its outcome is info');
    expect(() => write('jepsen-log', historyOf([operation]))).toThrow('has no keys');
  });

  it('keep watches in the native format', () => {
    const responses = [
      { rev: 2, events: [{ type: 'put', key: 'a', value: '1', rev: 2 } as const] },
    ];
    const watches = [{ name: '1', request: { key: 'a', revision: 1 }, responses }];
    const text = write('jsonl', historyOf([], watches)).get('')!;
    expect(readHistory(text).watches).toEqual(watches);
    expect(() => readHistory('{"watcher":{"name":"1","request":{"key":"a"}}}\n', 'f')).toThrow(
      'f:1: "responses" of the watcher is no list',
    );
  });
});

describe('reports of the robustness suite of etcd', () => {
  const put = {
    ClientId: 3,
    Input: {
      Type: 'txn',
      LeaseGrant: null,
      Txn: {
        Conditions: null,
        OperationsOnSuccess: [
          {
            Type: 'put-operation',
            Put: { Key: 'key', Value: { Value: '17' }, LeaseID: 1234 },
          },
        ],
        OperationsOnFailure: null,
      },
    },
    Call: 10,
    Output: { Txn: { Failure: false, Results: [{ KVs: null, Count: 0 }] }, Revision: 2, Error: '' },
    Return: 20,
  };
  const get = {
    ClientId: 4,
    Input: { Type: 'range', Range: { Start: 'key', End: '', Limit: 0, Revision: 0 } },
    Call: 30,
    Output: {
      Range: {
        KVs: [{ Key: 'key', Value: { Value: '17' }, ModRevision: 2, Version: 1 }],
        Count: 1,
      },
      Revision: 2,
      'member-id': 'a1',
      Error: '',
    },
    Return: 40,
  };
  const failed = { ...put, Call: 50, Output: { Txn: null, Revision: 0, Error: 'timeout' } };
  const pretty = [put, get, failed]
    .map((one) => JSON.stringify(one, null, 2))
    .join('\n')
    .replaceAll('1234', '9007199254740993');

  it('are read whatever their layout, and judged by the model of etcd', () => {
    const history = readHistory(pretty, 'operations.json');
    expect(history.operations.map(kept)).toEqual([
      {
        ...{ process: 3, f: 'put', key: 'key', outcome: 'ok', output: {} },
        input: { value: '17', lease: '9007199254740993' },
      },
      {
        ...{ process: 4, f: 'range', key: 'key', input: {}, outcome: 'ok' },
        output: {
          kvs: [{ key: 'key', value: '17', mod: 2, version: 1 }],
          ...{ count: 1, more: false },
        },
      },
      expect.objectContaining({ f: 'put', outcome: 'info' }),
    ]);
    expect(history.operations[1]).toMatchObject({ rev: 2, member: 'a1' });
    expect(history.operations[2]).toMatchObject({ error: 'timeout', return: Infinity });
    expect(checkLinearizable(history, etcd()).verdict).toBe('ok');
    const stale = pretty.replace('"ModRevision": 2', '"ModRevision": 1');
    expect(checkLinearizable(readHistory(stale), etcd()).verdict).toBe('fail');
    const chunked = JSON.stringify(put) + '\n' + JSON.stringify(get) + '\n';
    expect(readHistory(chunked).operations).toHaveLength(2);
  });

  it('hold watches as well, and merge into one run', () => {
    const watch = {
      Request: { Key: '', Revision: 1, WithPrefix: true, WithPrevKV: true },
      Responses: [
        {
          Events: [
            { Type: 'put-operation', Key: 'key', Value: { Hash: 7 }, Revision: 2, IsCreate: true },
            {
              ...{ Type: 'delete-operation', Key: 'key', Value: {}, Revision: 3 },
              PrevValue: { Value: { Hash: 7 }, ModRevision: 2, Version: 1 },
            },
          ],
          Revision: 3,
          Time: 5,
        },
        { IsProgressNotify: true, Revision: 4, Time: 6 },
      ],
    };
    const watched = readHistory(JSON.stringify(watch, null, 2), 'watch.json');
    expect(watched.watches![0]!.request).toEqual({
      ...{ key: '\0', end: '\0', revision: 1, prevKv: true },
    });
    expect(watched.watches![0]!.responses[0]!.events).toEqual([
      { type: 'put', key: 'key', value: 'hash:7', rev: 2, isCreate: true },
      { type: 'delete', key: 'key', rev: 3, prev: { value: 'hash:7', mod: 2, version: 1 } },
    ]);
    const merged = mergeHistories([readHistory(pretty), watched]);
    expect(merged.operations.map(({ id }) => id)).toEqual([0, 1, 2]);
    expect(merged.watches).toHaveLength(1);
    const files = write('etcd-report', merged);
    const paths = ['client-1/operations.json', 'client-2/operations.json', 'client-3/watch.json'];
    expect([...files.keys()]).toEqual(paths);
    const again = mergeHistories([...files.values()].map((text) => readHistory(text)));
    expect(again.operations.map(kept)).toEqual(merged.operations.map(kept));
    expect(again.watches).toEqual(merged.watches);
    expect(files.get(paths[0]!)).toContain('"LeaseID":9007199254740993');
  });

  it('say file, line and value of what is wrong', () => {
    const bad = pretty.replace('"Type": "range"', '"Type": "rang"');
    expect(() => readHistory(bad, 'operations.json')).toThrow(
      /^operations\.json:\d+: "Type" is no request of the suite: "rang"/,
    );
    expect(() => readHistory(`${JSON.stringify(put)}\nxyz\n`, 'o.json')).toThrow(
      'o.json:2: is no JSON object: "xyz"',
    );
    const torn = readHistory(pretty.slice(0, -20), 'operations.json');
    expect(torn.operations).toHaveLength(2);
    expect(torn.torn?.line).toBeGreaterThan(30);
  });

  it('refuse to hold what the format has no place for', () => {
    const base = { id: 0, process: 0, call: 1, return: 2, outcome: 'ok' as const, output: {} };
    const refused = (f: string, input: object) => () =>
      write('etcd-report', historyOf([{ ...base, f, key: 'k', input }]));
    expect(refused('delete', { end: 'l' })).toThrow('it deletes a range');
    expect(refused('read', {})).toThrow('the format has no read');
    const compare = [{ key: 'k', target: 'value', result: 'equal', value: 'x' }];
    expect(refused('txn', { compare, success: [], failure: [] })).toThrow('it compares value');
  });

  it('hash long values as etcd does', () => {
    expect(fnv1a(new TextEncoder().encode(''))).toBe(0x811c9dc5);
    expect(fnv1a(new TextEncoder().encode('a'))).toBe(0xe40c292c);
  });
});

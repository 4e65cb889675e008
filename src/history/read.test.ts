/** Reading: which format a text has, and that damage is reported with its place. */

import { HistoryError } from './errors';
import { encodeHistory } from './jsonl';
import { createDetectingReader, detectFormat, readHistory } from './read';
import type { History } from './types';

const invoke = '{"id":0,"process":3,"type":"invoke","f":"write","key":"x","value":1,"time":10}';
const ok = '{"id":0,"process":3,"type":"ok","f":"write","key":"x","value":1,"time":20,"rev":2}';

function jepsen(...events: readonly string[]): string {
  return events.map((event) => `INFO  jepsen.util - ${event.replaceAll(' | ', '\t')}\n`).join('');
}

function fieldsOf({ operations }: History, ...fields: readonly string[]): unknown[] {
  return operations.map((operation) =>
    fields.map((field) => (operation as unknown as Record<string, unknown>)[field]),
  );
}

describe('formats', () => {
  test.each([
    ['jsonl', `{"meta":{}}\n${invoke}\n`],
    ['jsonl', `\n ${invoke}\n`],
    ['edn', '{:process 0, :type :invoke, :f :get, :key "4", :value nil}\n'],
    ['edn', '[{:type :invoke :f :read :process 0}]'],
    ['jepsen-log', jepsen('0 | :invoke | :read | nil')],
  ])('%s is told by its content', (format, text) => {
    expect(detectFormat(text)).toBe(format);
  });

  test('an unknown one is refused with the first line', () => {
    expect(() => readHistory('# notes\n', 'notes.md')).toThrow(
      'notes.md:1: is no history in any format known ' +
        '(jsonl, jepsen-log, edn, etcd-report): "# notes"',
    );
  });

  test('chunks may end anywhere', () => {
    const text = `{"meta":{"name":"a"}}\r\n${invoke}\r\n${ok}\n`;
    const reader = createDetectingReader('test');
    for (const character of text) reader.push(character);
    const history = reader.end();
    expect(history).toEqual(readHistory(text));
    expect(history.operations).toHaveLength(1);
  });
});

describe('JSONL', () => {
  test('a history survives being written and read', () => {
    const text = `{"meta":{"name":"a"}}\n${invoke}\n${ok}\n`;
    const history = readHistory(text);
    expect([...encodeHistory(history)].join('')).toBe(text);
  });

  test('ids pair events, and an invocation without completion is unknown', () => {
    const other = invoke.replace('"id":0', '"id":1').replace('10', '15');
    const history = readHistory([invoke, other, ok].join('\n'));
    expect(fieldsOf(history, 'id', 'outcome', 'call', 'return', 'rev')).toEqual([
      [0, 'ok', 10, 20, 2],
      [1, 'info', 15, Infinity, undefined],
    ]);
  });

  test('a torn last line is reported and left out', () => {
    const history = readHistory(`${invoke}\n${ok.slice(0, 30)}`);
    expect(history.torn).toEqual({ line: 2, text: ok.slice(0, 30) });
    expect(fieldsOf(history, 'outcome')).toEqual([['info']]);
  });

  test('a whole last line needs no newline', () => {
    expect(readHistory(`${invoke}\n${ok}`).torn).toBeUndefined();
  });

  test.each([
    ['no JSON', '{"id":', 'is no JSON object'],
    ['a second invocation', invoke, 'operation 0 is invoked a second time'],
    ['a stray completion', ok.replace('"id":0', '"id":9'), 'operation 9 completes without'],
    ['a strange type', invoke.replace('"invoke"', '"begin"'), '"type" is none of'],
    ['a strange object', '{"hello":1}', 'is no event, fault, watch, watcher or meta line'],
    ['a fault without phase', '{"fault":"kill","targets":[],"time":1}', '"phase" is none of'],
  ])('a line with %s is an error with its place', (_, line, reason) => {
    const read = () => readHistory(`${invoke}\n${line}\n`, 'run/history.jsonl');
    expect(read).toThrow(HistoryError);
    expect(read).toThrow(`run/history.jsonl:2: ${reason}`);
  });
});

describe('Jepsen logs', () => {
  test('events pair by process, and a process may go on after an unknown outcome', () => {
    const history = readHistory(
      jepsen(
        '1 | :invoke | :cas | [1 2]',
        '2 | :invoke | :read | nil',
        '1 | :info | :cas | :timed-out',
        '2 | :ok | :read | 4',
        '1 | :invoke | :cas | [4 0]',
        '1 | :fail | :cas | [4 0]',
        '2 | :invoke | :read | nil',
        '2 | :fail | :read | :timed-out',
      ),
    );
    expect(fieldsOf(history, 'process', 'f', 'input', 'outcome', 'output', 'error')).toEqual([
      [1, 'cas', [1, 2], 'info', undefined, 'timed-out'],
      [2, 'read', null, 'ok', 4, undefined],
      [1, 'cas', [4, 0], 'fail', [4, 0], undefined],
      [2, 'read', null, 'fail', undefined, 'timed-out'],
    ]);
  });

  test('lines of other loggers are passed over, the nemesis is a fault', () => {
    const text =
      'INFO  jepsen.core - Worker 0 starting\n' +
      jepsen('0 | :invoke | :read | nil', ':nemesis | :info | :start | nil');
    const { operations, faults } = readHistory(text);
    expect(operations).toHaveLength(1);
    expect(faults).toMatchObject([{ fault: 'start', phase: 'injected' }]);
  });

  test('a damaged line is an error with its place', () => {
    const text = jepsen('0 | :invoke | :read | nil', '0 | :ok');
    expect(() => readHistory(text, 'etcd.log')).toThrow('etcd.log:2: is no event of jepsen.util');
  });
});

describe('EDN', () => {
  const line = '{:process 0, :type :invoke, :f :append, :key "4", :value "x \\"0\\" y"}';

  test('maps on lines and maps in a vector are the same history', () => {
    const done = '{:process 0, :type :ok, :f :append, :key "4", :value "x"}';
    const lines = readHistory(`${line}\n${done}\n`);
    expect(readHistory(`[${line}\n ${done}]`)).toEqual(lines);
    expect(fieldsOf(lines, 'key', 'input', 'outcome')).toEqual([['4', 'x "0" y', 'ok']]);
  });

  test('a damaged line is an error with its place', () => {
    const text = `${line}\n{:process 0, :type\n{}\n`;
    expect(() => readHistory(text, 'kv.txt')).toThrow('kv.txt:2: ends in the middle of a value');
  });

  test('a torn last line is reported', () => {
    expect(readHistory(`${line}\n{:process 0, :ty`).torn).toEqual({
      line: 2,
      text: '{:process 0, :ty',
    });
  });
});

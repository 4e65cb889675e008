/** Recording: what reaches the sink is what a reader gives back. */

import { readHistory } from './read';
import { HistoryRecorder } from './recorder';

function recording(times: readonly number[] = []) {
  const lines: string[] = [];
  let at = 0;
  const clock = (): number => times[at++] ?? at;
  const sink = { write: (line: string) => lines.push(line) };
  const recorder = new HistoryRecorder({ clock, sink, meta: { name: 'test' } });
  return { recorder, lines };
}

describe('a recorder', () => {
  test('hands every event to its sink before it returns', () => {
    const { recorder, lines } = recording();
    const id = recorder.invoke({ process: 0, f: 'write', key: 'x', value: 1 });
    expect(lines).toHaveLength(2);
    recorder.complete(id, { type: 'ok', value: 1, rev: 2 });
    expect(lines).toHaveLength(3);
    expect(lines.every((line) => line.endsWith('\n'))).toBe(true);
  });

  test('keeps in memory what its lines say', () => {
    const { recorder, lines } = recording();
    const write = recorder.invoke({ process: 0, f: 'write', key: 'x', value: 1, member: 'a' });
    const read = recorder.invoke({ process: 1, f: 'read', key: 'x' });
    recorder.fault({ fault: 'kill', phase: 'inject', targets: ['a'] });
    recorder.complete(read, { type: 'ok', value: null, rev: 1, mod: 0 });
    recorder.complete(write, { type: 'info', error: 'timeout' });
    recorder.invoke({ process: 2, f: 'read', key: 'x' });
    recorder.watch([{ rev: 2, key: 'x', value: 1 }]);
    recorder.close();
    expect(readHistory(lines.join(''))).toEqual(recorder.history());
  });

  test('leaves an operation unknown that completes after it closed', () => {
    const { recorder, lines } = recording();
    const id = recorder.invoke({ process: 0, f: 'read' });
    recorder.close();
    recorder.complete(id, { type: 'ok', value: 3 });
    expect(lines).toHaveLength(2);
    expect(recorder.history().operations[0]).toMatchObject({ outcome: 'info', return: Infinity });
  });

  test('holds a clock that goes back', () => {
    const { recorder } = recording([5, 3.4, 9]);
    const id = recorder.invoke({ process: 0, f: 'read' });
    recorder.complete(id, { type: 'ok', value: null });
    expect(recorder.history().operations[0]).toMatchObject({ call: 5, return: 5 });
  });

  test('refuses a completion of what is not open', () => {
    const { recorder } = recording();
    const id = recorder.invoke({ process: 0, f: 'read' });
    recorder.complete(id, { type: 'ok', value: null });
    expect(() => recorder.complete(id, { type: 'ok' })).toThrow('operation 0 completes without');
  });

  test('says so when it was asked to keep too much', () => {
    const recorder = new HistoryRecorder({ clock: () => 0, eventsKeptMax: 2 });
    recorder.complete(recorder.invoke({ process: 0, f: 'read' }), { type: 'ok', value: null });
    expect(() => recorder.history()).toThrow('more than 2 events');
  });
});

/** Several histories in one file, each behind its own meta line. */
import { readHistory } from './read';

const meta = (name: string): string => `{"meta":{"name":"${name}"}}\n`;
const write = (id: number, value: number): string =>
  `{"id":${id},"process":0,"type":"invoke","f":"write","key":"x","value":${value},"time":1}\n` +
  `{"id":${id},"process":0,"type":"ok","f":"write","key":"x","value":${value},"time":2}\n`;

describe('a file with several meta lines', () => {
  it('holds several histories, whose ids have nothing to do with each other', () => {
    const history = readHistory(meta('a') + write(0, 1) + meta('b') + write(0, 2) + write(1, 3));
    expect(history.sections?.map((section) => section.meta.name)).toEqual(['a', 'b']);
    expect(history.sections?.map((section) => section.operations.length)).toEqual([1, 2]);
    expect(history.operations).toHaveLength(3);
  });

  it('with an unfinished operation at the end of a section leaves it unknown', () => {
    const [open] = write(0, 1).split('\n');
    const history = readHistory(`${meta('a')}${open}\n${meta('b')}${write(0, 2)}`);
    expect(history.sections?.map((one) => one.operations[0]?.outcome)).toEqual(['info', 'ok']);
  });

  it('with one meta line is a plain history', () => {
    expect(readHistory(meta('a') + write(0, 1)).sections).toBeUndefined();
  });
});

/** The limits of a check on the command line, and what shows while one takes long. */
import { Progress } from '../progress';
import { UsageError } from '../usageError';
import { limitsOf } from './limits';
import { LongWork, progressText } from './longWork';

const mib = 1024 * 1024;

describe('the limits of a check', () => {
  test('are told in words of the command line', () => {
    const words = { budgetMs: '100', memoryMib: '64', nodesMax: '1000', threads: '0' };
    expect(limitsOf(words)).toEqual({
      ...{ budgetMs: 100, bytesMax: 64 * mib, nodesMax: 1000, threads: 0 },
    });
    expect(limitsOf({ budgetMs: '5' })).toEqual({ budgetMs: 5 });
  });

  test.each([
    [{ budgetMs: '0' }, '--budget-ms is no positive number: 0'],
    [{ budgetMs: '1', memoryMib: '-5' }, '--memory-mib is no positive number: -5'],
    [{ budgetMs: '1', nodesMax: 'many' }, '--nodes-max is no positive number: many'],
    [{ budgetMs: '1', threads: '65' }, '--threads is no integer from 0 to 64: 65'],
    [{ budgetMs: '1', threads: '' }, '--threads is no integer from 0 to 64: '],
  ])('are refused with the option and the value: %j', (words, message) => {
    expect(() => limitsOf(words)).toThrow(new UsageError(message));
  });
});

const progress = {
  ...{ nodes: 1_234_567, bytes: 12.4 * mib, reached: 57, returns: 200 },
  ...{ key: 'x', parts: 3, partsDone: 1 },
};

describe('a check that takes long', () => {
  test('says how far it is on one line, which is gone at the end', () => {
    let shown = '';
    const stream = { isTTY: true, columns: 200, write: (text: string) => (shown += text) };
    const work = new LongWork(new Progress(stream, () => 0), () => undefined);
    work.begin();
    work.tell('h.jsonl', progress);
    work.end();
    expect(shown).toBe(`\r\u001b[K${progressText('h.jsonl', progress)}\r\u001b[K`);
    expect(progressText('h.jsonl', progress)).toBe(
      'h.jsonl: 1 of 3 parts decided, key x, 1,234,567 configurations searched, ' +
        'at return 57 of 200, 12 MiB',
    );
  });

  test('leaves Ctrl-C alone until other threads work, and when it is over', async () => {
    const before = process.listenerCount('SIGINT');
    const work = new LongWork(undefined, () => undefined);
    work.begin();
    work.tell('h.jsonl', progress);
    expect(process.listenerCount('SIGINT')).toBe(before);
    await new Promise((resolve) => setImmediate(resolve));
    expect(process.listenerCount('SIGINT')).toBe(before + 1);
    work.end();
    expect(process.listenerCount('SIGINT')).toBe(before);
  });
});

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { growthPercent } from './collectorPace';

const MIB = 2 ** 20;

describe('the growth of a heap between two collections', () => {
  it('is within the allowance and four times the heap, and left to V8 beyond the allowance', () => {
    const bytes = fc.integer({ min: 1, max: 2 ** 40 });
    fc.assert(
      fc.property(bytes, bytes, (heap, allowance) => {
        const percent = growthPercent(heap, allowance);
        expect(Number.isInteger(percent)).toBe(true);
        expect(percent).toBeLessThanOrEqual(400);
        expect((heap * percent) / 100).toBeLessThanOrEqual(allowance);
        expect(percent > 0).toBe(heap < allowance);
      }),
    );
  });

  it('uses up the allowance where that is less than four times the heap', () => {
    expect(growthPercent(32 * MIB, 64 * MIB)).toBe(200);
    expect(growthPercent(8 * MIB, 64 * MIB)).toBe(400);
  });
});

/**
 * In a process of its own, since the pace is the whole process's. Values of 1 MiB are held for a
 * while, as a log holds its tail, so that they are old before they are garbage: collections of
 * the young do not free them.
 */
const PROGRAM = `
  const { PerformanceObserver, constants } = require('node:perf_hooks');
  const { paceCollector } = require(process.argv[1]);
  const stop = process.argv[2] === 'paced' ? paceCollector(64 * 2 ** 20) : () => undefined;
  let full = 0;
  const count = (list) => {
    for (const { detail } of list.getEntries()) {
      if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) full++;
    }
  };
  new PerformanceObserver(count).observe({ entryTypes: ['gc'] });
  const objects = Array.from({ length: 100_000 }, (_, i) => ({ name: 'object ' + i }));
  const tail = [];
  let left = 400;
  const turn = () => {
    tail.push(Buffer.alloc(2 ** 20, 1));
    if (tail.length > 8) tail.shift();
    gc({ type: 'minor' });
    if (--left > 0) setImmediate(turn);
    else setTimeout(() => { stop(); console.log(full); }, 20);
  };
  turn();
`;

describe('a process that is paced', () => {
  it('collects everything less often, and ends by itself', () => {
    const collections = (how: string): number => {
      const module = join(__dirname, 'collectorPace.ts');
      const argv = ['--expose-gc', '-r', 'esbuild-register', '-e', PROGRAM, module, how];
      return Number(execFileSync(process.execPath, argv, { encoding: 'utf8' }));
    };
    expect(collections('paced')).toBeLessThan(collections('free'));
  });
});

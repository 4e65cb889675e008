/**
 * A check in a process with little memory: what would fill the heap ends as `unknown`, and the
 * process goes on.
 */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'crucible-memory-'));
  writeFileSync(
    join(directory, 'script.ts'),
    `
    import { expect } from ${JSON.stringify(require.resolve('expect'))};
    import { checkLinearizable, models } from ${JSON.stringify(join(__dirname, 'index'))};
    import { linearizabilityMatchers } from ${JSON.stringify(join(__dirname, 'matcher'))};
    import type { Operation } from ${JSON.stringify(join(__dirname, 'history'))};

    // All enqueues are open at once, and a read at the end fits none of their orders.
    const operations: Operation[] = Array.from({ length: 24 }, (_, id) => ({
      id, process: id, f: 'enqueue', key: 'q', input: id + 'x'.repeat(200), output: null,
      call: id, return: 100 + id, outcome: 'ok',
    }));
    operations.push({
      id: 99, process: 99, f: 'dequeue', key: 'q', input: null, output: null,
      call: 200, return: 201, outcome: 'ok',
    });
    const options = { deciders: false, bytesMax: Number(process.argv[2]) };
    if (process.argv[3] === 'matcher') {
      expect.extend(linearizabilityMatchers);
      try {
        expect(operations).toBeLinearizable(models.queue(), options);
      } catch (error) {
        console.log(error.message);
      }
    } else {
      const { verdict, reason } = checkLinearizable(operations, models.queue(), options);
      console.log(verdict, reason);
    }
    console.log('still here');
    `,
  );
  buildSync({
    entryPoints: [join(directory, 'script.ts')],
    outfile: join(directory, 'script.js'),
    ...{ bundle: true, platform: 'node', format: 'cjs' },
  });
});

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

function run(heapMiB: number, bytesMax: number, how = 'check'): string {
  const args = [`--max-old-space-size=${heapMiB}`, 'script.js', String(bytesMax), how];
  return execFileSync(process.execPath, args, { cwd: directory, encoding: 'utf8' });
}

describe('a search that would fill the memory', () => {
  it('ends at its budget', () => {
    const reason = 'the limit of 20000000 bytes of configurations and states is reached';
    expect(run(256, 20_000_000)).toBe(`unknown ${reason}\nstill here\n`);
  });

  it('ends before the heap is full, when that is smaller than the budget', () => {
    const reason =
      /^unknown the heap holds \d+ MiB, nine tenths of its limit of \d+ MiB are reached\n/;
    const out = run(64, 2 ** 40);
    expect(out).toMatch(reason);
    expect(out).toContain('still here');
  });

  it('fails an assertion of a test as undecided, and the run goes on', () => {
    const out = run(64, 2 ** 40, 'matcher');
    expect(out).toMatch(
      /^undecided: the history of 25 operations could not be decided: the heap holds \d+ MiB/,
    );
    expect(out).toContain('still here');
  });
});

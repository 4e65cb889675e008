/** What contradicts what, in every document of a run, and in what several runs are merged into. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { explainFailure, register } from '../models';
import type { Operation } from '../src/history';
import { contradictionLines, contradictionOf, mergeRuns, readRun, writeReports } from '.';
import type { RunReport } from '.';
import { sampleContradiction, sampleReport } from './testing';
import { writeHtml } from './writers/html';
import { writeMarkdown } from './writers/markdown';

function brokenReport(): RunReport {
  const report = sampleReport();
  const [first, ...rest] = report.properties;
  const contradictions = [sampleContradiction()];
  const counterexample = { ...first!.counterexample!, contradictions, page: 'linearizable.html' };
  return { ...report, properties: [{ ...first!, counterexample }, ...rest] };
}

describe('a contradiction', () => {
  const operation: Operation = {
    ...{ id: 0, process: 0, f: 'write', key: 'x', input: 1, output: 1, outcome: 'ok' },
    ...{ call: 1e9, return: 2e9, member: 'm1' },
  };
  const lost = { ...operation, id: 1, process: 1, input: 2, outcome: 'info', return: Infinity };
  const read = { id: 2, process: 2, f: 'read', input: null, call: 3e9, return: 4e9 };
  const operations = [operation, lost as Operation, { ...operation, ...read, output: null }];

  it('is made from what the judge found', () => {
    const [found] = explainFailure(operations, register()).counterexamples;
    const contradiction = contradictionOf(found!, ({ id }) => `operation ${id}`);
    expect(contradiction).toMatchObject({ key: 'x', isMinimal: true });
    expect(contradiction.operations).toEqual([
      { id: 0, role: 'core', text: 'operation 0', process: 0, member: 'm1', call: 1, end: 2 },
      { id: 2, role: 'culprit', text: 'operation 2', process: 2, member: 'm1', call: 3, end: 4 },
    ]);
    expect(contradiction.order).toEqual([{ text: 'operation 0', state: '1' }]);
  });

  it('is told in lines', () => {
    expect(contradictionLines(sampleContradiction(), { timed: true })).toEqual([
      sampleContradiction().message,
      'these 2 contradict each other, and each of them is needed:',
      '  - 0.000000 .. 0.500000 s  m1  write(k0, 1) by process 0',
      '  · 2.000000 .. never s  -  cas(k0, <1>, 2) by process 0 (only where it comes from)',
      '  ! 4.000000 .. 4.500000 s  -  read(k0) -> 2 by process 2',
      'without the first, marked !, they go in this order:',
      '  write(k0, 1)  then <1>',
    ]);
  });

  it('of one operation is no "each other"', () => {
    const [, , culprit] = sampleContradiction().operations;
    const alone = { ...sampleContradiction(), operations: [culprit!], order: [] };
    expect(contradictionLines(alone)[1]).toBe('this one fits nowhere, whatever all others did:');
  });
});

describe('the documents of a run with a contradiction', () => {
  it('show on the page who did what when, where it is drawn, and why', () => {
    const page = writeHtml(brokenReport());
    expect(page).toContain('<h3>Key k0 is broken</h3>');
    expect(page).toContain(sampleContradiction().message.replaceAll('>', '&gt;'));
    expect(page).toMatch(/<li class="culprit">\s*<code>read\(k0\) -&gt; 2<\/code>/);
    expect(page).toMatch(/<li class="context">\s*<code>cas\(k0, &lt;1&gt;, 2\)<\/code>/);
    expect(page).toContain('process 2 · 4.000000 .. 4.500000 s · cannot be placed');
    expect(page).toContain('href="linearizable.html#key=k0"');
    expect(page).toContain(
      'data-jump="{&quot;name&quot;:&quot;sample&quot;,&quot;ids&quot;:[0,2,4]}"',
    );
    expect(page).toContain('href="#counterexample-linearizable"');
  });

  it('keep the plain lines where nothing was found out', () => {
    const page = writeHtml(sampleReport());
    expect(page).toContain('<pre>write(k0, 1)\nread(k0) -&gt; &quot;&lt;/pre&gt;&quot;</pre>');
    expect(page).not.toContain('class="culprit"');
  });

  it('link to the picture from a pull request', () => {
    const text = writeMarkdown(brokenReport());
    expect(text).toContain('Where operations take effect: [linearizable.html](linearizable.html)');
  });
});

describe('stored runs with a contradiction', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'crucible-contradictions-'));
  });

  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function store(name: string): string {
    const run = join(directory, name);
    mkdirSync(run);
    writeReports(brokenReport(), run);
    writeFileSync(join(run, 'linearizable.html'), `the page of ${name}`);
    return run;
  }

  it('are read back whole', async () => {
    const { properties } = await readRun(store('a'));
    expect(properties[0]!.counterexample?.contradictions).toEqual([sampleContradiction()]);
  });

  it('bring their pages along when they are merged', async () => {
    const out = join(directory, 'merged');
    const { properties } = await mergeRuns([store('a'), store('b')], out);
    const pages = properties.flatMap(({ counterexample }) => counterexample?.page ?? []);
    expect(pages).toEqual([join('a', 'linearizable.html'), join('b', 'linearizable.html')]);
    expect(readFileSync(join(out, pages[1]!), 'utf8')).toBe('the page of b');
    expect(existsSync(join(out, pages[0]!))).toBe(true);
  });
});

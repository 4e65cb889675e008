import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { inflateSync } from 'node:zlib';

import fc from 'fast-check';

import type { Operation } from '../src/history';
import {
  createRunDirectory,
  headline,
  latestRun,
  listRuns,
  overallVerdict,
  readRun,
  renderTerminal,
  writeReports,
  type PropertyResult,
  type Verdict,
} from '.';
import { bucketsOf, percentile } from './buckets';
import { encodeColumns, lanesOf } from './columns';
import { describeCompletion, describeInvocation } from './describe';
import { countRacing, faultWindows } from './faultWindows';
import { sampleHistory, sampleReport } from './testing';
import { writeHtml } from './writers/html';
import { writeJunit } from './writers/junit';
import { writeMarkdown } from './writers/markdown';

/** Throws unless the text is a tree of elements with escaped text in between. */
function assertWellFormed(xml: string): void {
  const open: string[] = [];
  const pattern = /<\?[^>]*\?>|<(\/?)([A-Za-z-]+)((?:\s+[A-Za-z-]+="[^"<]*")*)\s*(\/?)>|([^<]+)/gy;
  let end = 0;
  for (const match of xml.matchAll(pattern)) {
    if (match.index !== end) throw new Error(`no XML at ${end}: ${xml.slice(end, end + 60)}`);
    end += match[0].length;
    const [, closing, name, , empty, text] = match;
    if (/&(?!(amp|lt|gt|quot|#\d+);)/.test(match[0])) throw new Error(`bare & in ${match[0]}`);
    if (text !== undefined || name === undefined || empty) continue;
    if (!closing) open.push(name);
    else if (open.pop() !== name) throw new Error(`</${name}> closes nothing`);
  }
  if (end !== xml.length || open.length > 0) throw new Error(`ends inside ${open.join('/')}`);
}

const verdicts = ['ok', 'fail', 'unknown', 'skipped'] as const;

describe('the verdict over many', () => {
  const of = (...list: readonly Verdict[]) => overallVerdict(list.map((verdict) => ({ verdict })));

  it('is as bad as the worst, and skipped ones do not count', () => {
    expect(of('ok', 'skipped')).toBe('ok');
    expect(of('ok', 'unknown')).toBe('unknown');
    expect(of('unknown', 'fail', 'ok')).toBe('fail');
  });

  it('is never ok when nothing was checked', () => {
    expect(of()).toBe('unknown');
    expect(of('skipped')).toBe('unknown');
  });

  it('has a sentence', () => {
    const some = (...list: readonly Verdict[]) =>
      headline(list.map((verdict) => ({ id: '', title: '', verdict, evidence: {} })));
    expect(some('fail', 'ok', 'skipped')).toBe('1 of 2 promises is broken');
    expect(some('unknown', 'ok')).toBe('1 of 2 promises could not be decided');
    expect(some('ok', 'ok')).toBe('All 2 promises held');
    expect(some('skipped')).toBe('Nothing was checked');
  });
});

describe('fault windows', () => {
  it('reach from the order to the verified end', () => {
    const { faults, operations } = sampleHistory();
    const windows = faultWindows(faults);
    expect(windows).toMatchObject([{ fault: 'kill leader', start: 1.2e9, end: 2.6e9 }]);
    expect(countRacing(operations, windows)).toBe(2);
  });

  it('stay open when nobody saw the end, with the reason', () => {
    const records = [
      { fault: 'f', phase: 'inject' as const, targets: ['m1'], time: 1 },
      { fault: 'f', phase: 'failed' as const, targets: ['m1'], time: 2, detail: 'no leader' },
    ];
    expect(faultWindows(records)).toMatchObject([{ end: Infinity, failure: 'no leader' }]);
  });
});

describe('slices of time', () => {
  it('hold every operation once', () => {
    const operations = fc.array(
      fc.record({
        call: fc.integer({ min: 0, max: 60_000 }),
        took: fc.integer({ min: 0, max: 5_000 }),
        outcome: fc.constantFrom('ok' as const, 'fail' as const, 'info' as const),
      }),
    );
    fc.assert(
      fc.property(operations, (list) => {
        const made = list.map(({ call, took, outcome }) => {
          const end = outcome === 'info' ? Infinity : call + took;
          return { call: call * 1e6, return: end * 1e6, outcome } as Operation;
        });
        const buckets = bucketsOf(made, 65);
        const sum = (values: readonly number[]): number =>
          Math.round(values.reduce((total, value) => total + value * buckets.bucketSeconds, 0));
        for (const outcome of ['ok', 'fail', 'info'] as const) {
          expect(sum(buckets[outcome])).toBe(list.filter((o) => o.outcome === outcome).length);
        }
      }),
    );
  });

  it('have exact percentiles', () => {
    const values = Array.from({ length: 100 }, (_, i) => i + 1);
    expect(percentile(values, 0.5)).toBe(50);
    expect(percentile(values, 0.99)).toBe(99);
    expect(percentile(values, 1)).toBe(100);
    expect(percentile([], 0.5)).toBeNull();
  });
});

describe('the compact form of a history', () => {
  it('holds what the page needs, column by column', () => {
    const { operations } = sampleHistory();
    const columns = encodeColumns(operations);
    const bytes = inflateSync(Buffer.from(columns.numbers, 'base64'));
    const n = columns.count;
    expect(bytes.length).toBe(22 * n);
    const u32 = (column: number): number[] =>
      Array.from({ length: n }, (_, i) => bytes.readUInt32LE(4 * (column * n + i)));
    expect(u32(0)).toEqual([0, 1e6, 1e6, 1e6, 1e6]);
    expect(u32(1)).toEqual([5e5, 5e5, 0xffffffff, 5e5, 5e5]);
    expect(u32(2)).toEqual(operations.map(({ id }) => id));
    const texts = inflateSync(Buffer.from(columns.texts, 'base64')).toString('utf8').split('\n');
    expect(texts).toHaveLength(2 * n);
    expect(texts[0]).toBe('write k0 1');
    expect(columns.members).toEqual(['m1', 'm2']);
    expect([...bytes.subarray(21 * n)]).toEqual([0, 0, 2, 1, 0]);
  });

  it('puts a process that follows one of unknown fate into its row', () => {
    expect(lanesOf(sampleHistory().operations)).toEqual([0, 1, 0, 1, 0]);
  });
});

describe('an operation in words', () => {
  const asked = (fields: Partial<Operation>) =>
    describeInvocation({ ...sampleHistory().operations[0]!, key: 'k0', ...fields });
  const answered = (fields: Partial<Operation>) =>
    describeCompletion({ ...sampleHistory().operations[0]!, rev: undefined, ...fields });

  it('says what was asked', () => {
    expect(asked({ f: 'cas', input: [1, 2] })).toBe('cas k0 1 → 2');
    expect(asked({ f: 'put', input: { value: 'v' } })).toBe('put k0 = v');
    expect(asked({ f: 'range', input: { end: 'l', limit: 2 } })).toBe('range k0..l limit=2');
    const compare = [{ key: 'k0', target: 'mod', result: 'equal', value: 3 }];
    const success = [{ f: 'put', key: 'k1', value: { value: 'x' } }];
    const failure = [{ f: 'range', key: 'k0', value: {} }];
    const txn = { f: 'txn', key: undefined, input: { compare, success, failure } };
    expect(asked(txn)).toBe('txn if mod(k0)=3 {put k1=x} else {range k0}');
  });

  it('says what came of it', () => {
    expect(answered({ output: undefined })).toBe('ok');
    expect(answered({ outcome: 'info', error: 'gone' })).toBe('unknown: gone');
    expect(answered({ outcome: 'fail', error: 'no' })).toBe('refused: no');
    const kv = { key: 'k0', value: 'v', mod: 7, create: 7, version: 1 };
    expect(answered({ output: { kvs: [kv], count: 1 }, rev: 9 })).toBe('k0=v @7 at revision 9');
    const results = [{ kvs: [], count: 0 }, { deleted: 2 }];
    expect(answered({ output: { succeeded: false, results } })).toBe('else: nothing; deleted 2');
  });

  it('stays short', () => {
    expect(asked({ f: 'put', input: 'x'.repeat(10_000) }).length).toBeLessThan(300);
  });
});

describe('junit.xml', () => {
  it('counts failures, undecided and skipped', () => {
    const xml = writeJunit(sampleReport());
    assertWellFormed(xml);
    expect(xml).toContain('tests="4" failures="1" errors="1" skipped="1"');
    expect(xml).toContain('<failure message="k0 &amp; k1 went back"');
    expect(xml).toContain('read(k0) -&gt; &quot;&lt;/pre&gt;&quot;');
    expect(xml).toContain('<skipped message="no clock faults"/>');
  });

  it('is well-formed whatever a store answered', () => {
    const property = fc.record({
      id: fc.string({ unit: 'binary' }),
      title: fc.string({ unit: 'binary' }),
      verdict: fc.constantFrom(...verdicts),
      evidence: fc.constant({}),
      reason: fc.string({ unit: 'binary' }),
    });
    fc.assert(
      fc.property(fc.array(property), fc.string({ unit: 'binary' }), (properties, seed) => {
        assertWellFormed(writeJunit({ ...sampleReport(), properties, seed }));
      }),
    );
  });
});

describe('index.html', () => {
  const page = writeHtml(sampleReport());

  it('needs nothing but itself', () => {
    expect(page).not.toMatch(/<(script|link|img)[^>]+(src|href)=/);
    expect(page).not.toMatch(/@import|url\((?!data:)/);
    expect(page).toContain('default-src &#39;none&#39;');
  });

  it('has scripts that can be read and data that can be parsed', () => {
    const scripts = [...page.matchAll(/<script([^>]*)>([\s\S]*?)<\/script>/g)];
    expect(scripts).toHaveLength(3);
    for (const [, attributes, source] of scripts) {
      if (attributes === '') expect(() => new Script(source!)).not.toThrow();
    }
    const data = JSON.parse(scripts[0]![2]!) as { histories: Record<string, unknown>[] };
    expect(data.histories).toHaveLength(1);
    expect(data.histories[0]).toMatchObject({ name: 'sample', seconds: 4.5, badIds: [0, 4] });
    expect(data.histories[0]!['faults']).toMatchObject([{ start: 1.2, end: 2.6, targets: ['m1'] }]);
  });

  it('says verdict, promise, evidence and how to do it again', () => {
    expect(page).toContain('1 of 3 promises is broken');
    expect(page).toContain('12\u00a0345 operations · 1 fault · 5.0 s');
    expect(page).toContain('a read was &lt;stale&gt;');
    expect(page).toContain('read(k0) -&gt; &quot;&lt;/pre&gt;&quot;');
    expect(page).toContain('crucible chaos --seed &quot;a b&quot;');
  });

  it('begins with what somebody has to look at', () => {
    const { properties, ...rest } = sampleReport();
    const turned = writeHtml({ ...rest, properties: [...properties].reverse() });
    const ids = [...turned.matchAll(/<tr id="property-([^"]+)"/g)].map(([, id]) => id);
    const verdictOf = new Map(properties.map(({ id, verdict }) => [id, verdict]));
    expect(ids).toHaveLength(properties.length);
    expect(verdictOf.get(ids[0]!)).toBe('fail');
    expect(verdictOf.get(ids.at(-1)!)).toBe('skipped');
  });

  it('folds a list of faults that is long', () => {
    const report = sampleReport();
    const [first] = report.histories;
    const faults = Array.from({ length: 100 }, () => first!.history.faults).flat();
    const histories = [{ ...first!, history: { ...first!.history, faults } }];
    expect(writeHtml({ ...report, histories })).toContain('<summary>all 100 of them</summary>');
    expect(page).not.toContain('<summary>all');
  });

  it('escapes whatever the run was called', () => {
    expect(page).not.toContain('<sample>');
    expect(page).toContain('chaos &lt;sample&gt;');
  });

  it('stays small with many operations', () => {
    const [template] = sampleHistory().operations;
    const operations = Array.from({ length: 20_000 }, (_, id): Operation => {
      return { ...template!, id, call: id * 1e5, return: id * 1e5 + 9e4, input: id };
    });
    const history = { meta: {}, operations, faults: [] };
    const large = writeHtml({ ...sampleReport(), histories: [{ name: 'sample', history }] });
    expect(large.length - page.length).toBeLessThan(600_000);
  });
});

describe('summary.md', () => {
  it('has a row for each promise and the counterexample', () => {
    const text = writeMarkdown(sampleReport());
    expect(text).toContain(
      '| Reads return the newest write<br>a read was \\<stale\\> | ❌ broken |',
    );
    expect(text).toContain('| All agree<br>m2 was silent | ❔ undecided |');
    expect(text).toContain('```text\nwrite(k0, 1)');
    expect(text).toContain('kill leader ×1');
  });
});

describe('the table on the terminal', () => {
  it('is plain text without colours', () => {
    const text = renderTerminal(sampleReport(), { colours: false, columns: 100 });
    expect(text).not.toContain('\u001b');
    expect(text).toMatch(/^property +verdict +evidence$/m);
    expect(text).toMatch(
      /^Reads return the newest write +FAIL +12.345 operations, 1 fault, 5\.0 s$/m,
    );
    expect(text).toMatch(/^ {2}k0 & k1 went back$/m);
    expect(text).toContain('1 of 3 promises is broken (etcd 3.4.23, 5.3 s, seed a b)');
  });

  it('has colours where they are wanted, and lets no control character through', () => {
    const report = sampleReport();
    expect(renderTerminal(report, { colours: true })).toContain('\u001b[31mFAIL');
    const title = 'bell \u0007 and \u001b[2J';
    const properties: PropertyResult[] = [{ id: 'x', title, verdict: 'ok', evidence: {} }];
    const text = renderTerminal({ ...report, properties }, { colours: false });
    expect(text).toContain('bell \ufffd and \ufffd[2J');
  });
});

describe('stored runs', () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'crucible-reports-test-'));
  });

  afterEach(() => rmSync(root, { recursive: true }));

  it('can be read back and written again', async () => {
    const directory = createRunDirectory(root, new Date(0));
    const paths = writeReports(sampleReport(), directory, { amongRuns: true });
    const report = await readRun(directory);
    expect(report.properties).toEqual(sampleReport().properties);
    expect(report.histories[0]?.history.operations).toHaveLength(5);
    const before = readFileSync(paths['result.json'], 'utf8');
    writeReports(report, directory);
    expect(readFileSync(paths['result.json'], 'utf8')).toBe(before);
    const names = ['history.jsonl', 'index.html', 'junit.xml', 'result.json', 'summary.md'];
    expect(readdirSync(directory).sort()).toEqual(names);
  });

  it('are listed, newest first, and the latest is pointed to', () => {
    const older = createRunDirectory(root, new Date(0));
    const newer = createRunDirectory(root, new Date(1_000));
    for (const directory of [older, newer]) {
      writeReports(sampleReport(), directory, { amongRuns: true });
    }
    const unfinished = createRunDirectory(root, new Date(2_000));
    expect(unfinished).not.toBe(newer);
    expect(listRuns(root).map(({ directory }) => join(root, directory))).toEqual([newer, older]);
    expect(readFileSync(join(latestRun(root)!, 'result.json'), 'utf8')).toContain('formatVersion');
    const list = readFileSync(join(root, 'index.html'), 'utf8');
    expect(list.indexOf('00-00-01')).toBeLessThan(list.indexOf('00-00-00'));
    expect(list).not.toContain('<sample>');
  });

  it('never share a directory', () => {
    const start = new Date(0);
    expect(createRunDirectory(root, start)).not.toBe(createRunDirectory(root, start));
  });

  it('are refused, with the reason, where nothing can be written', () => {
    const file = join(root, 'file');
    writeFileSync(file, '');
    expect(() => createRunDirectory(join(file, 'runs'), new Date())).toThrow(
      /cannot write reports to .*file\/runs: ENOTDIR/,
    );
  });

  it('of an unknown format are refused', async () => {
    mkdirSync(join(root, 'run'));
    writeFileSync(join(root, 'run', 'result.json'), '{"formatVersion": 99, "histories": []}');
    await expect(readRun(join(root, 'run'))).rejects.toThrow(/format version 1: version 99/);
  });
});

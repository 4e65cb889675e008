/** Judging files: exit codes, lines and messages, through the function behind the command. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCheck } from './check';
import type { CheckOptions } from './check';

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'crucible-check-'));
});

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

function write(name: string, ...lines: readonly string[]): string {
  const path = join(directory, name);
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
  return path;
}

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(files: readonly string[], options: CheckOptions = {}): Promise<Ran> {
  let out = '';
  let err = '';
  const code = await runCheck(files, options, {
    out: (text) => (out += text),
    err: (text) => (err += text),
    now: () => 0,
  });
  return { code, out, err };
}

const write1 = '{"id":0,"process":0,"type":"invoke","f":"write","key":"x","value":1,"time":10}';
const wrote1 = '{"id":0,"process":0,"type":"ok","f":"write","key":"x","value":1,"time":20}';
const read = '{"id":1,"process":1,"type":"invoke","f":"read","key":"x","value":null,"time":30}';
const readTheOne = '{"id":1,"process":1,"type":"ok","f":"read","key":"x","value":1,"time":40}';
const readNothing = '{"id":1,"process":1,"type":"ok","f":"read","key":"x","value":null,"time":40}';

function good(name = 'good.jsonl'): string {
  return write(name, '{"meta":{"name":"good"}}', write1, wrote1, read, readTheOne);
}

function bad(name = 'bad.jsonl'): string {
  return write(name, '{"meta":{"name":"bad"}}', write1, wrote1, read, readNothing);
}

describe('crucible check', () => {
  test('a linearizable history gives 0 and one line', async () => {
    const { code, out, err } = await run([good()]);
    expect(code).toBe(0);
    expect(out).toMatch(/^ok +.*good\.jsonl {2}\(2 operations, model register, 0\.0 ms\)\n$/);
    expect(err).toBe('');
  });

  test('a stale read gives 1 and says what is wrong', async () => {
    const { code, out } = await run([bad()]);
    expect(code).toBe(1);
    expect(out).toContain('read(x) -> null by process 1 cannot be placed');
    expect(out).toContain('beside write(x, 1) by process 0');
    expect(out).toContain('where time allows read(x) -> null, the state is 1');
    expect(out).toContain('! read(x) -> null by process 1');
  });

  test('a history of no one model is judged by the rules that know its operations', async () => {
    const event = (id: number, type: string, f: string, value: object, time: number): string =>
      JSON.stringify({ id, process: id, type, f, value, time: time * 1e9, rev: 1 });
    const lease = { lease: '7' };
    const granted = [
      event(0, 'invoke', 'leaseGrant', { ttlSeconds: 5 }, 0),
      event(0, 'ok', 'leaseGrant', { ...lease, ttlSeconds: 5 }, 1),
      event(1, 'invoke', 'delete', {}, 1.1).replace('"f"', '"key":"x","f"'),
      event(1, 'ok', 'delete', { deleted: 0 }, 1.2),
      event(2, 'invoke', 'leaseKeepAlive', lease, 2),
    ];
    const kept = event(2, 'ok', 'leaseKeepAlive', { ttlSeconds: 5 }, 3);
    const lost = event(2, 'ok', 'leaseKeepAlive', { ttlSeconds: 0 }, 3);
    const fine = await run([write('kept.jsonl', ...granted, kept)]);
    expect(fine.out).toMatch(/^ok .*\(3 operations, model rules only, /);
    expect(fine.code).toBe(0);
    const broken = await run([write('lost.jsonl', ...granted, lost)]);
    expect(broken.code).toBe(1);
    expect(broken.out).toContain('broken rule lease-alive: ');
    const drawn = await run([write('drawn.jsonl', ...granted, lost)], { html: 'page.html' });
    expect(drawn.code).toBe(64);
    expect(drawn.err).toContain('no model has all of its operations');
  });

  test('with --json each history is one object', async () => {
    const { code, out } = await run([good(), bad()], { json: true });
    expect(code).toBe(1);
    const [first, second] = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(first).toMatchObject({ verdict: 'ok', operations: 2, ms: 0, model: 'register' });
    expect(second).toMatchObject({ verdict: 'fail', involved: [0, 1], failedKeys: ['x'] });
    expect(second!['explanation']).toEqual(expect.stringContaining('cannot be placed'));
  });

  test('a Jepsen log is told by its content', async () => {
    const file = write(
      'log.txt',
      'INFO  jepsen.util - 0\t:invoke\t:cas\t[1 2]',
      'INFO  jepsen.util - 1\t:invoke\t:write\t1',
      'INFO  jepsen.util - 1\t:info\t:write\t:timed-out',
      'INFO  jepsen.util - 0\t:ok\t:cas\t[1 2]',
    );
    expect((await run([file])).code).toBe(0);
  });

  test('with --json a minimal counterexample is given by ids', async () => {
    const { out } = await run([bad()], { json: true });
    expect(JSON.parse(out)).toMatchObject({
      counterexamples: [
        {
          ...{ key: 'x', culprit: 1, operations: [0, 1], context: [], isMinimal: true },
          orders: [
            { without: 1, order: [0] },
            { without: 0, order: [1] },
          ],
        },
      ],
    });
  });

  test('a report of the robustness suite of etcd is a run, with rules of watches', async () => {
    const report = (name: string, value: string): void => {
      mkdirSync(join(directory, 'report', 'client-1'), { recursive: true });
      write(`report/client-1/${name}`, value);
    };
    const put = '"Put":{"Key":"a","Value":{"Value":"1"},"LeaseID":0}';
    report(
      'operations.json',
      '{"ClientId":0,"Input":{"Type":"txn","Txn":{"OperationsOnSuccess":' +
        `[{"Type":"put-operation",${put}}]}},"Call":1,"Return":2,` +
        '"Output":{"Txn":{"Results":[{}]},"Revision":2,"Error":""}}',
    );
    const event = '{"Type":"put-operation","Key":"a","Value":{"Value":"1"},"Revision":2}';
    const watched = (events: string): string =>
      '{"Request":{"Key":"","Revision":1,"WithPrefix":true},' +
      `"Responses":[{"Events":[${events}],"Revision":2}]}`;
    report('watch.json', watched(event.replace(/}$/, ',"IsCreate":true}')));
    const path = join(directory, 'report');
    expect(await run([path])).toMatchObject({ code: 0, err: '' });
    report('watch.json', watched(`${event},${event}`));
    const { code, out } = await run([path]);
    expect(code).toBe(1);
    expect(out).toContain('broken rule watch-unique: watch client-1/1: the put of a at revision 2');
  });

  test('--convert writes another format, which gives the same verdict', async () => {
    const file = join(directory, 'converted.edn');
    expect((await run([bad()], { convert: 'edn', out: file })).out).toContain(`wrote    ${file}`);
    expect((await run([file])).code).toBe(1);
    expect((await run([good()], { convert: 'edn', out: file })).code).toBe(0);
    expect((await run([file])).code).toBe(0);
    expect((await run([good()], { convert: 'xml', out: file })).err).toContain('is named "xml"');
    expect((await run([good()], { convert: 'edn' })).err).toContain(
      '--convert and --out go together',
    );
  });

  test('--html writes a page', async () => {
    const html = join(directory, 'page.html');
    expect((await run([bad()], { html })).code).toBe(1);
    expect(readFileSync(html, 'utf8')).toContain('Key x is broken');
    expect((await run([good(), bad()], { html })).err).toContain('take one history, not 2');
  });

  test('a directory is a run', async () => {
    mkdirSync(join(directory, 'run'), { recursive: true });
    good('run/history.jsonl');
    expect((await run([join(directory, 'run')])).code).toBe(0);
  });

  test('a torn last line is reported and left out', async () => {
    const file = good('torn.jsonl');
    writeFileSync(file, '{"id":2,"process":0,"ty', { flag: 'a' });
    const { code, out } = await run([file]);
    expect(code).toBe(0);
    expect(out).toContain('the last line, 6, is torn');
  });

  test('a damaged line gives 64 with file, line and text', async () => {
    const file = write('damaged.jsonl', '{"meta":{}}', write1, '{"id":0,"proc', read);
    const { code, err } = await run([file]);
    expect(code).toBe(64);
    expect(err).toContain('damaged.jsonl:3: is no JSON object: "{\\"id\\":0,\\"proc"');
  });

  test('a file that is unusable does not hide the verdict on the others', async () => {
    const { code, out, err } = await run([join(directory, 'none.jsonl'), bad()]);
    expect(code).toBe(1);
    expect(err).toContain('none.jsonl: no such file');
    expect(out).toContain('fail');
  });

  test('an unknown model gives 64 and the list of models', async () => {
    const { code, err } = await run([good()], { model: 'queue9' });
    expect(code).toBe(64);
    expect(err).toMatch(/no model is named "queue9"; there are .*register, .*kv/);
  });

  test('a model that lacks an operation of the history gives 64 and names it', async () => {
    const { code, err } = await run([good()], { model: 'kv' });
    expect(code).toBe(64);
    expect(err).toContain('the model kv has no "write" (it has get, put, append, delete)');
  });

  test('a text in no known format gives 64', async () => {
    const { code, err } = await run([write('poem.txt', 'Tyger Tyger, burning bright')]);
    expect(code).toBe(64);
    expect(err).toContain('poem.txt:1: is no history in any format known');
  });

  test('a history without operations is undecided', async () => {
    const { code, out } = await run([write('empty.jsonl', '{"meta":{}}')]);
    expect(code).toBe(2);
    expect(out).toContain('has no operations');
  });

  test('a history that exceeds the budget is undecided', async () => {
    const file = write('wide.log', ...wideLog());
    let time = 0;
    const io = { out: () => undefined, err: () => undefined, now: () => (time += 10) };
    expect(await runCheck([file], { budgetMs: 1 }, io)).toBe(2);
    expect(await runCheck([file], { budgetMs: 1e9 }, io)).toBe(0);
  });

  test('a history that exceeds the memory is undecided and says so', async () => {
    const file = write('wide.log', ...wideLog());
    const { code, out } = await run([file], { bytesMax: 1000 });
    expect(code).toBe(2);
    expect(out).toContain('the limit of 1000 bytes of configurations and states is reached');
  });

  describe('on a file with several histories', () => {
    const meta = (name: string): string => `{"meta":{"name":"${name}"}}`;

    test('judges each and takes the worst', async () => {
      const held = [meta('held'), write1, wrote1, read, readTheOne];
      const broken = [meta('broken'), write1, wrote1, read, readNothing];
      const { code, out } = await run([write('both.jsonl', ...held, ...broken)]);
      expect(code).toBe(1);
      expect(out).toMatch(/^ok .*both\.jsonl#held/m);
      expect(out).toMatch(/^fail .*both\.jsonl#broken/m);
    });

    test('prints one JSON object for the file', async () => {
      const held = [meta('a'), write1, wrote1, meta('b'), write1, wrote1, read, readTheOne];
      const { code, out } = await run([write('two.jsonl', ...held)], { json: true });
      expect(code).toBe(0);
      expect(JSON.parse(out)).toMatchObject({
        verdict: 'ok',
        operations: 3,
        histories: [{ name: 'a' }, { name: 'b' }],
      });
    });
  });
});

/** Many concurrent appends and a get that needs the last order a search would try. */
function wideLog(): string[] {
  const count = 6;
  const appends = Array.from({ length: count }, (_, i) => i);
  return [
    ...appends.map((i) => `{:process ${i}, :type :invoke, :f :append, :key "k", :value "${i}"}`),
    ...appends.map((i) => `{:process ${i}, :type :ok, :f :append, :key "k", :value "${i}"}`),
    `{:process 0, :type :invoke, :f :get, :key "k", :value nil}`,
    `{:process 0, :type :ok, :f :get, :key "k", :value "${appends.reverse().join('')}"}`,
  ];
}

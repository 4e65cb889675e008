/** The main job as a whole, on the embedded reference: short, and interrupted in the middle. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readHistory } from '../../history';
import { Progress } from '../progress';
import { parseTarget } from './target';
import { runVerify, type VerifyResult } from './verify';

let runsDirectory: string;
let result: VerifyResult;

/** Interrupts the run as soon as its clients are at work under a fault. */
async function interruptedRun(): Promise<VerifyResult> {
  const controller = new AbortController();
  const write = (text: string): void => {
    if (/register: working.*, (kill|stop|pause)/.test(text)) controller.abort();
  };
  return runVerify({
    target: parseTarget('reference'),
    chaosSeconds: 60,
    simulation: { seeds: 1 },
    workloads: ['register', 'txn'],
    clients: 4,
    seed: 'interrupted',
    runsDirectory,
    command: 'crucible verify',
    progress: new Progress({ isTTY: true, columns: 200, write }),
    signal: controller.signal,
  });
}

beforeAll(async () => {
  runsDirectory = mkdtempSync(join(tmpdir(), 'crucible-verify-'));
  result = await interruptedRun();
}, 120_000);
afterAll(() => rmSync(runsDirectory, { recursive: true, force: true }));

describe('an interrupted verification', () => {
  it('still judges what there is', () => {
    const verdicts = new Map(result.report.properties.map(({ id, verdict }) => [id, verdict]));
    expect(verdicts.get('simulation')).toBe('ok');
    expect([...verdicts.values()]).not.toContain('fail');
    expect(verdicts.get('linearizable')).toBe('ok');
  });

  it('names what it did not do', () => {
    const skipped = result.report.properties.filter(({ verdict }) => verdict === 'skipped');
    expect(skipped.map(({ id, reason }) => `${id}: ${reason}`)).toContain(
      'txn/run: the run was interrupted before it',
    );
  });

  it('leaves all documents, and a history that can be judged again', () => {
    for (const name of ['index.html', 'result.json', 'junit.xml', 'summary.md']) {
      expect(existsSync(join(result.directory, name))).toBe(true);
    }
    const text = readFileSync(join(runsDirectory, 'latest', 'history.jsonl'), 'utf8');
    const recorded = readHistory(text).operations.length;
    expect(recorded).toBeGreaterThan(0);
    expect(recorded).toBe(result.report.histories[0]!.history.operations.length);
  });

  it('leaves nothing running', () => {
    const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8');
    const commands = children
      .split(' ')
      .filter((pid) => pid !== '' && existsSync(`/proc/${pid}/cmdline`))
      .map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
    expect(commands.filter((command) => command.includes('initial-cluster'))).toEqual([]);
  });
});

describe('--target', () => {
  it.each(['reference', 'etcd', 'etcd:/opt/etcd', 'image:etcd:3.6', 'endpoints:http://a:1'])(
    'takes %s',
    (text) => expect(text).toContain(parseTarget(text).kind),
  );

  it.each(['endpoints:ftp://a:1', 'endpoints:a', 'endpoints:a:1,http://'])(
    'names the endpoint of "%s" that is none',
    (text) => expect(() => parseTarget(text)).toThrow('is not host:port'),
  );

  it.each(['', 'nothing', 'reference:x', 'etcd:', 'image:', 'endpoints:', 'endpoints:,'])(
    'refuses "%s" and says what it expects',
    (text) => expect(() => parseTarget(text)).toThrow('expected reference (embedded)'),
  );
});

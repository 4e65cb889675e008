import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { readHistory } from '../src/history';
import { overallVerdict } from '../reports';
import { defaultFaults, faults } from './faults/faults';
import { reportOf } from './report';
import { runChaos } from './run';
import type { Cluster } from './target';
import { endpoints } from './targets/endpoints';
import { etcdProcess } from './targets/etcdProcess';
import { commandLine } from './targets/processRegistry';
import { describeWithEtcd, quickTimings } from './testing';
import { registerWorkload, txnWorkload } from './workloads';

/** Notes the processes of a cluster, to see afterwards that none is left. */
function watched(cluster: Cluster, pids: number[]): Cluster {
  return {
    description: cluster.description,
    capabilities: cluster.capabilities,
    start: async (signal) => {
      const running = await cluster.start(signal);
      for (const { pid } of running.members()) if (pid !== undefined) pids.push(pid);
      return running;
    },
  };
}

describeWithEtcd('a chaos run on etcd', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'crucible-run-test-'));
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  it('injects faults, records everything and finds nothing wrong', async () => {
    const pids: number[] = [];
    const cluster = etcdProcess({ ...quickTimings, directory: join(directory, 'cluster') });
    const phases = new Set<string>();
    const result = await runChaos({
      target: watched(cluster, pids),
      workload: registerWorkload(),
      faults: [faults.kill('leader'), faults.pause('leader'), faults.partition('leader')],
      ...{ seconds: 4, seed: 'test', directory, quietMs: 300, holdMs: 800 },
      // What etcd 3.4 does wrong in watches is the subject of other tests.
      watchers: 0,
      onProgress: ({ phase }) => phases.add(phase),
    });
    const verdicts = result.properties.map(({ id, verdict }) => [id, verdict]);
    const ids = [
      'linearizable',
      'linearizable-revisions',
      'durable',
      'headers',
      'revisions',
      'revisions-cluster',
      'agree',
      'replay',
      'available',
    ];
    const expected = [...ids, 'recovers', 'alive', 'exercised'].map((id) => [id, 'ok']);
    expect(verdicts).toEqual(expected);
    for (const phase of ['starting', 'working', 'reading back', 'judging']) {
      expect(phases).toContain(phase);
    }
    const stored = readHistory(readFileSync(join(directory, 'history.jsonl'), 'utf8'));
    expect(stored.operations).toEqual(result.history.history.operations);
    expect(stored.watch).toEqual(result.history.history.watch);
    expect(result.target).toMatchObject({ name: 'etcd', memberCount: 3 });
    for (const pid of pids) expect(commandLine(pid)).toBeUndefined();
    expect(existsSync(join(directory, 'cluster', 'm1.log'))).toBe(true);
    const report = reportOf([result], { title: 'chaos register', command: 'crucible chaos' });
    expect(overallVerdict(report.properties)).toBe('ok');
  });

  it('ends early and in order when it is aborted, and judges what is there', async () => {
    const pids: number[] = [];
    const abort = new AbortController();
    const cluster = etcdProcess({ ...quickTimings, directory: join(directory, 'cluster') });
    const result = await runChaos({
      target: watched(cluster, pids),
      workload: txnWorkload(),
      faults: [faults.pause('all')],
      ...{ seconds: 600, seed: 'test', directory, quietMs: 500, holdMs: 600_000 },
      signal: abort.signal,
      onProgress: ({ fault }) => {
        if (fault !== undefined) abort.abort();
      },
    });
    expect(result.notes.join()).toMatch(/was ended early/);
    expect(result.properties.find(({ id }) => id === 'linearizable')?.verdict).toBe('ok');
    expect(result.history.history.faults.at(-1)?.phase).toBe('healed');
    for (const pid of pids) expect(commandLine(pid)).toBeUndefined();
  });

  it('is skipped as a whole when it is aborted before the cluster is ready', async () => {
    const cluster = etcdProcess({ ...quickTimings, directory: join(directory, 'cluster') });
    const result = await runChaos({
      ...{ target: cluster, workload: txnWorkload(), faults: [], seconds: 600, seed: 'test' },
      ...{ directory, signal: AbortSignal.abort() },
    });
    expect(result.properties).toMatchObject([{ verdict: 'skipped' }]);
  });

  it('skips, with the reason, what cannot be done to endpoints', async () => {
    await using running = await etcdProcess({ ...quickTimings, memberCount: 1 }).start();
    const urls = running.members().map(({ clientUrl }) => clientUrl);
    const result = await runChaos({
      target: endpoints({ urls }),
      workload: registerWorkload(),
      faults: defaultFaults(),
      ...{ seconds: 2 / 3, seed: 'test', directory },
    });
    const skipped = result.properties.filter(({ verdict }) => verdict === 'skipped');
    const impossible = skipped.filter(({ id }) => id.startsWith('fault:'));
    expect(impossible).toHaveLength(1);
    expect(impossible[0]).toMatchObject({
      title: expect.stringContaining('"kill leader", "kill minority"') as string,
      reason: expect.stringContaining('run by somebody else') as string,
    });
    expect(result.properties[0]).toMatchObject({ id: 'linearizable', verdict: 'ok' });
  });
});

describe('a report of several runs', () => {
  it('is refused without any', () => {
    expect(() => reportOf([], { title: '', command: '' })).toThrow(/no result/);
  });
});

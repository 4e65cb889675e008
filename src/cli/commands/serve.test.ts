/** The process of a member: how it ends, and what its exit code says. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../../chaos/targets/freePorts';
import { ClusterService, MaintenanceService } from '../../api';
import { EtcdClient } from '../../client';
import { untilOk } from '../../server/testing/memberCluster';
import { EXIT } from '../exitCodes';

const PROGRAM = join(__dirname, '../../../dist/src/cli/main.js');

interface Run {
  readonly child: ChildProcess;
  readonly lines: string[];
  readonly ended: Promise<number | null>;
}

let directory: string;
const running: Run[] = [];
const clients: EtcdClient[] = [];
beforeAll(() => (directory = mkdtempSync(join(tmpdir(), 'crucible-serve-'))));
afterAll(async () => {
  for (const client of clients) client.close();
  for (const { child } of running) child.kill('SIGKILL');
  await Promise.all(running.map(({ ended }) => ended));
  rmSync(directory, { recursive: true });
});

function serve(...args: readonly string[]): Run {
  const child = spawn(process.execPath, [PROGRAM, 'serve', ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const lines: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => lines.push(chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const run = { child, lines, ended };
  running.push(run);
  return run;
}

/** Waits for the line with which a member says who leads; a member that ends says why it did. */
function knowsLeader({ child, lines, ended }: Run): Promise<void> {
  return new Promise((resolve, reject) => {
    void ended.then((code) => reject(new Error(`ended with ${code}: ${lines.join('')}`)));
    const look = (): void => {
      if (!/"msg":"leader changed"[^\n]*"leader":"n\d"/.test(lines.join(''))) return;
      child.stderr?.off('data', look);
      resolve();
    };
    child.stderr?.on('data', look);
    look();
  });
}

test('a leader that is stopped hands over; a removed member stays stopped', async () => {
  const ports = await freePorts(6);
  const names = ['n1', 'n2', 'n3'];
  const list = names.map((name, i) => `${name}=http://127.0.0.1:${ports[i]}`).join(',');
  const urls = names.map((_, i) => `http://127.0.0.1:${ports[3 + i]}`);
  const flags = names.map((name, i) => [
    ...['--name', name, '--data-dir', join(directory, name), '--initial-cluster', list],
    ...['--listen-peer-urls', `http://127.0.0.1:${ports[i]}`, '--listen-client-urls', urls[i]!],
    ...['--heartbeat-interval', '50', '--election-timeout', '1000'],
    ...['--strict-reconfig-check', 'false'],
  ]);
  const runs = flags.map((each) => serve(...each));
  await Promise.all(runs.map(knowsLeader));
  const ask = urls.map((url) => new EtcdClient({ endpoints: [url], timeoutMs: 20_000 }));
  clients.push(...ask);
  await untilOk(() => ask[0]!.put({ key: 'a', value: '1' }));
  const status = (await untilOk(() => ask[0]!.call(MaintenanceService.status, {}))).value;
  const list1 = () => ask[0]!.call(ClusterService.memberList, { linearizable: true });
  const { members } = (await untilOk(list1)).value;
  const leader = names.indexOf(members.find(({ ID }) => ID === status.leader)!.name);
  runs[leader]!.child.kill('SIGTERM');
  expect(await runs[leader]!.ended).toBe(EXIT.ok);
  const log = runs[leader]!.lines.join('');
  expect(log).toContain('"msg":"handed leadership over"');
  expect(log).toContain('"msg":"stopped"');

  const [rest] = [0, 1, 2].filter((i) => i !== leader);
  const { ID } = members.find(({ name }) => name === names[leader])!;
  await untilOk(() => ask[rest!]!.call(ClusterService.memberRemove, { ID }));
  // It was down, so the others tell it; after that its own directory does.
  for (const text of ['this member was removed from the cluster', 'cannot come back']) {
    const again = serve(...flags[leader]!);
    expect(await again.ended).toBe(EXIT.removed);
    expect(again.lines.join('')).toContain(text);
  }
  const refused = serve(...flags[rest!]!, '--quota-backend-bytes', 'much');
  expect(await refused.ended).toBe(EXIT.usage);
});

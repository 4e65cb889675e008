import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

import type { RunningCluster } from '../target';
import { describeWithEtcd, quickTimings } from '../testing';
import { waitFor } from '../wait';
import { endpoints } from './endpoints';
import { etcdProcess, findOnPath } from './etcdProcess';
import { freePorts } from './freePorts';
import { leaderAmong } from './leader';
import { ProcessCluster } from './processCluster';
import { commandLine, sweepLeftovers } from './processRegistry';
import { referenceProcess } from './referenceProcess';

function stateOf(cluster: RunningCluster, name: string): string | undefined {
  return cluster.members().find((member) => member.name === name)?.state;
}

describe('ports', () => {
  it('are different, free and outside of the range of outgoing connections', async () => {
    const ports = await freePorts(9);
    expect(new Set(ports).size).toBe(9);
    for (const port of ports) {
      expect(port).toBeGreaterThanOrEqual(12_000);
      expect(port).toBeLessThan(32_768);
    }
  });
});

describe('a target that cannot be started', () => {
  it('says that there is no such binary', () => {
    expect(() => etcdProcess({ binary: 'no-such-etcd' })).toThrow(/no no-such-etcd on PATH/);
    expect(() => etcdProcess({ binary: '/no/such/etcd' })).toThrow(/no executable file/);
  });

  it('says that the reference is not built', () => {
    expect(() => referenceProcess({ script: '/no/such/main.js' })).toThrow(/npm run build/);
  });

  it('refuses impossible sizes', () => {
    const options = { target: 'x', command: 'x', memberCount: 0 };
    expect(() => new ProcessCluster(options)).toThrow(/1\.\.9 members, not 0/);
  });

  it('gives up at once, with the log, when a member ends by itself', async () => {
    const script = 'console.error("no can do"); process.exit(7)';
    const argvPrefix = ['-e', script, '--'];
    const cluster = new ProcessCluster({
      target: 'broken',
      command: process.execPath,
      argvPrefix,
      memberCount: 1,
    });
    await expect(cluster.start()).rejects.toThrow(/m1 ended while starting \(exit code 7\)/);
    await expect(cluster.start()).rejects.toThrow(/no can do/);
  });

  it('says how long it waited for members that never answer', async () => {
    const cluster = new ProcessCluster({
      target: 'mute',
      command: process.execPath,
      argvPrefix: ['-e', 'setInterval(() => undefined, 1000)', '--'],
      memberCount: 1,
      readyLimitMs: 300,
    });
    await expect(cluster.start()).rejects.toThrow(/waited 300 ms for 1 members of mute/);
  });

  it('says which endpoints do not answer', async () => {
    const cluster = endpoints({ urls: ['127.0.0.1:1'], readyLimitMs: 50 });
    await expect(cluster.start()).rejects.toThrow(/waited 50 ms for http:\/\/127.0.0.1:1/);
  });
});

describe('the leader', () => {
  const answer = (memberId: bigint, leaderId: bigint, raftTerm: bigint) => {
    return { memberId, leaderId, raftTerm, raftIndex: 1n, revision: 1n, version: '' };
  };

  it('is the member that claims to lead in the highest term', async () => {
    const answers = [answer(1n, 1n, 4n), answer(2n, 2n, 5n), answer(3n, 2n, 6n)];
    const cluster = {
      members: () =>
        answers.map((_, i) => {
          return { name: `m${i + 1}`, clientUrl: '', pid: 1, state: 'running' as const };
        }),
      status: (name: string) => Promise.resolve(answers[Number(name.slice(1)) - 1]!),
    };
    await expect(leaderAmong(cluster)).resolves.toBe('m2');
  });

  it('is nobody while all members answer without one', async () => {
    const member = { name: 'm1', clientUrl: '', pid: 1, state: 'running' as const };
    const status = () => Promise.resolve(answer(1n, 0n, 4n));
    await expect(leaderAmong({ members: () => [member], status })).resolves.toBeUndefined();
  });
});

describe('leftovers of a runner that was killed', () => {
  it('are killed by the next start, but only when the command line still fits', async () => {
    const marker = mkdtempSync(join(tmpdir(), 'crucible-leftover-'));
    const script = 'setInterval(() => undefined, 1000)';
    const left = spawn(process.execPath, ['-e', script, marker], { stdio: 'ignore' });
    const other = spawn(process.execPath, ['-e', script, 'other'], { stdio: 'ignore' });
    await Promise.all([once(left, 'spawn'), once(other, 'spawn')]);
    const directory = join(tmpdir(), `raft-crucible-${userInfo().username}`);
    mkdirSync(directory, { recursive: true });
    // No process has a number this high, so its runner counts as dead.
    const file = join(directory, '99999999.json');
    writeFileSync(
      file,
      JSON.stringify({
        children: [
          { pid: left.pid, marker },
          { pid: other.pid, marker },
        ],
        ...{ mounts: [], groups: [], directories: [marker] },
      }),
    );
    const gone = once(left, 'exit');
    expect(sweepLeftovers()).toContain(left.pid);
    await gone;
    expect(commandLine(other.pid!)).toContain('other');
    expect(existsSync(file)).toBe(false);
    const otherGone = once(other, 'exit');
    other.kill('SIGKILL');
    await otherGone;
    expect(existsSync(marker)).toBe(false);
  });
});

describeWithEtcd('a cluster of etcd processes', () => {
  let directory: string;
  let cluster: RunningCluster;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'crucible-target-test-'));
    cluster = await etcdProcess({ ...quickTimings, directory }).start();
  });

  afterAll(async () => {
    const pids = cluster.members().map(({ pid }) => pid);
    await cluster[Symbol.asyncDispose]();
    for (const pid of pids) if (pid !== undefined) expect(commandLine(pid)).toBeUndefined();
    expect(existsSync(join(directory, 'm1'))).toBe(false);
    expect(existsSync(join(directory, 'm1.log'))).toBe(true);
    rmSync(directory, { recursive: true });
  });

  it('has three members that answer and one leader when the start returns', async () => {
    expect(cluster.members().map(({ name }) => name)).toEqual(['m1', 'm2', 'm3']);
    const leader = (await cluster.leader())!;
    const { memberId } = await cluster.status(leader);
    for (const { name } of cluster.members()) {
      expect((await cluster.status(name)).leaderId).toBe(memberId);
    }
  });

  it('can be used through its endpoints, without any power over its processes', async () => {
    const urls = cluster.members().map(({ clientUrl }) => clientUrl);
    await using outside = await endpoints({ urls }).start();
    expect(await outside.leader()).toBe(await cluster.leader());
    expect(outside.capabilities.size).toBe(0);
    await expect(outside.kill('m1')).rejects.toThrow(/cannot kill/);
  });

  it('keeps a log of each member', () => {
    expect(readFileSync(cluster.log('m2')!, 'utf8')).toContain('m2');
  });

  it('refuses members that do not exist and states that do not fit', async () => {
    await expect(cluster.kill('m9')).rejects.toThrow('there is no member called m9');
    await expect(cluster.resume('m1')).rejects.toThrow('cannot resume m1: running');
    await expect(cluster.start('m1')).rejects.toThrow('cannot start m1: running');
  });

  it('notices a member that ends although nobody asked it to', async () => {
    process.kill(cluster.members()[2]!.pid!, 'SIGKILL');
    await waitFor(() => (stateOf(cluster, 'm3') === 'down' ? true : undefined), {
      what: 'the exit to be seen',
      limitMs: 5_000,
    });
    expect(cluster.unexpectedExits()).toMatchObject([{ member: 'm3', signal: 'SIGKILL' }]);
    await cluster.start('m3');
    const limitMs = 10_000;
    await waitFor(() => cluster.status('m3'), { what: 'm3 to answer again', limitMs });
  });
});

describeWithEtcd('the members of a runner that is killed', () => {
  it('end with it, and their temporary directory goes', async () => {
    const script = `
      const { etcdProcess } = require(${JSON.stringify(join(__dirname, 'etcdProcess.ts'))});
      etcdProcess({ memberCount: 1, heartbeatMs: 50, electionMs: 500 }).start().then((cluster) =>
        console.log(cluster.members()[0].pid, cluster.log('m1')));
      setInterval(() => undefined, 1000);`;
    const runner = spawn(process.execPath, ['-r', 'esbuild-register', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
      cwd: join(__dirname, '..', '..'),
    });
    const [line] = (await once(runner.stdout, 'data')) as [Buffer];
    const [pid, log] = line.toString('utf8').trim().split(' ');
    expect(commandLine(Number(pid))).toContain('etcd');
    const gone = once(runner, 'exit');
    runner.kill('SIGKILL');
    await gone;
    await waitFor(
      () => (commandLine(Number(pid)) === undefined && !existsSync(log!) ? true : undefined),
      { what: 'the reaper to clear up', limitMs: 60_000, intervalMs: 100 },
    );
  });
});

describe('finding a program', () => {
  it('looks for executable files only', () => {
    expect(findOnPath('node')).toMatch(/node$/);
    expect(findOnPath(__filename)).toBeUndefined();
  });
});

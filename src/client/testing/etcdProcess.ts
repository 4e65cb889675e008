/**
 * A real etcd of one member for tests, from PATH, on free ports and in a directory of its own.
 *
 * It waits for etcd's own line of readiness instead of asking again and again, so a test that uses
 * it does not depend on the speed of the machine.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pass } from 'node:timers/promises';

import { freePorts } from '../../../chaos/targets/freePorts';

/** How long a signal may take to have its effect. */
const SIGNAL_LIMIT_MS = 10_000;

/** The version on PATH, such as `3.4.23`; undefined when there is no etcd. */
export function etcdVersion(): string | undefined {
  const run = spawnSync('etcd', ['--version'], { encoding: 'utf8' });
  return run.error === undefined ? /etcd Version: (\S+)/.exec(run.stdout)?.[1] : undefined;
}

/** Whether all threads of a process are stopped; true where /proc does not tell. */
function standsStill(pid: number): boolean {
  const tasks = `/proc/${pid}/task`;
  if (!existsSync(tasks)) return true;
  return readdirSync(tasks).every((task) => {
    const stat = readFileSync(join(tasks, task, 'stat'), 'utf8');
    // The state is the first field after the command, which may itself contain parentheses.
    return /^[Tt]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  });
}

export class EtcdProcess {
  private child: ChildProcess | undefined;

  private constructor(
    readonly endpoint: string,
    private readonly directory: string,
    private readonly args: readonly string[],
  ) {}

  /** Starts a member; `extraArgs` are further flags of etcd. */
  static async start(extraArgs: readonly string[] = []): Promise<EtcdProcess> {
    const [client, peer] = await freePorts(2);
    const directory = mkdtempSync(join(tmpdir(), 'crucible-etcd-'));
    const clientUrl = `http://127.0.0.1:${client}`;
    const peerUrl = `http://127.0.0.1:${peer}`;
    const etcd = new EtcdProcess(`127.0.0.1:${client}`, directory, [
      ...['--name', 'm1', '--data-dir', join(directory, 'data')],
      ...['--listen-client-urls', clientUrl, '--advertise-client-urls', clientUrl],
      ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
      ...['--initial-cluster', `m1=${peerUrl}`],
      ...extraArgs,
    ]);
    await etcd.run();
    return etcd;
  }

  /** Starts the process (again) and waits until it serves clients. */
  run(): Promise<void> {
    const child = spawn('etcd', this.args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.child = child;
    return new Promise((resolve, reject) => {
      let log = '';
      child.stderr.on('data', (chunk: Buffer) => {
        if (log === 'ready') return;
        log += chunk.toString();
        if (/serving (insecure )?client (requests|traffic)/.test(log)) {
          log = 'ready';
          resolve();
        }
      });
      child.on('exit', (code) => {
        if (log !== 'ready') reject(new Error(`etcd ended with ${code}: ${log.slice(-2000)}`));
      });
      child.on('error', reject);
    });
  }

  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void> {
    return this.signal('SIGKILL');
  }

  /**
   * SIGSTOP: the port stays open and nothing answers. On a busy machine a thread may still answer
   * after the signal is sent, so this waits until the kernel says that all of them stand still.
   */
  async pause(): Promise<void> {
    const pid = this.child?.pid;
    if (pid === undefined) throw new Error('etcd does not run');
    process.kill(pid, 'SIGSTOP');
    const deadline = performance.now() + SIGNAL_LIMIT_MS;
    while (!standsStill(pid)) {
      if (performance.now() > deadline) {
        throw new Error(`process ${pid} still runs ${SIGNAL_LIMIT_MS} ms after SIGSTOP`);
      }
      await pass(1);
    }
  }

  resume(): void {
    this.child?.kill('SIGCONT');
  }

  /** Ends the process and removes its directory. */
  async close(): Promise<void> {
    await this.signal('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
  }

  private signal(signal: NodeJS.Signals): Promise<void> {
    const child = this.child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.kill(signal);
    });
  }
}

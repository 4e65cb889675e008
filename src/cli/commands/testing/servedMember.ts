/** `crucible serve` as a process: a member alone, on free ports and in a directory of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EtcdClient } from '../../../client';
import { freePorts } from '../../../../chaos/targets/freePorts';

const PROGRAM = join(__dirname, '../../../../dist/src/cli/main.js');
/** What `ulimit` counts in. */
const BLOCK_BYTES = 512;

export interface ServeLimits {
  /** The system lets no file of the process grow further. Default: no limit. */
  readonly fileBytesMax?: number;
  /** Added to the environment of this process. */
  readonly environment?: Readonly<Record<string, string>>;
}

export class ServedMember {
  readonly client: EtcdClient;
  /** What the running process, or the last one, has logged. */
  output = '';
  /** The exit code of the running process, or of the last one; null after a signal. */
  ended: Promise<number | null> = Promise.resolve(null);
  private child: ChildProcess | undefined;

  private constructor(
    private readonly directory: string,
    private readonly flags: readonly string[],
    clientUrl: string,
  ) {
    this.client = new EtcdClient({ endpoints: [clientUrl], timeoutMs: 10_000 });
  }

  static async make(...extraFlags: readonly string[]): Promise<ServedMember> {
    const directory = mkdtempSync(join(tmpdir(), 'crucible-served-'));
    const [clientPort, peerPort] = await freePorts(2);
    const clientUrl = `http://127.0.0.1:${clientPort}`;
    const peerUrl = `http://127.0.0.1:${peerPort}`;
    const flags = [
      ...['--name', 'n1', '--data-dir', join(directory, 'n1')],
      ...['--initial-cluster', `n1=${peerUrl}`],
      ...['--listen-peer-urls', peerUrl, '--listen-client-urls', clientUrl],
      ...['--heartbeat-interval', '20', '--election-timeout', '200'],
      ...extraFlags,
    ];
    return new ServedMember(directory, flags, clientUrl);
  }

  start({ fileBytesMax, environment = {} }: ServeLimits = {}): void {
    const limit = fileBytesMax === undefined ? '' : `ulimit -f ${fileBytesMax / BLOCK_BYTES}; `;
    const command = `${limit}exec "$0" "$@"`;
    const program = [process.execPath, PROGRAM, 'serve', ...this.flags];
    const child = spawn('sh', ['-c', command, ...program], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...environment },
    });
    this.child = child;
    this.output = '';
    child.stderr.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.ended = new Promise((resolve) => child.on('exit', resolve));
  }

  /** Of the process; 0 where the system does not tell. */
  anonymousBytes(): number {
    const status = readFileSync(`/proc/${this.child!.pid}/status`, 'utf8');
    return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
  }

  async close(): Promise<void> {
    this.client.close();
    this.child?.kill('SIGKILL');
    await this.ended;
    rmSync(this.directory, { recursive: true });
  }
}

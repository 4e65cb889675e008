/** etcdctl from PATH for tests: one command after the other, or one that goes on until stopped. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';

export interface EtcdctlRun {
  /** -1 when a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class Etcdctl {
  /** `endpoints`: `host:port` or URLs. */
  constructor(readonly endpoints: readonly string[]) {}

  /** Runs to the end; `stdin` is all there is to read for it. */
  async run(args: readonly string[], stdin = ''): Promise<EtcdctlRun> {
    const command = this.start(args);
    command.end(stdin);
    return command.ended;
  }

  /** What it prints; rejects with its own words when it fails. */
  async prints(args: readonly string[], stdin = ''): Promise<string> {
    const run = await this.run(args, stdin);
    if (run.code !== 0) throw new Error(`etcdctl ${args.join(' ')}: ${run.stderr}`);
    return run.stdout;
  }

  start(args: readonly string[]): RunningEtcdctl {
    const all = ['--endpoints', this.endpoints.join(','), '--command-timeout', '20s', ...args];
    const env = { ...process.env, ETCDCTL_API: '3' };
    return new RunningEtcdctl(spawn('etcdctl', all, { env }));
  }
}

export class RunningEtcdctl {
  readonly ended: Promise<EtcdctlRun>;
  private stdout = '';
  private stderr = '';
  private wake: () => void = () => undefined;
  private hasEnded = false;

  constructor(private readonly child: ChildProcessWithoutNullStreams) {
    child.stdout.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString();
      this.wake();
    });
    child.stderr.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    // A command that ends without reading all its input is no reason to fail.
    child.stdin.on('error', () => undefined);
    this.ended = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => {
        this.hasEnded = true;
        this.wake();
        resolve({ code: code ?? -1, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  write(text: string): void {
    this.child.stdin.write(text);
  }

  end(text = ''): void {
    this.child.stdin.end(text);
  }

  /** Waits, without a clock, until what it has printed fits, and returns all of it. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.stdout)) {
      if (this.hasEnded) throw new Error(`no ${pattern} in: ${this.stdout}${this.stderr}`);
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    return this.stdout;
  }

  /** Ends it from outside. */
  async stop(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

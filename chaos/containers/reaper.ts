/**
 * Watches over a cluster from outside of the runner: a small process that removes the cluster's
 * containers when the runner ends in whatever way, be it Ctrl-C, an exception or SIGKILL.
 *
 * It holds the other end of a pipe, which the system closes together with the runner; nothing has
 * to be polled and no signal handler is needed. It is a process of its own rather than a container
 * (Testcontainers has one) because that needs an image from a registry. Should the reaper be
 * killed as well, the next start sweeps what is left.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';

/** What the reaper reads when there is nothing left for it to do. */
export const dismissal = 'done';

export class Reaper {
  private constructor(private readonly child: ChildProcess) {}

  /**
   * Starts a reaper for a cluster; to be called before its first container is created.
   * @param directory a temporary directory that shall go away with the cluster.
   */
  static watch(cluster: string, directory?: string): Reaper {
    const extension = extname(__filename);
    const script = join(__dirname, `reaperMain${extension}`);
    // From the sources, as tests run, Node needs help with TypeScript.
    const { resolve } = createRequire(__filename);
    const loader = extension === '.ts' ? ['--require', resolve('esbuild-register')] : [];
    const argv = directory === undefined ? [cluster] : [cluster, directory];
    const child = spawn(process.execPath, [...loader, script, ...argv], {
      stdio: ['pipe', 'ignore', 'ignore'],
      // A process group of its own, so that Ctrl-C on the terminal does not end it, too.
      detached: true,
    });
    // It must not keep the runner from ending, and a broken pipe is no error of the run.
    child.on('error', () => undefined);
    child.stdin.on('error', () => undefined);
    child.unref();
    return new Reaper(child);
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Ends the reaper without removing anything. */
  async dismiss(): Promise<void> {
    if (this.child.exitCode !== null || this.child.pid === undefined) return;
    const gone = once(this.child, 'exit');
    this.child.ref();
    this.child.stdin!.end(dismissal);
    await gone;
  }
}

/**
 * Watches over what a runner started, from outside of it: a small process that clears up when the
 * runner ends in whatever way, be it Ctrl-C, an exception or SIGKILL.
 *
 * It holds the other end of a pipe, which the system closes together with the runner; nothing has
 * to be polled and no signal handler is needed. For containers it is a process of its own rather
 * than a container (Testcontainers has one) because that needs an image from a registry. Should
 * the reaper be killed as well, the next start sweeps what is left.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { extname } from 'node:path';

/** What the reaper reads when there is nothing left for it to do. */
const dismissal = 'done';

export class Reaper {
  private constructor(private readonly child: ChildProcess) {}

  /**
   * Starts a reaper; to be called before there is anything to clear up.
   * @param script its program, a module beside the caller without the extension.
   */
  static start(script: string, argv: readonly string[]): Reaper {
    const extension = extname(__filename);
    // From the sources, as tests run, Node needs help with TypeScript.
    const { resolve } = createRequire(__filename);
    const loader = extension === '.ts' ? ['--require', resolve('esbuild-register')] : [];
    const child = spawn(process.execPath, [...loader, `${script}${extension}`, ...argv], {
      stdio: ['pipe', 'ignore', 'ignore'],
      // A process group of its own, so that Ctrl-C on the terminal does not end it, too.
      detached: true,
    });
    // It must not keep the runner from ending, and a broken pipe is no error of the run.
    child.on('error', () => undefined);
    child.stdin.on('error', () => undefined);
    child.unref();
    (child.stdin as unknown as { unref?: () => void }).unref?.();
    return new Reaper(child);
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Ends the reaper without anything being cleared up. */
  async dismiss(): Promise<void> {
    if (this.child.exitCode !== null || this.child.pid === undefined) return;
    const gone = once(this.child, 'exit');
    this.child.ref();
    this.child.stdin!.end(dismissal);
    await gone;
  }
}

/** For a reaper's program: waits for the end of the runner; false when it was dismissed. */
export async function runnerHasEnded(): Promise<boolean> {
  let text = '';
  for await (const chunk of process.stdin) text += String(chunk);
  return !text.includes(dismissal);
}

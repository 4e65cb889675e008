/**
 * A check that takes long: a line on the terminal says how far it is, and Ctrl-C ends it with
 * what there is.
 *
 * Ctrl-C is taken over only while other threads work and this one is free to notice it. In every
 * other moment it ends the process at once, as it does by itself.
 */
import type { CheckProgress } from '../../threads/checkInThreads';
import { onInterrupt } from '../interrupt';
import type { Interrupt } from '../interrupt';
import type { Progress } from '../progress';

export class LongWork {
  private readonly controller = new AbortController();
  private interrupt: Interrupt | undefined;
  private isOver = false;

  /** Without a line to write on, nothing is shown. */
  constructor(
    private readonly line: Progress | undefined,
    private readonly say: (text: string) => void,
  ) {}

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  begin(): void {
    this.isOver = false;
  }

  tell(file: string, progress: CheckProgress): void {
    this.line?.update(progressText(file, progress));
    // Not reached before the end while this thread itself is busy.
    setImmediate(() => this.listen());
  }

  end(): void {
    this.isOver = true;
    this.line?.clear();
    this.interrupt?.[Symbol.dispose]();
    this.interrupt = undefined;
  }

  private listen(): void {
    if (this.isOver || this.interrupt !== undefined) return;
    this.interrupt = onInterrupt((text) => this.say(`${text}\n`));
    const { signal } = this.interrupt;
    signal.addEventListener('abort', () => this.controller.abort(signal.reason));
  }
}

export function progressText(file: string, progress: CheckProgress): string {
  const { key, parts, partsDone, nodes, reached, returns, bytes } = progress;
  const part = key === undefined || key === '' ? '' : `, key ${key}`;
  const done = parts === 1 ? '' : `${partsDone} of ${parts} parts decided${part}, `;
  const searched = `${nodes.toLocaleString('en-US')} configurations searched`;
  const held = `${Math.round(bytes / 1024 / 1024)} MiB`;
  return `${file}: ${done}${searched}, at return ${reached} of ${returns}, ${held}`;
}

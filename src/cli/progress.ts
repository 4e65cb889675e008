/**
 * Progress of long work: one line that is rewritten on a terminal, whole lines now and then
 * elsewhere (a log of CI should show life, not ten lines a second).
 */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const LINE_INTERVAL_MS = 5_000;
const REWRITE_INTERVAL_MS = 100;

export class Progress {
  private shownMs = -Infinity;
  private isOpen = false;

  constructor(
    private readonly stream: ProgressStream,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** What is going on now; shown unless the last one was shown a moment ago. */
  update(text: string): void {
    const now = this.nowMs();
    const isTerminal = this.stream.isTTY === true;
    const interval = isTerminal ? REWRITE_INTERVAL_MS : LINE_INTERVAL_MS;
    if (now - this.shownMs < interval) return;
    this.shownMs = now;
    if (!isTerminal) {
      this.stream.write(`${text}\n`);
      return;
    }
    const columns = this.stream.columns ?? 80;
    this.stream.write(`\r\u001b[K${text.slice(0, columns - 1)}`);
    this.isOpen = true;
  }

  /** A line that stays. */
  line(text: string): void {
    this.clear();
    this.stream.write(`${text}\n`);
    this.shownMs = -Infinity;
  }

  /** Removes the line that is being rewritten. */
  clear(): void {
    if (this.isOpen) this.stream.write('\r\u001b[K');
    this.isOpen = false;
  }
}

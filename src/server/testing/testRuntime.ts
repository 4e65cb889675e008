/** A clock that a test turns by hand, for what needs a Runtime but no cluster. */
import type { Runtime, Timer } from '../../runtime/runtime';

export class TestRuntime implements Runtime {
  private now = 0;
  private deferred: (() => void)[] = [];
  private timers: { readonly atMs: number; readonly run: () => void; cancelled: boolean }[] = [];
  private state = 1;

  nowMs(): number {
    return this.now;
  }

  wallMs(): number {
    return this.now;
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = { atMs: this.now + delayMs, run, cancelled: false };
    this.timers.push(timer);
    return { cancel: () => (timer.cancelled = true) };
  }

  defer(run: () => void): void {
    this.deferred.push(run);
  }

  /** A small linear congruential generator: the tests need variety, not quality. */
  random(n: number): number {
    this.state = (this.state * 48_271) % 2_147_483_647;
    return this.state % n;
  }

  /** Runs what was deferred, and what that defers, until nothing is left. */
  settle(): void {
    for (let run = this.deferred.shift(); run !== undefined; run = this.deferred.shift()) run();
  }

  /** Time passes and nothing happens, as while a process stands still. */
  stall(ms: number): void {
    this.now += ms;
  }

  /** Lets time pass, and everything happen that falls due meanwhile, in order. */
  advance(ms: number): void {
    const end = this.now + ms;
    this.settle();
    for (;;) {
      const due = this.timers
        .filter((timer) => !timer.cancelled && timer.atMs <= end)
        .sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      due.cancelled = true;
      this.now = Math.max(this.now, due.atMs);
      due.run();
      this.settle();
    }
    this.now = end;
    this.timers = this.timers.filter((timer) => !timer.cancelled);
  }
}

/**
 * The real clock, timers and randomness. Time is monotonic (`performance.now`), so that a
 * changed wall clock moves no timer and no lease. Deferred work of one turn shares one
 * `setImmediate`: it runs after everything that was already runnable, and work deferred while
 * it runs waits for the next turn, so that input is served in between.
 */
import { randomFillSync } from 'node:crypto';
import type { Runtime, Timer } from './runtime';

export class NodeRuntime implements Runtime {
  private deferred: (() => void)[] = [];
  private readonly state = randomFillSync(new Uint32Array(4));

  nowMs(): number {
    return performance.now();
  }

  wallMs(): number {
    return Date.now();
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  }

  defer(run: () => void): void {
    this.deferred.push(run);
    if (this.deferred.length === 1) setImmediate(() => this.drain());
  }

  /** Rejection sampling: the low values are as likely as the high ones for every n. */
  random(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 0x1_0000_0000) {
      throw new RangeError(`random(n) takes an integer from 1 to 2^32, not ${n}`);
    }
    const limit = 0x1_0000_0000 - (0x1_0000_0000 % n);
    let value = this.next();
    while (value >= limit) value = this.next();
    return value % n;
  }

  private drain(): void {
    const due = this.deferred;
    this.deferred = [];
    for (let i = 0; i < due.length; i++) {
      try {
        due[i]!();
      } catch (error) {
        // The rest of the turn must not be lost with the one that threw.
        const rest = due.slice(i + 1);
        if (rest.length > 0 && this.deferred.length === 0) setImmediate(() => this.drain());
        this.deferred = rest.concat(this.deferred);
        throw error;
      }
    }
  }

  /** sfc32, seeded from the system: fast, and none of its uses is a secret. */
  private next(): number {
    const s = this.state;
    const t = (s[0]! + s[1]! + s[3]!) >>> 0;
    s[3] = s[3]! + 1;
    s[0] = s[1]! ^ (s[1]! >>> 9);
    s[1] = s[2]! + (s[2]! << 3);
    s[2] = ((s[2]! << 21) | (s[2]! >>> 11)) + t;
    return t;
  }
}

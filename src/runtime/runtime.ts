/**
 * Time, timers and randomness as the members see them. Real ones are in `nodeRuntime.ts`,
 * virtual ones in the simulator: nothing else may read a clock or draw a number.
 */

/** Cancels a timer; harmless when it already fired. */
export interface Timer {
  cancel(): void;
}

export interface Runtime {
  /** Monotonic milliseconds since an arbitrary start, fractional. */
  nowMs(): number;
  /** Wall clock milliseconds since 1970: for logs and reports, never for decisions. */
  wallMs(): number;
  /** Calls `run` once, `delayMs` milliseconds from now. */
  after(delayMs: number, run: () => void): Timer;
  /** Calls `run` once, after everything that is already runnable: the end of this turn. */
  defer(run: () => void): void;
  /** An integer in [0, n). */
  random(n: number): number;
}

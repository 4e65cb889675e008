/**
 * When which fault acted: from the order to inject it until the cluster was seen to work again.
 *
 * A window begins with the order, not the fact, and ends with the verified fact, not the order:
 * an operation that overlaps it may have met the fault, one outside certainly did not.
 */
import type { FaultRecord, Operation } from '../src/history';

export interface FaultWindow {
  readonly fault: string;
  readonly targets: readonly string[];
  /** Nanoseconds on the clock of the history. */
  readonly start: number;
  /** Infinity when the fault was never seen to be healed. */
  readonly end: number;
  /** What went wrong with it, if something did. */
  readonly failure?: string;
}

/** The windows in the order of their start. */
export function faultWindows(records: readonly FaultRecord[]): readonly FaultWindow[] {
  const windows: { -readonly [K in keyof FaultWindow]: FaultWindow[K] }[] = [];
  for (const { fault, phase, targets, time, detail } of records) {
    if (phase === 'inject') {
      windows.push({ fault, targets, start: time, end: Infinity });
      continue;
    }
    const window = windows.findLast((one) => one.fault === fault && one.end === Infinity);
    if (phase === 'failed') {
      const failure = typeof detail === 'string' ? detail : 'failed';
      if (window) window.failure = failure;
      else windows.push({ fault, targets, start: time, end: Infinity, failure });
    } else if (phase === 'healed' && window) {
      window.end = time;
    }
  }
  return windows;
}

/** How many operations overlap a window: those are the ones that raced with a fault. */
export function countRacing(
  operations: readonly Operation[],
  windows: readonly FaultWindow[],
): number {
  let count = 0;
  for (const operation of operations) {
    if (windows.some(({ start, end }) => operation.call <= end && operation.return >= start)) {
      count += 1;
    }
  }
  return count;
}

/**
 * Throughput and latency over time, in equal slices.
 *
 * An operation counts in the slice in which it completed. Percentiles are exact (nearest rank),
 * taken over completed operations only: one that never returned has no latency, it is counted
 * apart as unknown.
 */
import type { Operation } from '../src/history';

export interface Buckets {
  /** The middle of each slice, in seconds. */
  readonly seconds: readonly number[];
  readonly bucketSeconds: number;
  /** Completions per second. */
  readonly ok: readonly number[];
  readonly fail: readonly number[];
  /** Operations whose outcome is unknown, per second, by the time of their call. */
  readonly info: readonly number[];
  /** Milliseconds; `null` in a slice in which nothing succeeded. */
  readonly p50: readonly (number | null)[];
  readonly p95: readonly (number | null)[];
  readonly p99: readonly (number | null)[];
  readonly max: readonly (number | null)[];
}

/** More slices than this are finer than a chart can show. */
const bucketsMax = 300;
/** Fewer operations in a slice than this make a line that is only noise. */
const operationsPerBucket = 25;
/** But a short run still gets a line rather than a few points. */
const bucketsMin = 30;
const bucketSecondsMin = 0.1;

/** Round lengths a reader can name. */
const lengths = [1, 2, 5];

/** The shortest round slice length that leaves no more slices than time and operations are for. */
export function bucketLength(seconds: number, operations: number): number {
  const slicesMax = Math.min(bucketsMax, Math.max(bucketsMin, operations / operationsPerBucket));
  for (let power = bucketSecondsMin; ; power *= 10) {
    for (const factor of lengths) {
      const length = Number((factor * power).toPrecision(3));
      if (seconds / length <= slicesMax) return length;
    }
  }
}

/** Nearest-rank percentile of ascending values; `fraction` in (0, 1]. */
export function percentile(ascending: readonly number[], fraction: number): number | null {
  if (ascending.length === 0) return null;
  return ascending[Math.max(0, Math.ceil(fraction * ascending.length) - 1)]!;
}

export function bucketsOf(operations: readonly Operation[], seconds: number): Buckets {
  const bucketSeconds = bucketLength(seconds, operations.length);
  const count = Math.max(1, Math.ceil(seconds / bucketSeconds - 1e-9));
  const latencies: number[][] = Array.from({ length: count }, () => []);
  const fail = new Array<number>(count).fill(0);
  const info = new Array<number>(count).fill(0);
  for (const { outcome, call, return: end } of operations) {
    const time = outcome === 'info' ? call : end;
    const index = Math.min(count - 1, Math.max(0, Math.floor(time / 1e9 / bucketSeconds)));
    if (outcome === 'ok') latencies[index]!.push((end - call) / 1e6);
    else if (outcome === 'fail') fail[index]! += 1;
    else info[index]! += 1;
  }
  for (const list of latencies) list.sort((a, b) => a - b);
  const perSecond = (value: number): number => value / bucketSeconds;
  return {
    seconds: latencies.map((_, i) => Number(((i + 0.5) * bucketSeconds).toFixed(3))),
    bucketSeconds,
    ok: latencies.map((list) => perSecond(list.length)),
    fail: fail.map(perSecond),
    info: info.map(perSecond),
    p50: latencies.map((list) => percentile(list, 0.5)),
    p95: latencies.map((list) => percentile(list, 0.95)),
    p99: latencies.map((list) => percentile(list, 0.99)),
    max: latencies.map((list) => percentile(list, 1)),
  };
}

/** Rounds of several targets into figures: medians, and ratios within the same round. */
import type { JobResult } from './load';

/** One target in one round. */
export interface Sample extends JobResult {
  /** Processor time of all members together: 1 is one core. */
  readonly memberCores: number;
}

export interface Figures {
  readonly case: string;
  readonly target: string;
  readonly opsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** To the base target, which ran in the same round; absent when that was not asked for. */
  readonly ratio?: number;
  readonly rounds: number;
  readonly memberCores: number;
  /** Processor time of the members for one operation: what other load does not change much. */
  readonly memberCpuMicros: number;
  readonly loadCores: number;
}

export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error('the median of nothing');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function rate({ operations, elapsedMs }: Sample): number {
  return (operations * 1000) / elapsedMs;
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** `base` are the samples of the target to compare with, round by round. */
export function figuresOf(
  name: string,
  target: string,
  samples: readonly Sample[],
  base: readonly Sample[] | undefined,
): Figures {
  const of = (pick: (sample: Sample) => number): number => median(samples.map(pick));
  const ratios = base?.map((sample, round) => rate(samples[round]!) / rate(sample));
  return {
    case: name,
    target,
    opsPerSecond: rounded(of(rate), 1),
    p50Ms: of(({ p50Ms }) => p50Ms),
    p99Ms: of(({ p99Ms }) => p99Ms),
    ...(ratios !== undefined && { ratio: rounded(median(ratios), 3) }),
    rounds: samples.length,
    memberCores: rounded(
      of(({ memberCores }) => memberCores),
      2,
    ),
    memberCpuMicros: rounded(
      of((sample) => (sample.memberCores * 1e6) / rate(sample)),
      1,
    ),
    loadCores: rounded(
      of(({ cores }) => cores),
      2,
    ),
  };
}

/**
 * Whether a store's memory is bounded, judged from outside: anonymous memory of a member against
 * the bytes that clients had written when it was measured.
 *
 * Bytes and not time is the axis, because a busy machine changes the speed and not the memory per
 * byte. Three questions, each of which catches what the others let pass:
 * - growth: does each written byte cost memory for ever? (a log that is kept in memory)
 * - level: is the plateau below the cap? (a window of 5000 entries is flat, at 8 GiB)
 * - entry size: is it bounded in bytes, or only in entries? (see `judgeEntrySize`)
 *
 * Invariant: too few samples never give a verdict, and a verdict names the figures it rests on.
 */
import { estimateSlope, median, quantile, type SlopeEstimate } from './robustSlope';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

export interface MemorySample {
  /** Payload bytes acknowledged so far. */
  readonly writtenBytes: number;
  /** Anonymous memory of the member at that moment. */
  readonly anonBytes: number;
}

export interface MemoryCriterion {
  /**
   * Bytes of memory per byte written that count as growth. Default 0.25: measured stores that
   * keep their log in memory have 1.7 and more, bounded ones 0.03 and less; ×7 from both.
   */
  readonly slopeMax?: number;
  /** Samples before this much was written do not count: caches fill. Default 256 MiB. */
  readonly warmUpBytes?: number;
  /** Samples after this much was written do not count. Default: all count. */
  readonly budgetBytes?: number;
  /** Default 1 GiB: base, live state and 512 MiB of slack. */
  readonly levelMaxBytes?: number;
  /** Fewer samples after the warm-up decide nothing. Default 24. */
  readonly samplesMin?: number;
  /** Of the resampling. Default 1. */
  readonly seed?: number;
}

/** The first budget; below it noise of 128 MiB can make a flat curve look growing. */
export const budgetBytesDefault = 1.25 * GIB;
/** How far the budget is doubled while the answer is inconclusive. */
export const budgetBytesMax = 4 * GIB;
/** At least one sample per this many bytes makes 24 of them within the first budget. */
export const sampleEveryBytes = 32 * MIB;

export const memoryDefaults = {
  slopeMax: 0.25,
  warmUpBytes: 256 * MIB,
  levelMaxBytes: GIB,
  samplesMin: 24,
} as const;

export interface MemoryJudgement {
  readonly growth: 'grows' | 'flat' | 'inconclusive' | 'too few';
  readonly level: 'under' | 'over' | 'too few';
  /** `fail` when it grows or is over the cap, `unknown` when that cannot be told yet. */
  readonly verdict: 'ok' | 'fail' | 'unknown';
  readonly samples: number;
  readonly estimate: SlopeEstimate | undefined;
  /** 95 % of the samples are at most this. */
  readonly q95Bytes: number | undefined;
  /** One sentence with the figures and the limits. */
  readonly because: string;
}

/** Judges one member. */
export function judgeMemory(
  samples: readonly MemorySample[],
  criterion: MemoryCriterion = {},
): MemoryJudgement {
  const { slopeMax, warmUpBytes, levelMaxBytes, samplesMin } = { ...memoryDefaults, ...criterion };
  const { budgetBytes = Infinity, seed = 1 } = criterion;
  const counted = samples.filter(
    ({ writtenBytes }) => writtenBytes >= warmUpBytes && writtenBytes <= budgetBytes,
  );
  const base = { samples: counted.length };
  const points = counted.map(({ writtenBytes, anonBytes }) => ({ x: writtenBytes, y: anonBytes }));
  const estimate = counted.length < samplesMin ? undefined : estimateSlope(points, { seed });
  if (estimate === undefined) {
    const because =
      `${counted.length} samples after the first ${mib(warmUpBytes)} decide nothing: ` +
      `at least ${samplesMin} are needed`;
    const tooFew = { growth: 'too few', level: 'too few', verdict: 'unknown' } as const;
    return { ...base, ...tooFew, estimate, q95Bytes: undefined, because };
  }
  const q95Bytes = quantile(
    counted.map(({ anonBytes }) => anonBytes),
    0.95,
  );
  const growth = growthOf(estimate, slopeMax);
  const level = q95Bytes > levelMaxBytes ? 'over' : 'under';
  const isBroken = growth === 'grows' || level === 'over';
  const verdict = isBroken ? 'fail' : growth === 'flat' ? 'ok' : 'unknown';
  const because =
    `${estimate.slope.toFixed(3)} bytes of memory per byte written ` +
    `[${estimate.low.toFixed(3)}, ${estimate.high.toFixed(3)}], limit ${slopeMax}; ` +
    `95 % of ${counted.length} samples are at most ${mib(q95Bytes)}, cap ${mib(levelMaxBytes)}`;
  return { ...base, growth, level, verdict, estimate, q95Bytes, because };
}

function growthOf({ low, high }: SlopeEstimate, slopeMax: number): MemoryJudgement['growth'] {
  if (low > slopeMax) return 'grows';
  return high < slopeMax ? 'flat' : 'inconclusive';
}

export interface EntrySizeJudgement {
  readonly verdict: 'ok' | 'fail' | 'unknown';
  /** Memory with large entries over memory with small ones. */
  readonly ratio: number | undefined;
  readonly because: string;
}

export interface EntrySizeCriterion {
  /** Default 1.5. */
  readonly ratioMax?: number;
  /** Default 12. */
  readonly samplesMin?: number;
}

/**
 * The same bytes, once as small and once as large entries: who bounds memory in bytes needs about
 * the same for both, who counts entries does not. The second half of each run is compared.
 */
export function judgeEntrySize(
  small: readonly MemorySample[],
  large: readonly MemorySample[],
  criterion: EntrySizeCriterion = {},
): EntrySizeJudgement {
  const { ratioMax = 1.5, samplesMin = 12 } = criterion;
  const common = Math.min(lastWritten(small), lastWritten(large));
  const halves = [small, large].map((samples) =>
    samples
      .filter(({ writtenBytes }) => writtenBytes >= common / 2 && writtenBytes <= common)
      .map(({ anonBytes }) => anonBytes),
  );
  const fewest = Math.min(...halves.map(({ length }) => length));
  if (fewest < samplesMin) {
    const because = `${fewest} samples in the second half, at least ${samplesMin} are needed`;
    return { verdict: 'unknown', ratio: undefined, because };
  }
  const [ofSmall, ofLarge] = halves.map((values) => median(values));
  const ratio = ofLarge! / ofSmall!;
  const because =
    `${mib(ofLarge!)} with large entries, ${mib(ofSmall!)} with small ones: ` +
    `ratio ${ratio.toFixed(2)}, limit ${ratioMax}`;
  return { verdict: ratio > ratioMax ? 'fail' : 'ok', ratio, because };
}

function lastWritten(samples: readonly MemorySample[]): number {
  return samples.reduce((last, { writtenBytes }) => Math.max(last, writtenBytes), 0);
}

/** `1 234 MiB` without the group: figures are compared, not admired. */
export function mib(bytes: number): string {
  const value = bytes / MIB;
  return `${Math.abs(value) < 10 ? value.toFixed(1) : Math.round(value)} MiB`;
}

/**
 * The slope of a noisy line, and how sure one can be of it.
 *
 * Theil-Sen (the median of the slopes between all pairs of points) rather than least squares: a
 * saw-tooth that drops once, as when a log is compacted, would pull a least-squares line with it.
 * The interval comes from resampling the residuals in blocks, because neighbours resemble each
 * other: a garbage collector makes waves, and single residuals would pretend to know more.
 *
 * Invariant: the same points and seed give the same interval; nothing here is random by itself.
 */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface SlopeEstimate {
  readonly slope: number;
  /** Bounds of the 95 % interval. */
  readonly low: number;
  readonly high: number;
}

export interface SlopeOptions {
  /** Default 300: the bounds then move by a few percent of the interval from seed to seed. */
  readonly resamples?: number;
  /** Default 1. */
  readonly seed?: number;
}

/** All pairs are looked at, so more points than this are thinned out first. */
export const pointsMax = 240;
const resamplesDefault = 300;
const tail = 0.025;

/** Quantile by linear interpolation between the neighbours; `values` need not be sorted. */
export function quantile(values: readonly number[], fraction: number): number {
  if (values.length === 0) throw new RangeError('a quantile of nothing: the list is empty');
  const sorted = Float64Array.from(values).sort();
  const at = (sorted.length - 1) * fraction;
  const below = Math.floor(at);
  const above = Math.min(sorted.length - 1, below + 1);
  return sorted[below]! + (at - below) * (sorted[above]! - sorted[below]!);
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Evenly chosen points, the first and the last among them. */
export function thinned(points: readonly Point[], most = pointsMax): readonly Point[] {
  if (points.length <= most) return points;
  const step = (points.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, i) => points[Math.round(i * step)]!);
}

/** Median of the slopes of all pairs with different x; undefined when there is none. */
export function theilSen(points: readonly Point[]): number | undefined {
  const slopes = new Float64Array((points.length * (points.length - 1)) / 2);
  let count = 0;
  for (let i = 0; i < points.length; i += 1) {
    const { x, y } = points[i]!;
    for (let j = i + 1; j < points.length; j += 1) {
      const dx = points[j]!.x - x;
      if (dx === 0) continue;
      slopes[count] = (points[j]!.y - y) / dx;
      count += 1;
    }
  }
  if (count === 0) return undefined;
  const sorted = slopes.subarray(0, count).sort();
  const middle = count >> 1;
  return count % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Integers below n from a seed; small and good enough to choose blocks with. */
function integers(seed: number): (n: number) => number {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n);
  };
}

/**
 * The slope with its interval.
 * @returns undefined when all points have the same x.
 */
export function estimateSlope(
  all: readonly Point[],
  options: SlopeOptions = {},
): SlopeEstimate | undefined {
  const points = thinned(all);
  const slope = theilSen(points);
  if (slope === undefined) return undefined;
  const { resamples = resamplesDefault, seed = 1 } = options;
  const intercept = median(points.map(({ x, y }) => y - slope * x));
  const fitted = points.map(({ x }) => intercept + slope * x);
  const residuals = points.map(({ y }, i) => y - fitted[i]!);
  const n = points.length;
  const block = Math.min(n, Math.ceil(1.5 * Math.sqrt(n)));
  const draw = integers(seed);
  const slopes: number[] = [];
  for (let round = 0; round < resamples; round += 1) {
    const drawn: Point[] = [];
    while (drawn.length < n) {
      const start = draw(n - block + 1);
      for (let k = 0; k < block && drawn.length < n; k += 1) {
        const at = drawn.length;
        drawn.push({ x: points[at]!.x, y: fitted[at]! + residuals[start + k]! });
      }
    }
    slopes.push(theilSen(drawn)!);
  }
  return { slope, low: quantile(slopes, tail), high: quantile(slopes, 1 - tail) };
}

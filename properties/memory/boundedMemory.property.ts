/** The memory criterion against curves of which the truth is known, with noise. */
import fc from 'fast-check';

import { estimateSlope, judgeMemory, theilSen, type MemorySample } from '../../models/memory';

const MIB = 2 ** 20;

interface Shape {
  readonly baseMiB: number;
  /** Bytes of memory per byte written. */
  readonly slope: number;
  readonly noiseMiB: number;
  /** The collector's waves: height and length in samples. */
  readonly sawToothMiB: number;
  readonly period: number;
}

/** Samples every 32 MiB up to 1.25 GiB; noise comes from the list, so that a failure shrinks. */
function curveOf(shape: Shape, noise: readonly number[]): readonly MemorySample[] {
  return noise.map((deviation, i): MemorySample => {
    const writtenMiB = (i + 1) * 32;
    const tooth = ((i % shape.period) / shape.period) * shape.sawToothMiB;
    const anonMiB = shape.baseMiB + shape.slope * writtenMiB + tooth + deviation * shape.noiseMiB;
    return { writtenBytes: writtenMiB * MIB, anonBytes: anonMiB * MIB };
  });
}

const noise = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), {
  minLength: 40,
  maxLength: 40,
});

function shapes(slope: fc.Arbitrary<number>): fc.Arbitrary<Shape> {
  return fc.record({
    slope,
    baseMiB: fc.integer({ min: 20, max: 300 }),
    noiseMiB: fc.integer({ min: 0, max: 64 }),
    sawToothMiB: fc.integer({ min: 0, max: 64 }),
    period: fc.integer({ min: 2, max: 6 }),
  });
}

const runs = { numRuns: 60 };

describe('the memory criterion', () => {
  it('never calls a store that keeps what is written flat, whatever the noise', () => {
    const grows = fc.double({ min: 0.9, max: 2.2, noNaN: true });
    fc.assert(
      fc.property(shapes(grows), noise, (shape, deviations) => {
        const { growth, verdict } = judgeMemory(curveOf(shape, deviations));
        expect({ growth, verdict }).toEqual({ growth: 'grows', verdict: 'fail' });
      }),
      runs,
    );
  });

  it('never calls a bounded store growing, whatever the noise', () => {
    fc.assert(
      fc.property(shapes(fc.constant(0)), noise, (shape, deviations) => {
        expect(judgeMemory(curveOf(shape, deviations)).verdict).not.toBe('fail');
      }),
      runs,
    );
  });

  it('calls a quiet bounded store flat', () => {
    const quiet = shapes(fc.constant(0)).map((shape) => ({ ...shape, noiseMiB: 8 }));
    fc.assert(
      fc.property(quiet, noise, (shape, deviations) => {
        expect(judgeMemory(curveOf(shape, deviations)).verdict).toBe('ok');
      }),
      runs,
    );
  });

  it('fails a plateau over the cap however flat it is', () => {
    const shape = { baseMiB: 8_192, slope: 0, noiseMiB: 8, sawToothMiB: 8, period: 3 };
    const judged = judgeMemory(curveOf(shape, new Array<number>(40).fill(0)));
    expect(judged).toMatchObject({ growth: 'flat', level: 'over', verdict: 'fail' });
    expect(judged.because).toMatch(/at most 819\d MiB, cap 1024 MiB/);
  });

  it('decides nothing on too few samples, and says how many there were', () => {
    const shape = { baseMiB: 100, slope: 2, noiseMiB: 0, sawToothMiB: 0, period: 2 };
    const judged = judgeMemory(curveOf(shape, new Array<number>(20).fill(0)));
    expect(judged).toMatchObject({ verdict: 'unknown', estimate: undefined });
    expect(judged.because).toContain('13 samples');
    expect(judgeMemory([]).verdict).toBe('unknown');
  });
});

describe('the slope', () => {
  it('does not move when fewer than a quarter of the points are moved anywhere', () => {
    const outliers = fc.array(fc.integer({ min: -10_000, max: 10_000 }), { maxLength: 8 });
    fc.assert(
      fc.property(fc.double({ min: -3, max: 3, noNaN: true }), outliers, (slope, wild) => {
        const points = Array.from({ length: 40 }, (_, x) => {
          return { x, y: slope * x + (x % 5 === 0 ? (wild[x / 5] ?? 0) : 0) };
        });
        expect(theilSen(points)).toBeCloseTo(slope, 6);
      }),
      runs,
    );
  });

  it('has an interval that the seed alone decides', () => {
    fc.assert(
      fc.property(noise, fc.integer(), (deviations, seed) => {
        const points = deviations.map((y, x) => ({ x, y: y + x / 10 }));
        const estimate = estimateSlope(points, { seed })!;
        expect(estimate.low).toBeLessThanOrEqual(estimate.high);
        expect(estimateSlope(points, { seed })).toEqual(estimate);
      }),
      { numRuns: 20 },
    );
  });

  it('needs two different amounts written', () => {
    expect(theilSen([{ x: 1, y: 1 }])).toBeUndefined();
    expect(
      estimateSlope([
        { x: 1, y: 1 },
        { x: 1, y: 5 },
      ]),
    ).toBeUndefined();
  });
});

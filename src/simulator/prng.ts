/**
 * Random streams of the simulation: one per subsystem, each named by a label.
 *
 * A string seed and a label give a 128-bit state (by seedrandom, used for that only); the draws
 * come from sfc32, which is about twenty times faster. Because every subsystem draws from its own
 * stream, one more draw in the network does not move the disk, the clock or the workload: a small
 * change of a plan stays a small change of its run, and that is what makes shrinking work.
 */
import seedrandom from 'seedrandom';

const TWO_TO_32 = 4294967296;

/** A small fast counting generator (sfc32): 128 bits of state, period of at least 2^32. */
export class Prng {
  constructor(
    private a: number,
    private b: number,
    private c: number,
    private counter: number,
  ) {}

  /** Goes on as the other one would. */
  become(other: Prng): void {
    this.a = other.a;
    this.b = other.b;
    this.c = other.c;
    this.counter = other.counter;
  }

  /** An integer in [0, 2^32). */
  uint32(): number {
    const sum = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** A number in [0, 1). */
  unit(): number {
    return this.uint32() / TWO_TO_32;
  }

  /** An integer in [0, n); 0 when n is 1 or less. */
  below(n: number): number {
    return n <= 1 ? 0 : Math.floor(this.unit() * n);
  }

  /** An integer in [low, high]. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True with the given probability; certainty draws nothing. */
  chance(probability: number): boolean {
    if (probability <= 0) return false;
    return probability >= 1 || this.unit() < probability;
  }

  /** One of the values, all equally likely. */
  pick<T>(values: readonly T[]): T {
    if (values.length === 0) throw new Error('pick wants at least one value, got none');
    return values[this.below(values.length)]!;
  }
}

/** The streams of one run, by label. Another seed may take over in the middle of it. */
export class Streams {
  private readonly streams = new Map<string, Prng>();

  constructor(private seed: string) {}

  get(label: string): Prng {
    let stream = this.streams.get(label);
    if (stream === undefined) this.streams.set(label, (stream = prng(this.seed, label)));
    return stream;
  }

  /** From now on every stream draws what it would draw at the beginning with that seed. */
  reseed(seed: string): void {
    this.seed = seed;
    for (const [label, stream] of this.streams) stream.become(prng(seed, label));
  }
}

/** The stream named `label` of the simulation with this seed. */
export function prng(seed: string, label: string): Prng {
  const source = seedrandom(`${seed}/${label}`);
  const stream = new Prng(source.int32(), source.int32(), source.int32(), source.int32());
  for (let round = 0; round < 12; round++) stream.uint32();
  return stream;
}

/**
 * Random numbers from a seed that is a text, with streams by name: a further draw in one part of
 * a run (say, the nemesis) does not move the numbers of another (a client).
 */
import seedrandom from 'seedrandom';

export class Random {
  private readonly next: () => number;

  constructor(private readonly seed: string) {
    this.next = seedrandom(seed);
  }

  /** An independent stream; the same label gives the same stream whatever was drawn before. */
  stream(label: string): Random {
    return new Random(`${this.seed}/${label}`);
  }

  /** A number in [0, 1). */
  fraction(): number {
    return this.next();
  }

  /** An integer in [0, n). */
  integer(n: number): number {
    return Math.floor(this.next() * n);
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('nothing to pick from: the list is empty');
    return items[this.integer(items.length)]!;
  }

  /** The items in random order; the argument stays as it is. */
  shuffled<T>(items: readonly T[]): T[] {
    const copy = [...items];
    for (let i = copy.length - 1; i > 0; i -= 1) {
      const j = this.integer(i + 1);
      [copy[i], copy[j]] = [copy[j]!, copy[i]!];
    }
    return copy;
  }

  /** One of the items, each as likely as its weight is large. */
  weighted<T>(items: readonly (readonly [weight: number, item: T])[]): T {
    const total = items.reduce((sum, [weight]) => sum + weight, 0);
    let left = this.next() * total;
    for (const [weight, item] of items) {
      left -= weight;
      if (left < 0) return item;
    }
    return items.at(-1)![1];
  }

  /** `mean` times a factor in [0.5, 1.5): enough spread that faults meet every phase of a term. */
  around(mean: number): number {
    return mean * (0.5 + this.next());
  }
}

/**
 * A simulated disk with a scheduler of its own, for properties: time stands still until the test
 * lets it pass, and every choice of the disk comes from one seed.
 */
import { SimDisk } from '../../src/simulator/simDisk';

/** mulberry32: a small generator, good enough to place faults, and the same everywhere. */
export function seededRandom(seed: number): (n: number) => number {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % n;
  };
}

export class TestDisk extends SimDisk {
  private readonly queue: { at: number; run: () => void }[];
  private readonly clock: { now: number };

  constructor(seed: number) {
    const queue: { at: number; run: () => void }[] = [];
    const clock = { now: 0 };
    super({
      random: seededRandom(seed),
      schedule: (delayMs, run) => {
        queue.push({ at: clock.now + delayMs, run });
        queue.sort((a, b) => a.at - b.at);
      },
    });
    this.queue = queue;
    this.clock = clock;
  }

  /** Lets the next thing that is due happen; false when nothing is. */
  step(): boolean {
    const next = this.queue.shift();
    if (next === undefined) return false;
    this.clock.now = next.at;
    next.run();
    return true;
  }

  /** Until nothing is due. */
  settle(): void {
    while (this.step());
  }
}

/**
 * The content hash: a 64-bit hash of each stored revision, and sums of such hashes.
 *
 * A sum does not depend on the order of its terms and can be subtracted from, so the state
 * machine keeps the hash of everything that is alive up to date at O(1) per change, and a
 * restored snapshot can be recomputed record by record in whatever order it arrives. It guards
 * against bugs and damage, not against an adversary who wants two contents to collide.
 */

const MULTIPLIER_LOW = 0x85ebca6b;
const MULTIPLIER_HIGH = 0xc2b2ae35;

/** Two 32-bit lanes, added and subtracted lane by lane. */
export interface Lanes {
  readonly low: number;
  readonly high: number;
}

export const ZERO_LANES: Lanes = { low: 0, high: 0 };

export function addLanes(a: Lanes, b: Lanes): Lanes {
  return { low: (a.low + b.low) >>> 0, high: (a.high + b.high) >>> 0 };
}

export function subtractLanes(a: Lanes, b: Lanes): Lanes {
  return { low: (a.low - b.low) >>> 0, high: (a.high - b.high) >>> 0 };
}

export function equalLanes(a: Lanes, b: Lanes): boolean {
  return a.low === b.low && a.high === b.high;
}

/** One exact integer below 2^53 out of the 64 bits. */
export function lanesToNumber(lanes: Lanes): number {
  return (lanes.high & 0x1fffff) * 2 ** 32 + lanes.low;
}

/**
 * Hashes a sequence of numbers, strings and bytes; their boundaries count. Loops begin with signed
 * integers: with one beyond 2^31 the engine works on doubles, in twice the time.
 */
export class Hasher {
  private low = 0x9e3779b9;
  private high = 0x7f4a7c15;

  reset(): this {
    this.low = 0x9e3779b9;
    this.high = 0x7f4a7c15;
    return this;
  }

  /** A non-negative safe integer. */
  number(value: number): this {
    this.word(value | 0);
    this.word((value / 2 ** 32) | 0);
    return this;
  }

  lanes(lanes: Lanes): this {
    this.word(lanes.low);
    this.word(lanes.high);
    return this;
  }

  string(text: string): this {
    let low = this.low | 0;
    let high = this.high | 0;
    const length = text.length;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      low = Math.imul(low ^ code, MULTIPLIER_LOW);
      low ^= low >>> 15;
      high = Math.imul(high ^ code, MULTIPLIER_HIGH);
      high ^= high >>> 13;
    }
    this.low = low;
    this.high = high;
    this.word(length);
    return this;
  }

  bytes(bytes: Uint8Array, from = 0): this {
    let low = this.low | 0;
    let high = this.high | 0;
    const length = bytes.length;
    let at = from;
    // By bytes: making a DataView costs more than it saves on what is hashed with every command.
    for (; at + 4 <= length; at += 4) {
      const word =
        bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      low = Math.imul(low ^ word, MULTIPLIER_LOW);
      low ^= low >>> 15;
      high = Math.imul(high ^ word, MULTIPLIER_HIGH);
      high ^= high >>> 13;
    }
    for (; at < length; at++) {
      low = Math.imul(low ^ bytes[at]!, MULTIPLIER_LOW);
      low ^= low >>> 15;
      high = Math.imul(high ^ bytes[at]!, MULTIPLIER_HIGH);
      high ^= high >>> 13;
    }
    this.low = low;
    this.high = high;
    this.word(length - from);
    return this;
  }

  finish(): Lanes {
    const low = Math.imul(this.low ^ (this.high >>> 16), MULTIPLIER_HIGH);
    const high = Math.imul(this.high ^ (this.low >>> 16), MULTIPLIER_LOW);
    return { low: (low ^ (low >>> 16)) >>> 0, high: (high ^ (high >>> 15)) >>> 0 };
  }

  private word(word: number): void {
    this.low = Math.imul(this.low ^ word, MULTIPLIER_LOW);
    this.low ^= this.low >>> 15;
    this.high = Math.imul(this.high ^ word, MULTIPLIER_HIGH);
    this.high ^= this.high >>> 13;
  }
}

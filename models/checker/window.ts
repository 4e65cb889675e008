/**
 * The operations that are open at a given moment of a part, each in a numbered slot.
 *
 * Moment r is just before the r-th return. An operation takes a free slot at its call and gives
 * it back at its return; one that never returned keeps it. So a set of open operations is a bit
 * mask of as many bits as operations were ever open at once, however long the history is.
 * Moving by one return costs the calls in between, in both directions: a slot's former occupant
 * is known beforehand.
 */

import { NEVER } from './decider';
import type { Part } from './decider';

const NOBODY = -1;

/** 32-bit words a set of slots needs. */
export function wordsFor(slots: number): number {
  return Math.max(1, (slots + 31) >>> 5);
}

/**
 * The operations that returned, in that order. Sorted as numbers that hold rank and index, which
 * a typed array does without asking anybody: ranks are below four times the number of operations.
 */
function byReturn(ret: Float64Array): Int32Array {
  const count = ret.length;
  const keys = new Float64Array(count);
  let finite = 0;
  for (let i = 0; i < count; i++) if (ret[i] !== NEVER) keys[finite++] = ret[i]! * count + i;
  const sorted = keys.subarray(0, finite).sort();
  const returning = new Int32Array(finite);
  for (let at = 0; at < finite; at++) returning[at] = sorted[at]! % count;
  return returning;
}

export class Window {
  /** Slots ever in use at once. */
  readonly slotCount: number;
  /** Number of returns; moment `returnCount` is the end. */
  readonly returnCount: number;
  /** The operation of each return. */
  readonly returning: Int32Array;
  /** The number of operations called before each moment. */
  readonly calledBefore: Int32Array;
  readonly slotOf: Int32Array;
  /** The operation in each slot at the current moment; stale when the slot is free. */
  readonly occupant: Int32Array;
  moment = 0;
  private readonly previous: Int32Array;

  constructor(part: Part) {
    const { call, ret } = part;
    const count = call.length;
    const finite = byReturn(ret);
    this.returning = finite;
    this.returnCount = finite.length;
    this.calledBefore = new Int32Array(finite.length + 1);
    this.slotOf = new Int32Array(count);
    this.previous = new Int32Array(count);
    const free: number[] = [];
    const holder: number[] = [];
    let next = 0;
    for (let moment = 0; moment <= finite.length; moment++) {
      const end = moment < finite.length ? ret[finite[moment]!]! : NEVER;
      for (; next < count && call[next]! < end; next++) {
        const slot = free.pop() ?? holder.length;
        this.slotOf[next] = slot;
        this.previous[next] = holder[slot] ?? NOBODY;
        holder[slot] = next;
      }
      this.calledBefore[moment] = next;
      if (moment < finite.length) free.push(this.slotOf[finite[moment]!]!);
    }
    this.slotCount = holder.length;
    this.occupant = new Int32Array(Math.max(1, holder.length)).fill(NOBODY);
    this.enter(0, this.calledBefore[0]!);
  }

  /** Goes to another moment. */
  moveTo(moment: number): void {
    if (moment > this.moment) {
      this.enter(this.calledBefore[this.moment]!, this.calledBefore[moment]!);
    } else {
      for (let i = this.calledBefore[this.moment]! - 1; i >= this.calledBefore[moment]!; i--) {
        this.occupant[this.slotOf[i]!] = this.previous[i]!;
      }
    }
    this.moment = moment;
  }

  private enter(from: number, to: number): void {
    for (let i = from; i < to; i++) this.occupant[this.slotOf[i]!] = i;
  }
}

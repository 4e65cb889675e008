/**
 * Virtual time: a queue of events in the total order (time, sequence), and a clock that jumps
 * from one event to the next.
 *
 * Invariant: of two events the earlier one runs first, and of two at the same microsecond the
 * one that was scheduled first. So a run is a function of its inputs alone. Events are plain
 * data in typed arrays (who handles it, a kind, a number, a payload), not closures, because the
 * queue turns over millions of them a second.
 */

/** Receives its events one at a time, in order. */
export interface EventHandler {
  handle(kind: number, value: number, payload: unknown): void;
}

/** Names a scheduled event, to cancel it. */
export type EventId = number;

const SLOT_BITS = 20;
const SLOTS_MAX = 1 << SLOT_BITS;

export class Scheduler {
  /** Virtual microseconds since the start; an integer. */
  nowUs = 0;
  /** Events that ran so far. */
  events = 0;

  private capacity = 256;
  private size = 0;
  private sequence = 0;
  /** Slots of pending events in heap order; cancelled ones stay until they come up. */
  private heap = new Int32Array(this.capacity);
  private times = new Float64Array(this.capacity);
  private sequences = new Float64Array(this.capacity);
  private kinds = new Int32Array(this.capacity);
  private values = new Float64Array(this.capacity);
  private generations = new Float64Array(this.capacity);
  private readonly handlers: (EventHandler | undefined)[] = [];
  private readonly payloads: unknown[] = [];
  private readonly free: number[] = [];
  private slots = 0;

  /** Runs `handler.handle(kind, value, payload)` at `atUs`, or now when that has passed. */
  schedule(
    atUs: number,
    handler: EventHandler,
    kind: number,
    value: number,
    payload: unknown,
  ): EventId {
    const slot = this.free.length > 0 ? this.free.pop()! : this.newSlot();
    this.times[slot] = atUs > this.nowUs ? Math.ceil(atUs) : this.nowUs;
    this.sequences[slot] = this.sequence++;
    this.kinds[slot] = kind;
    this.values[slot] = value;
    this.handlers[slot] = handler;
    this.payloads[slot] = payload;
    this.push(slot);
    return this.generations[slot]! * SLOTS_MAX + slot;
  }

  /** Takes an event back; harmless when it already ran. */
  cancel(id: EventId): void {
    const slot = id % SLOTS_MAX;
    if (this.generations[slot] !== Math.floor(id / SLOTS_MAX)) return;
    this.handlers[slot] = undefined;
    this.payloads[slot] = undefined;
  }

  /** Time of the next event, or Infinity when there is none. */
  nextUs(): number {
    while (this.size > 0) {
      const slot = this.heap[0]!;
      if (this.handlers[slot] !== undefined) return this.times[slot]!;
      this.pop();
      this.release(slot);
    }
    return Infinity;
  }

  /** Runs the next event; false when there is none. */
  step(): boolean {
    if (this.nextUs() === Infinity) return false;
    const slot = this.pop();
    const handler = this.handlers[slot]!;
    const payload = this.payloads[slot];
    this.nowUs = this.times[slot]!;
    this.events++;
    this.release(slot);
    handler.handle(this.kinds[slot]!, this.values[slot]!, payload);
    return true;
  }

  private newSlot(): number {
    if (this.slots === SLOTS_MAX) throw new Error(`more than ${SLOTS_MAX} events are pending`);
    if (this.slots === this.capacity) this.grow();
    return this.slots++;
  }

  private release(slot: number): void {
    this.handlers[slot] = undefined;
    this.payloads[slot] = undefined;
    this.generations[slot]!++;
    this.free.push(slot);
  }

  private grow(): void {
    this.capacity *= 2;
    this.heap = enlarged(this.heap, new Int32Array(this.capacity));
    this.times = enlarged(this.times, new Float64Array(this.capacity));
    this.sequences = enlarged(this.sequences, new Float64Array(this.capacity));
    this.kinds = enlarged(this.kinds, new Int32Array(this.capacity));
    this.values = enlarged(this.values, new Float64Array(this.capacity));
    this.generations = enlarged(this.generations, new Float64Array(this.capacity));
  }

  private isBefore(left: number, right: number): boolean {
    const leftTime = this.times[left]!;
    const rightTime = this.times[right]!;
    if (leftTime !== rightTime) return leftTime < rightTime;
    return this.sequences[left]! < this.sequences[right]!;
  }

  private push(slot: number): void {
    const heap = this.heap;
    let hole = this.size++;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const above = heap[parent]!;
      if (!this.isBefore(slot, above)) break;
      heap[hole] = above;
      hole = parent;
    }
    heap[hole] = slot;
  }

  private pop(): number {
    const heap = this.heap;
    const first = heap[0]!;
    const last = heap[--this.size]!;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= this.size) break;
      if (child + 1 < this.size && this.isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!this.isBefore(heap[child]!, last)) break;
      heap[hole] = heap[child]!;
      hole = child;
    }
    heap[hole] = last;
    return first;
  }
}

function enlarged<T extends Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

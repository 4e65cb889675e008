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
  /** When each place of the heap is due, beside it: what is compared lies together. */
  private times = new Float64Array(this.capacity);
  private sequences = new Float64Array(this.capacity);
  private kinds = new Int32Array(this.capacity);
  private values = new Float64Array(this.capacity);
  private generations = new Float64Array(this.capacity);
  /**
   * Events for this very moment, in order, in a ring: no heap for them. Whatever the heap holds
   * for the same moment was scheduled earlier, when that was the future, and so comes first.
   */
  private due = new Int32Array(64);
  private dueFirst = 0;
  private dueCount = 0;
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
    this.kinds[slot] = kind;
    this.values[slot] = value;
    this.handlers[slot] = handler;
    this.payloads[slot] = payload;
    if (atUs > this.nowUs) this.push(slot, Math.ceil(atUs), this.sequence++);
    else this.pushDue(slot);
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
    while (this.size > 0 && this.handlers[this.heap[0]!] === undefined) this.release(this.pop());
    const laterUs = this.size > 0 ? this.times[0]! : Infinity;
    if (laterUs === this.nowUs) return laterUs;
    while (this.dueCount > 0 && this.handlers[this.due[this.dueFirst]!] === undefined) {
      this.release(this.nextDue());
    }
    return this.dueCount > 0 ? this.nowUs : laterUs;
  }

  /** Runs the next event; false when there is none, or none up to `untilUs`. */
  step(untilUs = Number.MAX_VALUE): boolean {
    const atUs = this.nextUs();
    if (atUs > untilUs) return false;
    const isLater = this.size > 0 && this.times[0]! === atUs;
    const slot = isLater ? this.pop() : this.nextDue();
    const handler = this.handlers[slot]!;
    const payload = this.payloads[slot];
    this.nowUs = atUs;
    this.events++;
    this.release(slot);
    handler.handle(this.kinds[slot]!, this.values[slot]!, payload);
    return true;
  }

  private pushDue(slot: number): void {
    const { length } = this.due;
    if (this.dueCount === length) {
      const larger = new Int32Array(2 * length);
      for (let i = 0; i < length; i++) larger[i] = this.due[(this.dueFirst + i) & (length - 1)]!;
      this.due = larger;
      this.dueFirst = 0;
    }
    this.due[(this.dueFirst + this.dueCount++) & (this.due.length - 1)] = slot;
  }

  private nextDue(): number {
    const slot = this.due[this.dueFirst]!;
    this.dueFirst = (this.dueFirst + 1) & (this.due.length - 1);
    this.dueCount--;
    return slot;
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

  private push(slot: number, time: number, sequence: number): void {
    const { heap, times, sequences } = this;
    let hole = this.size++;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      // Whoever is pushed has the newest sequence: only an earlier time takes it further up.
      if (times[parent]! <= time) break;
      heap[hole] = heap[parent]!;
      times[hole] = times[parent]!;
      sequences[hole] = sequences[parent]!;
      hole = parent;
    }
    heap[hole] = slot;
    times[hole] = time;
    sequences[hole] = sequence;
  }

  private pop(): number {
    const { heap, times, sequences } = this;
    const first = heap[0]!;
    const end = --this.size;
    const time = times[end]!;
    const sequence = sequences[end]!;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= end) break;
      let childTime = times[child]!;
      if (child + 1 < end) {
        const other = times[child + 1]!;
        const isEarlier = sequences[child + 1]! < sequences[child]!;
        if (other < childTime || (other === childTime && isEarlier)) {
          child++;
          childTime = other;
        }
      }
      if (childTime > time || (childTime === time && sequences[child]! > sequence)) break;
      heap[hole] = heap[child]!;
      times[hole] = childTime;
      sequences[hole] = sequences[child]!;
      hole = child;
    }
    heap[hole] = heap[end]!;
    times[hole] = time;
    sequences[hole] = sequence;
    return first;
  }
}

function enlarged<T extends Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

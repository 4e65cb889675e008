/**
 * Requests that wait for the log, by sequence number. All get the same timeout, so the oldest
 * one always expires first and a look at the head of the queue on each tick is enough: there is
 * no timer per request.
 */

interface Waiter<Result> {
  readonly sequence: number;
  readonly deadlineMs: number;
  readonly bytes: number;
  readonly done: (result: Result) => void;
}

export class Waiters<Result> {
  /** In order of arrival; a Map iterates in insertion order and sequence numbers only grow. */
  private readonly waiting = new Map<number, Waiter<Result>>();
  private bytesWaiting = 0;

  get count(): number {
    return this.waiting.size;
  }

  get bytes(): number {
    return this.bytesWaiting;
  }

  add(sequence: number, deadlineMs: number, bytes: number, done: (result: Result) => void): void {
    this.waiting.set(sequence, { sequence, deadlineMs, bytes, done });
    this.bytesWaiting += bytes;
  }

  /** Answers one request; false when nobody waits for it (any more). */
  settle(sequence: number, result: Result): boolean {
    const waiter = this.waiting.get(sequence);
    if (waiter === undefined) return false;
    this.remove(waiter);
    waiter.done(result);
    return true;
  }

  /** Answers every request whose deadline is reached. */
  expire(nowMs: number, result: (waitedFor: number) => Result): void {
    if (this.waiting.size === 0) return;
    for (const waiter of this.waiting.values()) {
      if (waiter.deadlineMs > nowMs) return;
      this.remove(waiter);
      waiter.done(result(waiter.sequence));
    }
  }

  settleAll(result: Result): void {
    const all = [...this.waiting.values()];
    this.waiting.clear();
    this.bytesWaiting = 0;
    for (const waiter of all) waiter.done(result);
  }

  private remove(waiter: Waiter<Result>): void {
    this.waiting.delete(waiter.sequence);
    this.bytesWaiting -= waiter.bytes;
  }
}

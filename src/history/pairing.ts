/**
 * Pairs events into operations while they stream past.
 *
 * Invariant: an operation's place in the result is the place of its invocation. An invocation
 * without a completion, and one completed with `info`, are the same thing: unknown for ever.
 * A failed line leaves the pairing unusable; readers turn it into an error with its place.
 */

import type { EventType, HistoryEvent, Operation, Outcome } from './types';

interface Draft {
  id: number;
  process: number;
  f: string;
  key: string | undefined;
  input: unknown;
  output: unknown;
  call: number;
  return: number;
  outcome: Outcome;
  rev: number | undefined;
  mod: number | undefined;
  error: string | undefined;
  member: string | undefined;
  callIndex: number;
  returnIndex: number;
}

/** The fields of a completion; the text formats have only some of them. */
export interface Completion {
  readonly type: Outcome;
  readonly value?: unknown;
  readonly rev?: number | undefined;
  readonly mod?: number | undefined;
  readonly error?: string | undefined;
  readonly member?: string | undefined;
}

export class Pairing {
  private readonly drafts: Draft[] = [];
  private readonly open = new Map<number, Draft>();
  private eventCount = 0;
  private lastTime = -Infinity;
  private ordered = true;

  get events(): number {
    return this.eventCount;
  }

  /** Throws an Error with a reason, no place, when the event contradicts an earlier one. */
  add(event: HistoryEvent): void {
    if (event.type === 'invoke') this.invoke(event);
    else this.complete(event.id, event.time, event as HistoryEvent & { type: Outcome });
  }

  invoke(event: Omit<HistoryEvent, 'type'> & { readonly type?: EventType }): void {
    if (this.open.has(event.id)) {
      throw new Error(`operation ${event.id} is invoked a second time`);
    }
    const draft: Draft = {
      id: event.id,
      process: event.process,
      f: event.f,
      key: event.key,
      input: event.value,
      output: undefined,
      call: this.tick(event.time),
      return: Infinity,
      outcome: 'info',
      rev: undefined,
      mod: undefined,
      error: undefined,
      member: event.member,
      callIndex: this.eventCount++,
      returnIndex: Infinity,
    };
    this.open.set(event.id, draft);
    this.drafts.push(draft);
  }

  complete(id: number, time: number, completion: Completion): void {
    const draft = this.open.get(id);
    if (draft === undefined) {
      throw new Error(`operation ${id} completes without being open`);
    }
    this.open.delete(id);
    this.tick(time);
    const index = this.eventCount++;
    draft.outcome = completion.type;
    draft.error = completion.error;
    if (completion.member !== undefined) draft.member = completion.member;
    if (completion.type === 'info') return;
    draft.output = completion.value;
    draft.return = time;
    draft.returnIndex = index;
    draft.rev = completion.rev;
    draft.mod = completion.mod;
  }

  /** The operations so far; the pairing may go on afterwards and owns nothing of the copy. */
  operations(): Operation[] {
    const copies = this.drafts.map((draft) => ({ ...draft }));
    return this.inOrder(copies);
  }

  /** The operations without a copy: the pairing ends here. */
  finish(): Operation[] {
    this.open.clear();
    return this.inOrder(this.drafts);
  }

  private tick(time: number): number {
    if (time < this.lastTime) this.ordered = false;
    else this.lastTime = time;
    return time;
  }

  private inOrder(drafts: Draft[]): Draft[] {
    if (this.ordered) return drafts;
    return drafts.sort((a, b) => a.call - b.call || a.callIndex - b.callIndex);
  }
}

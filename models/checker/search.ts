/**
 * The general search: decides any model, depth first, over configurations of small integers.
 *
 * The algorithm is Wing and Gong's search with Lowe's memory of configurations, on top of these
 * reductions, each of which keeps some linearization whenever there is one:
 *
 * - *Just in time*: a configuration stands at the next return whose operation is not linearized.
 * - *Observers are greedy*: one that is open and allowed is linearized at once; moving it forward
 *   changes no state and breaks no order.
 * - *Optional operations*: an open operation that would change nothing here, or that is allowed
 *   anywhere while an overwrite is about to erase its effect, may count as done without giving
 *   up its use until its return. Operations with unknown outcome are optional from the start.
 *   At the return of an optional operation there are two ways on: to pass it, or to insist that
 *   it is linearized for its effect first. Anything else can as well wait until it has passed.
 * - *Nothing before its time*: an operation that does not return next is only put before the one
 *   that does where the order of the two matters (`isIdleBefore`).
 * - *Twins*: of open operations with the same action the one that returns first goes first.
 * - *No idle overwrite*: an overwrite is not followed by another before something saw it.
 *
 * Two bits per slot say how its operation stands:
 *
 * | usable | optional |                                                       |
 * |--------|----------|-------------------------------------------------------|
 * | 0      | 0        | done, or the slot is free                             |
 * | 1      | 0        | must be linearized before its return                  |
 * | 1      | 1        | may be linearized before its return                   |
 * | 0      | 1        | about to return and must be linearized for its effect |
 */

import type { Effect } from '../model';
import type { Budget } from './budget';
import { Configurations } from './configurations';
import { NEVER } from './decider';
import type { Part } from './decider';
import { REFUSED } from './stateSpace';
import type { StateSpace } from './stateSpace';
import { Window, wordsFor } from './window';

export type SearchOutcome = 'found' | 'exhausted' | 'budget';

const ROOT = -1;
const NOTHING = -1;
/** Large states fill the heap between two looks at the clock. */
const bytesBetweenLooks = 4 * 1024 * 1024;
/** Steps that linearize nothing: the operation that returns next counts as done ... */
const PASS = -1;
/** ... or must be linearized for its effect; `idle` as in `collect`. */
const INSIST = -2;
const INSIST_IDLE = -3;

const OBSERVER = 1;
const OVERWRITE = 2;
/** Allowed in every state. */
const TOTAL = 4;
const kindOf: Readonly<Record<Effect, number>> = {
  observe: OBSERVER,
  overwrite: OVERWRITE | TOTAL,
  update: TOTAL,
  any: 0,
};

export class Search<State> {
  /** Why the outcome is `budget`. */
  reason = '';
  /** The configuration that got furthest in time. */
  furthest = 0;
  readonly window: Window;
  readonly configurations: Configurations;
  private readonly words: number;
  private readonly usable: Int32Array;
  private readonly optional: Int32Array;
  private state: number;
  /** Of each operation: OBSERVER, OVERWRITE and TOTAL, as far as they hold. */
  private readonly kinds: Uint8Array;
  /** Triples: configuration, operation to linearize next, the state after it. */
  private agenda: Int32Array = new Int32Array(64);
  private agendaLength = 0;
  private readonly candidates: Int32Array;
  /**
   * Of each action twice two numbers: its best candidate and the round in which that is valid,
   * first among the mandatory ones, then among the optional ones.
   */
  private readonly best: Int32Array;
  private round = 0;
  private bytesNextLook: number;
  /** Triples, of each slot: the state and operation it was last asked about, and the answer. */
  private readonly asked: Int32Array;

  constructor(
    private readonly part: Part,
    private readonly space: StateSpace<State>,
    private readonly budget: Budget,
  ) {
    this.window = new Window(part);
    this.words = wordsFor(this.window.slotCount);
    this.usable = new Int32Array(this.words);
    this.optional = new Int32Array(this.words);
    this.configurations = new Configurations(this.words, budget.bytesMax);
    this.state = space.initial;
    this.bytesNextLook = Math.min(budget.bytesMax, bytesBetweenLooks);
    const count = part.operations.length;
    this.kinds = new Uint8Array(count);
    for (let i = 0; i < count; i++) {
      this.kinds[i] = kindOf[space.effect(space.actionOf[i]!)];
    }
    this.asked = new Int32Array(3 * this.window.slotCount).fill(NOTHING);
    this.candidates = new Int32Array(2 * this.window.slotCount + 1);
    this.best = new Int32Array(4 * space.actionCount);
  }

  run(): SearchOutcome {
    this.budget.follow(() => ({
      bytes: this.space.bytes + this.configurations.bytes,
      reached: this.configurations.moment(this.furthest),
      returns: this.window.returnCount,
    }));
    const outcome = this.explore();
    this.budget.follow(undefined);
    return outcome;
  }

  private explore(): SearchOutcome {
    this.open(0, this.window.calledBefore[0]!);
    this.settle();
    let outcome = this.record(ROOT, ROOT, false);
    while (outcome === undefined) {
      if (this.agendaLength === 0) return 'exhausted';
      const next = this.agenda[--this.agendaLength]!;
      const operation = this.agenda[--this.agendaLength]!;
      const parent = this.agenda[--this.agendaLength]!;
      this.window.moveTo(this.configurations.moment(parent));
      this.state = this.configurations.state(parent);
      this.configurations.load(parent, this.usable, this.optional);
      outcome = this.record(parent, operation, this.take(operation, next));
    }
    return outcome;
  }

  /** Keeps the current configuration if it is new and puts what can follow it on the agenda. */
  private record(parent: number, operation: number, idle: boolean): SearchOutcome | undefined {
    if (!this.budget.spend()) return this.giveUp(this.budget.exhausted!);
    const bytes = this.space.bytes + this.configurations.bytes;
    if (bytes > this.bytesNextLook) {
      if (bytes > this.budget.bytesMax) return this.giveUp(this.bytesReason());
      this.bytesNextLook = bytes + bytesBetweenLooks;
      if (!this.budget.look()) return this.giveUp(this.budget.exhausted!);
    }
    const { moment } = this.window;
    const { state, usable, optional } = this;
    const index = this.configurations.add(moment, state, usable, optional, parent, operation);
    if (index === -1) return undefined;
    if (index === -2) return this.giveUp(this.bytesReason());
    if (moment > this.configurations.moment(this.furthest)) this.furthest = index;
    if (moment === this.window.returnCount) {
      this.furthest = index;
      return 'found';
    }
    this.plan(index, parent, operation, idle);
    return undefined;
  }

  private giveUp(reason: string): 'budget' {
    this.reason = reason;
    return 'budget';
  }

  private bytesReason(): string {
    return `the limit of ${this.budget.bytesMax} bytes of configurations and states is reached`;
  }

  /** Operations called meanwhile become usable, those with unknown outcome as optional. */
  private open(from: number, to: number): void {
    const { ret } = this.part;
    for (let i = from; i < to; i++) {
      const slot = this.window.slotOf[i]!;
      const bit = 1 << (slot & 31);
      this.usable[slot >>> 5]! |= bit;
      if (ret[i] === NEVER) this.optional[slot >>> 5]! |= bit;
    }
  }

  /** Takes one step of the agenda. True when it was an overwrite that nothing saw so far. */
  private take(step: number, next: number): boolean {
    const { moment } = this.window;
    if (step < 0) {
      const slot = this.window.slotOf[this.window.returning[moment]!]!;
      const bit = 1 << (slot & 31);
      this.usable[slot >>> 5]! &= ~bit;
      if (step !== PASS) return step === INSIST_IDLE;
      this.optional[slot >>> 5]! &= ~bit;
      this.settle();
      return false;
    }
    this.linearize(step, next);
    const observed = this.settle();
    return this.is(step, OVERWRITE) && !observed && moment === this.window.moment;
  }

  private is(operation: number, kind: number): boolean {
    return (this.kinds[operation]! & kind) !== 0;
  }

  private linearize(operation: number, next: number): void {
    this.state = next;
    const slot = this.window.slotOf[operation]!;
    const keep = ~(1 << (slot & 31));
    this.usable[slot >>> 5]! &= keep;
    this.optional[slot >>> 5]! &= keep;
    if (!this.is(operation, OVERWRITE)) return;
    for (let w = 0; w < this.words; w++) {
      let bits = this.usable[w]! & ~this.optional[w]!;
      while (bits !== 0) {
        const bit = bits & -bits;
        bits ^= bit;
        const other = this.window.occupant[(w << 5) + 31 - Math.clz32(bit)]!;
        if (this.is(other, TOTAL)) this.optional[w]! |= bit;
      }
    }
  }

  /**
   * Linearizes what needs no decision and passes the returns of what is done.
   * True when an operation was found to agree with the state.
   */
  private settle(): boolean {
    let observed = false;
    for (;;) {
      if (this.observe()) observed = true;
      const { moment } = this.window;
      let next = moment;
      while (next < this.window.returnCount && this.canReturn(this.window.returning[next]!)) {
        next++;
        // An operation called between the two returns may be the next to return.
        this.open(this.window.calledBefore[next - 1]!, this.window.calledBefore[next]!);
        if (this.window.calledBefore[next] !== this.window.calledBefore[next - 1]) break;
      }
      if (next === moment) return observed;
      this.window.moveTo(next);
    }
  }

  /** Whether the operation is done. */
  private canReturn(operation: number): boolean {
    const slot = this.window.slotOf[operation]!;
    return (((this.usable[slot >>> 5]! | this.optional[slot >>> 5]!) >>> (slot & 31)) & 1) === 0;
  }

  /** The state after an open operation, or REFUSED: the latest answers are kept at hand. */
  private nextOf(slot: number, operation: number): number {
    const { asked, state } = this;
    const at = 3 * slot;
    if (asked[at] === state && asked[at + 1] === operation) return asked[at + 2]!;
    const next = this.space.next(state, this.space.actionOf[operation]!);
    asked[at] = state;
    asked[at + 1] = operation;
    asked[at + 2] = next;
    return next;
  }

  /** Open operations that agree with the state as it is: observers are done, others optional. */
  private observe(): boolean {
    let observed = false;
    for (let w = 0; w < this.words; w++) {
      let bits = this.usable[w]! & ~this.optional[w]!;
      while (bits !== 0) {
        const bit = bits & -bits;
        bits ^= bit;
        const slot = (w << 5) + 31 - Math.clz32(bit);
        const operation = this.window.occupant[slot]!;
        if (this.nextOf(slot, operation) !== this.state) continue;
        if (!this.is(operation, TOTAL)) observed = true;
        if (this.is(operation, OBSERVER)) this.usable[w]! &= ~bit;
        else this.optional[w]! |= bit;
      }
    }
    return observed;
  }

  /**
   * Puts the steps that may come next on the agenda, the operation that returns first on top.
   * `latest` is the step that led here from the parent.
   */
  private plan(index: number, parent: number, latest: number, idle: boolean): void {
    const { window } = this;
    const due = window.returning[window.moment]!;
    const slot = window.slotOf[due]!;
    if (((this.usable[slot >>> 5]! & this.optional[slot >>> 5]!) >>> (slot & 31)) & 1) {
      this.push(index, idle ? INSIST_IDLE : INSIST, NOTHING);
      this.push(index, PASS, NOTHING);
      return;
    }
    let count = this.collect(idle);
    const { candidates } = this;
    const { ret } = this.part;
    for (let i = 1; i < count; i++) {
      const operation = candidates[i]!;
      let at = i;
      while (at > 0 && ret[candidates[at - 1]!]! < ret[operation]!) {
        candidates[at] = candidates[at - 1]!;
        at--;
      }
      candidates[at] = operation;
    }
    const isDueOnTop = count > 0 && candidates[count - 1] === due;
    if (isDueOnTop && this.isIdleBefore(parent, latest, due)) {
      count--;
    }
    for (let i = 0; i < count; i++) {
      const operation = candidates[i]!;
      this.push(index, operation, this.nextOf(window.slotOf[operation]!, operation));
    }
  }

  /**
   * Whether `due`, which returns next, need not come right after `latest`, the operation that led
   * from the parent to here: the other order is allowed and leads to the same state.
   *
   * Why that loses nothing. Let P be the parent and w what completes P latest due. Then
   * `due latest w` completes P, for nothing was settled by `latest` that P without it lacks. P is
   * known, stands at the same moment, and has one open operation more. If P due is left out as
   * well, the argument goes on with the parent of P, as long as such steps led to it; the first of
   * them is tried with `due`, and stands at a later moment. So of the configurations that can be
   * completed there is one at the last moment of all, which is the end.
   *
   * Overwrites are not looked at: they settle what they erase.
   */
  private isIdleBefore(parent: number, latest: number, due: number): boolean {
    if (latest < 0 || this.is(latest, OVERWRITE) || this.is(due, OVERWRITE)) return false;
    const { configurations, window, space } = this;
    if (configurations.moment(parent) !== window.moment) return false;
    const slot = window.slotOf[latest]!;
    if (!configurations.isWithout(parent, slot, this.usable, this.optional)) return false;
    const dueFirst = space.next(configurations.state(parent), space.actionOf[due]!);
    if (dueFirst === REFUSED) return false;
    const after = this.nextOf(window.slotOf[due]!, due);
    return space.next(dueFirst, space.actionOf[latest]!) === after;
  }

  private push(configuration: number, step: number, next: number): void {
    if (this.agendaLength + 3 > this.agenda.length) {
      const grown = new Int32Array(2 * this.agenda.length);
      grown.set(this.agenda);
      this.agenda = grown;
    }
    this.agenda[this.agendaLength++] = configuration;
    this.agenda[this.agendaLength++] = step;
    this.agenda[this.agendaLength++] = next;
  }

  /** Whether an overwrite, even one that leaves the state as it is, would free an operation. */
  private hasErasable(): boolean {
    for (let w = 0; w < this.words; w++) {
      let bits = this.usable[w]! & ~this.optional[w]!;
      while (bits !== 0) {
        const bit = bits & -bits;
        bits ^= bit;
        const operation = this.window.occupant[(w << 5) + 31 - Math.clz32(bit)]!;
        if (this.is(operation, TOTAL)) return true;
      }
    }
    return false;
  }

  /** Fills `candidates`; gives their number. */
  private collect(idle: boolean): number {
    const { ret } = this.part;
    const round = ++this.round;
    const { candidates, best } = this;
    const erases = this.hasErasable();
    let seen = 0;
    for (let w = 0; w < this.words; w++) {
      // Optional but not usable is the operation that is insisted on.
      let bits = this.usable[w]! | this.optional[w]!;
      while (bits !== 0) {
        const bit = bits & -bits;
        bits ^= bit;
        const slot = (w << 5) + 31 - Math.clz32(bit);
        const operation = this.window.occupant[slot]!;
        if (idle && this.is(operation, OVERWRITE)) continue;
        const action = this.space.actionOf[operation]!;
        const isOptional = (this.usable[w]! & this.optional[w]! & bit) !== 0;
        const at = 4 * action + (isOptional ? 2 : 0);
        if (best[at + 1] === round) {
          if (ret[operation]! < ret[best[at]!]!) best[at] = operation;
          continue;
        }
        best[at] = operation;
        best[at + 1] = round;
        const next = this.nextOf(slot, operation);
        const isUseful = next !== this.state || (erases && this.is(operation, OVERWRITE));
        if (next !== REFUSED && isUseful) {
          // Negative: the optional candidate of its action.
          candidates[seen++] = isOptional ? -1 - action : action;
        }
      }
    }
    let count = 0;
    for (let i = 0; i < seen; i++) {
      const entry = candidates[i]!;
      const action = entry < 0 ? -1 - entry : entry;
      const operation = best[4 * action + (entry < 0 ? 2 : 0)]!;
      const isTwinBetter =
        entry < 0 && best[4 * action + 1] === round && ret[best[4 * action]!]! <= ret[operation]!;
      if (!isTwinBetter) candidates[count++] = operation;
    }
    return count;
  }
}

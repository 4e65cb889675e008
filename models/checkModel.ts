/**
 * Tries a model: does it keep the promises that the checker relies on and cannot check itself?
 *
 * What a model claims for the sake of speed is believed, so a claim that is false gives a false
 * verdict. Here all operations are played from every state they lead to, each part for itself,
 * breadth first and up to a limit. What is found is a mistake for certain; that nothing is found
 * proves nothing about states that were not reached.
 */

import type { Operation } from '../src/history';
import { describeOperation, describeState } from './checker/explain';
import { partition } from './checker/parts';
import type { Effect, Model } from './model';
import { stateText } from './stateText';

export interface CheckModelOptions {
  /** States looked at in each part. Default 200. */
  readonly statesMax?: number;
}

const statesMaxDefault = 200;
const mistakesMax = 20;

type Text = string | number;

interface Reached<State> {
  readonly state: State;
  readonly text: Text;
  /** As the checker sees it, after the quotient. */
  readonly seen: State;
  readonly hash: Text;
  /** The hash after each operation; undefined where it is not allowed. */
  readonly row: (Text | undefined)[];
}

/** The mistakes that were found, a sentence each; empty when there was none. */
export function checkModel<State>(
  model: Model<State>,
  operations: readonly Operation[],
  options: CheckModelOptions = {},
): readonly string[] {
  if (model.init() === undefined) return ['init gives undefined, which is no state but ILLEGAL'];
  const found = partition(operations, model).flatMap((part) =>
    new Trial(model, part.operations, options.statesMax ?? statesMaxDefault).run(),
  );
  return [...new Set(found)].slice(0, mistakesMax);
}

class Trial<State> {
  private readonly mistakes: string[] = [];
  private readonly reached: Reached<State>[] = [];
  private readonly texts = new Set<Text>();
  private readonly byHash = new Map<Text, readonly Reached<State>[]>();
  private readonly hash: (state: State) => Text;
  private readonly represent: (state: State) => State;

  constructor(
    private readonly model: Model<State>,
    private readonly operations: readonly Operation[],
    private readonly statesMax: number,
  ) {
    this.hash = model.hash ?? stateText;
    this.represent = model.quotient?.(operations) ?? ((state) => state);
  }

  run(): readonly string[] {
    this.reach(this.model.init());
    for (let at = 0; at < this.reached.length; at++) {
      const from = this.reached[at]!;
      for (const operation of this.operations) from.row.push(this.play(from, operation));
      this.holdLabels(from);
      this.holdHash(from);
    }
    this.operations.forEach((operation, i) => this.holdOverwrite(operation, i));
    return this.mistakes;
  }

  /** What a state holds, as finely as it can be told. */
  private textOf(state: State): Text {
    try {
      return stateText(state);
    } catch (error) {
      if (this.model.hash === undefined) throw error;
      return this.model.hash(state);
    }
  }

  private reach(state: State): void {
    const text = this.textOf(state);
    if (this.texts.has(text) || this.reached.length >= this.statesMax) return;
    this.texts.add(text);
    const seen = this.represent(state);
    this.reached.push({ state, text, seen, hash: this.hash(seen), row: [] });
  }

  /** Plays one operation from one state, twice. */
  private play({ state, text }: Reached<State>, operation: Operation): Text | undefined {
    const name = (): string => describeOperation(this.model, operation);
    const next = this.model.step(state, operation);
    const nextText = next === undefined ? undefined : this.textOf(next);
    if (this.textOf(state) !== text) {
      // The state is spoiled: nothing that comes from it means anything.
      this.mistakes.push(`${name()} changes the state it is given: ${String(text)}`);
      return undefined;
    }
    const again = this.model.step(state, operation);
    if (nextText !== (again === undefined ? undefined : this.textOf(again))) {
      this.mistakes.push(`${name()} leads to two states from ${this.shown(state)}`);
    }
    this.holdEffect(state, text, operation, nextText);
    if (next === undefined) return undefined;
    this.reach(next);
    return this.hash(this.represent(next));
  }

  private holdEffect(
    state: State,
    text: Text,
    operation: Operation,
    nextText: Text | undefined,
  ): void {
    const effect = this.model.effect?.(operation) ?? 'any';
    const claim = (what: string): void => {
      const name = describeOperation(this.model, operation);
      this.mistakes.push(`${name} has the effect "${effect}" but ${what} ${this.shown(state)}`);
    };
    const isTotal = ({ update: true, overwrite: true } as Partial<Record<Effect, true>>)[effect];
    if (isTotal && nextText === undefined) claim('is not allowed in');
    if (effect === 'observe' && nextText !== undefined && nextText !== text) claim('changes');
  }

  /** An overwrite leads to one state from everywhere. */
  private holdOverwrite(operation: Operation, at: number): void {
    if (this.model.effect?.(operation) !== 'overwrite') return;
    const results = new Set(this.reached.map(({ row }) => row[at]));
    results.delete(undefined);
    if (results.size < 2) return;
    const name = describeOperation(this.model, operation);
    this.mistakes.push(`${name} has the effect "overwrite" but leads to ${results.size} states`);
  }

  /** Operations of one label go the same way. */
  private holdLabels({ state, row }: Reached<State>): void {
    const { label } = this.model;
    if (label === undefined) return;
    const first = new Map<string, number>();
    this.operations.forEach((operation, i) => {
      const text = label(operation);
      const name = `${typeof text} ${text} ${operation.f}`;
      const other = first.get(name) ?? i;
      first.set(name, other);
      if (row[other] === row[i]) return;
      const names = [other, i].map((at) => describeOperation(this.model, this.operations[at]!));
      this.mistakes.push(
        `${names.join(' and ')} have the label ${text} but differ from ${this.shown(state)}`,
      );
    });
  }

  /** States that count as equal answer alike. */
  private holdHash(one: Reached<State>): void {
    const alike = this.byHash.get(one.hash) ?? [];
    this.byHash.set(one.hash, [...alike, one]);
    for (const other of alike) {
      if (this.model.equal?.(one.seen, other.seen) === false) continue;
      const differs = one.row.findIndex((result, i) => result !== other.row[i]);
      if (differs === -1) continue;
      const name = describeOperation(this.model, this.operations[differs]!);
      const states = [other, one].map(({ state }) => this.shown(state));
      this.mistakes.push(
        `${states.join(' and ')} count as one state, but ${name} tells them apart`,
      );
    }
  }

  private shown(state: State): string {
    return describeState(this.model, state);
  }
}

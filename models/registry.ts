/**
 * The models by name, and which of them a history calls for.
 *
 * A registered model has its state hidden, so that all of them have one type. A history names
 * its model in the meta line; else the operations tell: the first model in the list that knows
 * all of them, the strictest first.
 */

import type { History, Operation } from '../src/history';
import { checkLinearizable, divide } from './checker/linearizability';
import type { CheckOptions, DividedCheck, Verdict } from './checker/linearizability';
import { describeOperation } from './checker/explain';
import { etcd } from './etcd';
import { counterexamples } from './explain/counterexample';
import type { Counterexample, CounterexampleOptions } from './explain/counterexample';
import { pictureOf } from './explain/picture';
import type { Picture } from './explain/picture';
import { etcdRegister } from './etcdRegister';
import { kv } from './kv';
import { lease } from './lease';
import { lock } from './lock';
import type { Model } from './model';
import { queue } from './queue';
import { register } from './register';
import { set } from './set';

export interface RegisteredModel {
  readonly name: string;
  /** What it models, in a few words. */
  readonly summary: string;
  /** Whether every operation of the history is one of the model's. */
  readonly fits: (history: History) => boolean;
  readonly check: (history: History, options?: CheckOptions) => Verdict;
  /** The check in steps. */
  readonly divide: (history: History | readonly Operation[]) => DividedCheck;
  readonly describeOperation: (operation: Operation) => string;
  /** A minimal counterexample for each part that failed. */
  readonly counterexamples: (
    history: History,
    verdict: Verdict,
    options?: CounterexampleOptions,
  ) => readonly Counterexample[];
  /** What a picture of the checked history needs. */
  readonly picture: (
    history: History,
    verdict: Verdict,
    options?: CounterexampleOptions,
  ) => Picture;
}

interface Registration {
  readonly summary: string;
  readonly needs?: (operation: Operation) => boolean;
}

function registered<State>(model: Model<State>, registration: Registration): RegisteredModel {
  const { summary, needs } = registration;
  const known = new Set(model.operations);
  return {
    name: model.name,
    summary,
    fits: (history) =>
      history.operations.length > 0 &&
      history.operations.every((o) => known.has(o.f) && needs?.(o) !== false),
    check: (history, options) => checkLinearizable(history, model, options),
    divide: (history) => divide(history, model),
    describeOperation: (operation) => describeOperation(model, operation),
    counterexamples: (history, verdict, options) =>
      counterexamples(history, model, verdict, options),
    picture: (history, verdict, options) => pictureOf(history, model, verdict, options),
  };
}

/** Whether the answer says at which revision it was given, as an etcd register's must. */
function hasRevision({ outcome, f, rev, mod, error }: Operation): boolean {
  if (outcome === 'info' || (outcome === 'fail' && error !== undefined)) return true;
  return rev !== undefined && (f !== 'read' || mod !== undefined);
}

/** Tells a put of etcd from that of a plain kv store, whose value is a text. */
function hasRequest({ f, input }: Operation): boolean {
  return f !== 'put' || (typeof input === 'object' && input !== null);
}

/** The strictest first. */
export const registeredModels: readonly RegisteredModel[] = [
  registered(etcdRegister(), {
    summary: 'registers whose answers carry the revision of the store',
    needs: hasRevision,
  }),
  registered(register(), {
    summary: 'registers: read, write, cas; a failed cas saw another value',
  }),
  registered(register({ name: 'cas-register', failedCas: 'nothing' }), {
    summary: 'registers: read, write, cas; a failed cas says nothing',
  }),
  registered(etcd(), {
    summary: 'the store of etcd: range, put, delete, txn, compact, with revisions',
    needs: hasRequest,
  }),
  registered(kv(), {
    summary: 'text under keys: get, put, append, delete',
  }),
  registered(set(), { summary: 'sets: add, remove, contains, read' }),
  registered(queue(), { summary: 'first-in first-out queues: enqueue, dequeue' }),
  registered(lock(), { summary: 'locks: acquire, release' }),
  registered(lease(), { summary: 'leases: grant, keep alive, revoke, time to live' }),
];

export function modelNamed(name: string): RegisteredModel | undefined {
  return registeredModels.find((model) => model.name === name);
}

/** The model a history calls for; undefined when no model knows its operations. */
export function modelFor(history: History): RegisteredModel | undefined {
  const { model } = history.meta;
  const named = typeof model === 'string' ? modelNamed(model) : undefined;
  return named ?? registeredModels.find(({ fits }) => fits(history));
}

/**
 * Fills in what a model leaves out, so that a model of ten lines is searched as fast as one that
 * says everything.
 *
 * Which operations are alike decides how much a search costs: twenty increments by twenty clients
 * are one action, or twenty. A model that does not say is watched: its step is given operations
 * that notice which of their fields it asks for. Operations of one name that only differ in fields
 * that were never asked for (who did it, when, at which revision) are alike. When a field is asked
 * for that was not before, the search begins anew with labels that hold it. What a step never
 * looked at cannot have changed what it gave, so a finished search rests on nothing that is not
 * in the labels.
 */

import type { Operation } from '../src/history';
import type { Budget } from './checker/budget';
import type { Decision, Part } from './checker/decider';
import { decideBySearch } from './checker/searchDecider';
import type { Model } from './model';
import { stateText } from './stateText';

/** The fields that were asked for, of the operations of each name. */
class AskedFields {
  private readonly fields = new Map<string, Set<string>>();
  size = 0;

  has(name: string, field: string): boolean {
    return this.fields.get(name)?.has(field) === true;
  }

  add(name: string, field: string): void {
    if (field === 'f' || this.has(name, field)) return;
    this.fields.set(name, (this.fields.get(name) ?? new Set()).add(field));
    this.size++;
  }

  /** What the operation says in these fields, and its name. */
  labelOf(operation: Operation): string {
    const label: string[] = [JSON.stringify(operation.f)];
    for (const field of this.fields.get(operation.f) ?? []) {
      const isThere = Object.hasOwn(operation, field);
      label.push(isThere ? String(stateText(operation[field as keyof Operation])) : '-');
    }
    return label.join(' ');
  }
}

/** The general search, for a model that may not say what is alike. */
export function decideCompleted<State>(part: Part, model: Model<State>, budget: Budget): Decision {
  if (model.label !== undefined) return decideBySearch(part, model, budget);
  const asked = new AskedFields();
  probe(part, model, asked);
  for (;;) {
    const before = asked.size;
    try {
      const decision = decideBySearch(part, watchedModel(model, asked), budget);
      if (asked.size === before) return decision;
    } catch (error) {
      // Whatever went wrong may come of labels that were too coarse.
      if (asked.size === before) throw error;
    }
  }
}

/** What the first step of each kind asks for: mostly all that any ever does. */
function probe<State>({ operations }: Part, model: Model<State>, asked: AskedFields): void {
  const seen = new Set<string>();
  for (const operation of operations) {
    const kind = `${operation.f} ${operation.outcome}`;
    if (seen.has(kind)) continue;
    seen.add(kind);
    const watched = watchedOperation(operation, (field) => asked.add(operation.f, field));
    try {
      model.effect?.(watched);
      model.step(model.init(), watched);
    } catch {
      // It need not be possible in the first state; the search shows whether it matters.
    }
  }
}

/** A model whose step and effect may ask for the known fields; asking for another ends it. */
function watchedModel<State>(model: Model<State>, asked: AskedFields): Model<State> {
  const watched = new Map<Operation, Operation>();
  const watch = (operation: Operation): Operation => {
    let one = watched.get(operation);
    if (one === undefined) {
      const { f } = operation;
      one = watchedOperation(operation, (field) => {
        if (field === 'f' || asked.has(f, field)) return;
        asked.add(f, field);
        throw new Error(`the labels of ${f} lack "${field}"`);
      });
      watched.set(operation, one);
    }
    return one;
  };
  const { effect, step } = model;
  return {
    ...model,
    step: (state, operation) => step(state, watch(operation)),
    ...(effect === undefined ? {} : { effect: (operation) => effect(watch(operation)) }),
    label: (operation) => asked.labelOf(operation),
  };
}

function watchedOperation(operation: Operation, note: (field: string) => void): Operation {
  return new Proxy(operation, {
    get: (target, field) => {
      if (typeof field === 'string') note(field);
      return Reflect.get(target, field) as unknown;
    },
  });
}

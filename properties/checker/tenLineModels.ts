/**
 * The built-in objects again, as somebody writes them who has ten minutes: the step, the parts and
 * what each operation does, and nothing for the sake of speed.
 *
 * What the checker costs on them is compared with the built-in models, whose procedures are left
 * out.
 */

import { ILLEGAL } from '../../models';
import type { Model } from '../../models';

export const plainRegister: Model<unknown> = {
  name: 'plain register',
  init: () => null,
  partition: ({ key }) => key ?? '',
  step: (value, { f, input, output, outcome }) => {
    if (f === 'read') return outcome === 'info' || output === value ? value : ILLEGAL;
    if (f === 'write') return input;
    const [from, to] = input as readonly [unknown, unknown];
    if (outcome === 'fail') return value === from ? ILLEGAL : value;
    return value === from ? to : outcome === 'info' ? value : ILLEGAL;
  },
  observesFailure: ({ f, error }) => f === 'cas' && error === undefined,
  effect: ({ f, outcome }) => {
    if (f === 'read' || outcome === 'fail') return 'observe';
    return f === 'write' ? 'overwrite' : 'any';
  },
};

export const plainSet: Model<ReadonlySet<unknown>> = {
  name: 'plain set',
  init: () => new Set(),
  step: (state, { f, input, output, outcome }) => {
    const isAnswer = (value: unknown): boolean => outcome === 'info' || output === value;
    if (f === 'read') {
      const seen = new Set(output as readonly unknown[] | undefined);
      return outcome === 'info' || isSame(seen, state) ? state : ILLEGAL;
    }
    if (f === 'contains') return isAnswer(state.has(input)) ? state : ILLEGAL;
    const next = new Set(state);
    const changes = f === 'add' ? next.size < next.add(input).size : next.delete(input);
    return isAnswer(changes) ? next : ILLEGAL;
  },
  effect: ({ f }) => (f === 'read' || f === 'contains' ? 'observe' : 'any'),
};

function isSame(a: ReadonlySet<unknown>, b: ReadonlySet<unknown>): boolean {
  return a.size === b.size && [...a].every((element) => b.has(element));
}

export const plainQueue: Model<readonly unknown[]> = {
  name: 'plain queue',
  init: () => [],
  step: (state, { f, input, output, outcome }) => {
    if (f === 'enqueue') return [...state, input];
    return outcome === 'info' || output === (state[0] ?? null) ? state.slice(1) : ILLEGAL;
  },
  effect: ({ f, outcome }) => (f === 'enqueue' || outcome === 'info' ? 'update' : 'any'),
};

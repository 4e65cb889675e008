/**
 * Small histories for comparing checkers: valid ones, nearly valid ones and garbage.
 *
 * A plan fixes how the events interleave and what each operation asks. Executing it takes each
 * operation's effect at a point between its call and its return, so what comes out is
 * linearizable; then a few answers may be spoiled. Everything is data, so it shrinks well.
 */

import fc from 'fast-check';
import type { Operation, Outcome } from '../../src/history';

/** One operation to be: who, what, and how many other events pass before it acts and returns. */
export interface PlannedOperation {
  readonly f: string;
  readonly key: string | undefined;
  readonly input: unknown;
  /** Events of others between the call and the effect, and between the effect and the return. */
  readonly delay: number;
  readonly hold: number;
  /** Whether its client never hears back; then the effect may also not happen. */
  readonly crash: 'no' | 'afterEffect' | 'beforeEffect';
  /** Replaces the output if not undefined. */
  readonly spoiled: unknown;
}

/** The answer of the system under test: a plain sequential object. */
export interface Subject {
  apply(operation: PlannedOperation): {
    readonly outcome: Exclude<Outcome, 'info'>;
    readonly output: unknown;
    readonly rev?: number;
    readonly mod?: number;
  };
}

interface Running {
  readonly planned: PlannedOperation;
  readonly id: number;
  readonly process: number;
  readonly call: number;
  effectAt: number;
  returnAt: number;
}

/** Runs a plan against a subject with at most `clients` operations open at once. */
export function execute(
  plan: readonly PlannedOperation[],
  subject: Subject,
  clients: number,
): Operation[] {
  const operations: Operation[] = [];
  const open: Running[] = [];
  const answers = new Map<number, ReturnType<Subject['apply']>>();
  let clock = 0;
  let nextProcess = clients;
  const idle = Array.from({ length: clients }, (_, i) => i);

  const finishOne = (): void => {
    open.sort((a, b) => a.returnAt - b.returnAt || a.id - b.id);
    const running = open.shift()!;
    const due = [running, ...open].filter(
      (other) => !answers.has(other.id) && other.effectAt <= running.returnAt,
    );
    due.sort((a, b) => a.effectAt - b.effectAt || a.id - b.id);
    for (const other of due) {
      if (other.planned.crash === 'beforeEffect') continue;
      answers.set(other.id, subject.apply(other.planned));
    }
    const { planned, id, process, call } = running;
    const { f, key, input, spoiled } = planned;
    const asked = { id, process, f, key, input, call, callIndex: call };
    if (planned.crash !== 'no') {
      operations.push({ ...asked, output: undefined, return: Infinity, outcome: 'info' });
      idle.push(nextProcess++);
    } else {
      const { outcome, output, rev, mod } = answers.get(id)!;
      const end = { return: clock, returnIndex: clock++ };
      const shown = spoiled === undefined ? output : spoiled;
      operations.push({ ...asked, ...end, outcome, output: shown, rev, mod });
      idle.push(process);
    }
  };

  plan.forEach((planned, id) => {
    while (idle.length === 0 || (open.length > 0 && open.some((o) => o.returnAt < id))) finishOne();
    const call = clock++;
    const effectAt = id + planned.delay;
    const returnAt = effectAt + planned.hold;
    open.push({ planned, id, process: idle.shift()!, call, effectAt, returnAt });
  });
  while (open.length > 0) finishOne();
  return operations.sort((a, b) => a.call - b.call);
}

export interface PlanOptions {
  readonly lengthMax: number;
  /** f and input together. */
  readonly request: fc.Arbitrary<{
    readonly f: string;
    readonly input: unknown;
    /** Instead of one of `keys`. */
    readonly key?: string;
  }>;
  readonly keys?: readonly string[];
  /** Outputs to put in place of the true ones. */
  readonly garbage: fc.Arbitrary<unknown>;
  /** f of the operations whose output may be spoiled. */
  readonly spoils: readonly string[];
}

/** Plans in which about one in ten operations crashes and some answers are spoiled. */
export function plans(options: PlanOptions): fc.Arbitrary<PlannedOperation[]> {
  const { request, garbage, keys, lengthMax, spoils } = options;
  const crash = fc.oneof(
    { weight: 8, arbitrary: fc.constant('no' as const) },
    { weight: 1, arbitrary: fc.constantFrom('afterEffect' as const, 'beforeEffect' as const) },
  );
  const spoiled = fc.oneof(
    { weight: 7, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: garbage },
  );
  return fc.array(
    fc
      .record({
        request,
        key: keys === undefined ? fc.constant(undefined) : fc.constantFrom(...keys),
        delay: fc.nat(4),
        hold: fc.nat(4),
        crash,
        spoiled,
      })
      .map(({ request: { f, input, key }, spoiled: lie, ...rest }) => ({
        ...rest,
        key: key ?? rest.key,
        f,
        input,
        spoiled: spoils.includes(f) ? lie : undefined,
      })),
    { minLength: 1, maxLength: lengthMax },
  );
}

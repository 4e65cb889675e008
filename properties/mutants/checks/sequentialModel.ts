/**
 * The state machine beside the naive model: random commands, reads and histories, one after the
 * other. What needs no cluster to go wrong goes wrong here.
 */
import fc from 'fast-check';
import { Refused, StateMachine } from '../../../src/kv';
import { commands, rangeRequests } from '../../kv/commands';
import { NaiveModel } from '../../kv/naiveModel';
import { show } from '../../kv/show';
import { describeError } from './check';
import type { Finding } from './check';

const SENTENCE = 'The store answers every request as the model of etcd does.';
const RUNS = 6;

/** A few keys of all that a filter lets pass: where a limit must count what passed. */
const pages = fc
  .tuple(rangeRequests, fc.integer({ min: 1, max: 3 }), fc.nat(20))
  .map(([request, limit, minModRevision]) => ({
    ...request,
    key: '\0',
    rangeEnd: '\0',
    limit,
    revision: 0,
    sortOrder: 'none' as const,
    countOnly: false,
    minModRevision,
  }));

const inputs = fc.tuple(
  fc.array(commands, { maxLength: 40, size: 'max' }),
  fc.constantFrom(0, 1, 1000),
  fc.array(fc.oneof(rangeRequests, pages), { minLength: 1, maxLength: 20, size: 'max' }),
);

export function checkSequentialModel(seed: number): Finding | undefined {
  const property = fc.property(inputs, ([list, pace, reads]) => {
    const machine = new StateMachine({ compactionChangesPerCommand: pace });
    const model = new NaiveModel();
    list.forEach((command, i) => {
      compare(
        `command ${i + 1}`,
        () => machine.apply(command, i + 1),
        () => model.apply(command),
      );
    });
    for (const request of reads) {
      compare(
        'a range',
        () => machine.range(request),
        () => model.range(request),
      );
    }
    for (let from = 1; from <= machine.revision; from++) {
      compare(
        `the history from ${from}`,
        () => machine.history(from).revisions,
        () => model.history(from),
      );
    }
  });
  const { failed, error } = reportOf(property, seed);
  return failed ? { check: 'sequentialModel', sentence: SENTENCE, details: error } : undefined;
}

function reportOf(property: Parameters<typeof fc.check>[0], seed: number) {
  const details = fc.check(property, { seed, numRuns: RUNS, endOnFailure: true });
  const { failed, errorInstance } = details as { failed: boolean; errorInstance: unknown };
  return { failed, error: describeError(errorInstance) };
}

function compare(what: string, actual: () => unknown, wanted: () => unknown): void {
  const left = show(attempt(actual));
  const right = show(attempt(wanted));
  if (left !== right) throw new Error(`${what} gives ${left}, the model ${right}`);
}

function attempt(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    if (error instanceof Refused) return error;
    throw error;
  }
}

/**
 * A register that is read, written and compared-and-set: Jepsen's classic workload.
 *
 * Values are JSON scalars; a register nobody wrote holds null. Each key is a register of its own.
 * A failed cas without an error saw a value other than the one it compared with; with an error it
 * was refused and saw nothing. Some tools count every failed cas as "did not happen": that is
 * `failedCas: 'nothing'`.
 */

import type { Operation } from '../src/history';
import { ModelError } from './modelError';
import type { Effect, Model } from './model';
import { precheck } from './registerPrecheck';
import { casOf, registerOperations, registerValue } from './registerValue';
import type { RegisterValue } from './registerValue';
import { zones } from './registerZones';

export interface RegisterOptions {
  /** Default `register`. */
  readonly name?: string;
  /** Default null. */
  readonly initial?: RegisterValue;
  /** What a failed cas without an error tells. Default `observation`. */
  readonly failedCas?: 'observation' | 'nothing';
  /** Whether a read of null is one that saw nothing, as some logs have it. Default false. */
  readonly nullReadMatchesAll?: boolean;
}

export function isObservedFailure(operation: Operation): boolean {
  return operation.f === 'cas' && operation.error === undefined;
}

export function registerEffect(operation: Operation): Effect {
  if (operation.f === 'write') return 'overwrite';
  if (operation.f === 'read' || operation.outcome === 'fail') return 'observe';
  const [from, to] = casOf(operation);
  return from === to ? 'observe' : 'any';
}

export function describeRegisterOperation(operation: Operation): string {
  const { f, key, input, output, outcome } = operation;
  const target = key === undefined ? '' : `${key}`;
  const join = target === '' ? '' : ', ';
  if (f === 'read') {
    return `read(${target}) -> ${outcome === 'ok' ? JSON.stringify(output) : outcome}`;
  }
  const argument =
    f === 'cas' ? casOf(operation).map((value) => JSON.stringify(value)) : [JSON.stringify(input)];
  const end = outcome === 'ok' ? '' : outcome === 'fail' ? ' -> failed' : ' -> unknown';
  return `${f}(${target}${join}${argument.join(', ')})${end}`;
}

export function registerStep(
  value: RegisterValue,
  operation: Operation,
): RegisterValue | undefined {
  switch (operation.f) {
    case 'read':
      return operation.outcome === 'info' || registerValue(operation.output) === value
        ? value
        : undefined;
    case 'write':
      return registerValue(operation.input);
    case 'cas': {
      const [from, to] = casOf(operation);
      if (operation.outcome === 'fail') return value !== from ? value : undefined;
      if (value === from) return to;
      return operation.outcome === 'info' ? value : undefined;
    }
    default:
      throw new ModelError(operation, `a register has no "${operation.f}"`);
  }
}

/** Two values that nothing reads or compares with look alike to all of these operations. */
function quotient(operations: readonly Operation[]): (value: RegisterValue) => RegisterValue {
  const observed = new Set<RegisterValue>();
  for (const operation of operations) {
    if (operation.f === 'read') observed.add(registerValue(operation.output));
    else if (operation.f === 'cas') observed.add(casOf(operation)[0]);
  }
  // A representative that no operation can name: values of histories are never this text.
  const unobserved = '\u0000unobserved';
  return (value) => (observed.has(value) ? value : unobserved);
}

export function register(options: RegisterOptions = {}): Model<RegisterValue> {
  const initial = options.initial ?? null;
  const failedCas = options.failedCas ?? 'observation';
  const nullReadMatchesAll = options.nullReadMatchesAll ?? false;
  return {
    name: options.name ?? 'register',
    operations: registerOperations,
    init: () => initial,
    step: nullReadMatchesAll
      ? (value, operation) => (isNullRead(operation) ? value : registerStep(value, operation))
      : registerStep,
    observesFailure: failedCas === 'observation' ? isObservedFailure : () => false,
    partition: (operation) => operation.key ?? '',
    effect: registerEffect,
    label: registerLabel,
    quotient,
    deciders: nullReadMatchesAll
      ? []
      : [precheck(initial, describeRegisterOperation), zones(initial, describeRegisterOperation)],
    describeOperation: describeRegisterOperation,
    describeState: (value) => JSON.stringify(value),
  };
}

function isNullRead(operation: Operation): boolean {
  return operation.f === 'read' && registerValue(operation.output) === null;
}

/** What a step sees of an operation, as text. */
function registerLabel(operation: Operation): string {
  const { f, input, output, outcome } = operation;
  if (f === 'read') return `read ${JSON.stringify(registerValue(output))} ${outcome}`;
  return `${f} ${JSON.stringify(input)} ${outcome}`;
}

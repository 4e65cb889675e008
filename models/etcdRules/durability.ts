/**
 * What was acknowledged is still there: each change that was answered with `ok` is in the final
 * reads, or a later change has replaced it.
 *
 * "Later" goes by revision, the order that the store itself gave to its changes. A final read
 * shows per key the revision of its last change; an acknowledged change of the same key with a
 * higher one is lost. For a key that is gone a deletion must exist that can explain it: an
 * acknowledged one with a higher revision, or one whose outcome is unknown.
 *
 * This repeats part of what the linearizability check decides, on purpose: it is linear, so it
 * gives an answer where that one runs out of budget, and its counterexample is one line long.
 */
import type {
  DeleteInput,
  EtcdOutput,
  Operation,
  PutInput,
  RangeInput,
  RangeOutput,
  TxnInput,
  TxnOperation,
  TxnOutput,
} from '../../src/history';
import { ruleResult } from './rule';
import type { RuleResult } from './rule';

export interface Change {
  readonly operation: Operation;
  readonly key: string;
  /** What the key holds afterwards; null for a deletion, undefined when it cannot be known. */
  readonly value: unknown;
  readonly rev: number;
}

interface FinalState {
  readonly operation: Operation;
  /** Revision of the store when it was read. */
  readonly rev: number;
  /** Revision of the last change; 0 when the key is gone. */
  readonly mod: number;
  readonly value: unknown;
}

interface LostChange {
  readonly change: Operation;
  readonly read: Operation;
  readonly why: string;
}

/** What an acknowledged operation changed, one entry a key. Empty when it changed nothing. */
export function changesOf(operation: Operation, keys: readonly string[]): readonly Change[] {
  const { f, key = '', input, output, rev = 0 } = operation;
  const change = (changed: string, value: unknown): Change => {
    return { operation, key: changed, value, rev };
  };
  switch (f) {
    case 'write':
      return [change(key, input)];
    case 'cas':
      return [change(key, (input as readonly unknown[])[1])];
    case 'append':
      return [change(key, undefined)];
    case 'put': {
      if (typeof input !== 'object') return [change(key, input)];
      // With a lease nobody knows how long it stays.
      return isLeased(input) ? [] : [change(key, (input as PutInput).value)];
    }
    case 'delete': {
      // Whether a deletion changed anything is only known where the answer says so.
      const deleted = (output as { readonly deleted?: number } | undefined)?.deleted;
      if (deleted === 0 || deleted === undefined) return [];
      return keysIn(key, (input as DeleteInput | undefined)?.end, keys).map((one) =>
        change(one, null),
      );
    }
    case 'txn':
      return txnChanges(input as TxnInput, output as TxnOutput, keys).map(([one, value]) =>
        change(one, value),
      );
    default:
      return [];
  }
}

function isLeased(input: unknown): boolean {
  const { lease = '0' } = (input ?? {}) as Partial<PutInput>;
  return lease !== '0' && lease !== '';
}

function txnChanges(
  input: TxnInput,
  output: TxnOutput,
  keys: readonly string[],
): readonly (readonly [string, unknown])[] {
  const branch = output.succeeded ? input.success : input.failure;
  return branch.flatMap((operation: TxnOperation, i) => {
    const result: EtcdOutput | undefined = output.results[i];
    switch (operation.f) {
      case 'range':
        return [];
      case 'put':
        return [[operation.key, operation.value.value] as const];
      case 'delete': {
        const deleted = result && 'deleted' in result ? result.deleted : 0;
        if (deleted === 0) return [];
        const gone = keysIn(operation.key, operation.value.end, keys);
        return gone.map((key) => [key, null] as const);
      }
      case 'txn':
        return result && 'results' in result
          ? txnChanges(operation.value, result as TxnOutput, keys)
          : [];
    }
  });
}

function keysIn(key: string, end: string | undefined, keys: readonly string[]): readonly string[] {
  if (end === undefined) return [key];
  return keys.filter((one) => one >= key && (end === '\0' || one < end));
}

/** Whether an operation can have deleted a key although nobody knows that it happened. */
function mayDelete(operation: Operation, key: string): boolean {
  const { f, outcome, input } = operation;
  if (f === 'put') return outcome !== 'fail' && isLeased(input) && operation.key === key;
  if (f === 'delete') {
    // Without a count nobody knows which acknowledged deletion met the key.
    const counted = (operation.output as { readonly deleted?: number } | undefined)?.deleted;
    const isOpen = outcome === 'info' || (outcome === 'ok' && counted === undefined);
    const { end } = (input ?? {}) as DeleteInput;
    return isOpen && keysIn(operation.key ?? '', end, [key]).includes(key);
  }
  if (f !== 'txn' || outcome !== 'info') return false;
  const deletes = ({ success, failure }: TxnInput): boolean =>
    [...success, ...failure].some((one) => {
      if (one.f === 'txn') return deletes(one.value);
      return one.f === 'delete' && keysIn(one.key, one.value.end, [key]).includes(key);
    });
  return deletes(input as TxnInput);
}

/** The state of every key in the final reads, newest read last. */
function finalStates(
  reads: readonly Operation[],
  keys: readonly string[],
): ReadonlyMap<string, readonly FinalState[]> {
  const states = new Map<string, FinalState[]>();
  const add = (key: string, state: FinalState): void => {
    const list = states.get(key);
    if (list) list.push(state);
    else states.set(key, [state]);
  };
  for (const operation of reads) {
    const { f, key, output, rev = 0, mod = 0, outcome } = operation;
    if (outcome !== 'ok') continue;
    if (f !== 'range') {
      if (key !== undefined) add(key, { operation, rev, mod, value: output ?? null });
      continue;
    }
    const { kvs } = output as RangeOutput;
    const { end } = (operation.input ?? {}) as RangeInput;
    for (const one of keysIn(key!, end, keys)) {
      const kv = kvs.find((candidate) => candidate.key === one);
      add(one, { operation, rev, mod: kv?.mod ?? 0, value: kv?.value ?? null });
    }
  }
  return states;
}

export interface DurabilityInput {
  readonly operations: readonly Operation[];
  /** The final reads among them. */
  readonly finalReads: readonly Operation[];
  readonly keys: readonly string[];
}

/** The first acknowledged change that the final reads do not show, and how many were looked for. */
function findLostChange({ operations, finalReads, keys }: DurabilityInput): {
  readonly changes: number;
  readonly keysRead: number;
  readonly lost: LostChange | undefined;
} {
  const newest = new Map<string, Change>();
  let changes = 0;
  for (const operation of operations) {
    if (operation.outcome !== 'ok' || !operation.rev) continue;
    for (const change of changesOf(operation, keys)) {
      changes += 1;
      const known = newest.get(change.key);
      if (!known || change.rev > known.rev) newest.set(change.key, change);
    }
  }
  const states = finalStates(finalReads, keys);
  for (const [key, change] of newest) {
    for (const state of states.get(key) ?? []) {
      const why = whyLost(change, state, operations);
      if (why !== undefined) {
        const lost = { change: change.operation, read: state.operation, why };
        return { changes, keysRead: states.size, lost };
      }
    }
  }
  return { changes, keysRead: states.size, lost: undefined };
}

function whyLost(
  { key, rev, value }: Change,
  state: FinalState,
  operations: readonly Operation[],
): string | undefined {
  if (state.rev < rev) {
    return `${key} was changed at revision ${rev}, but the final read is of revision ${state.rev}`;
  }
  if (state.mod > rev) return undefined;
  if (state.mod === rev) {
    if (value === undefined || JSON.stringify(value) === JSON.stringify(state.value)) {
      return undefined;
    }
    return `${key} was changed at revision ${rev}, but the final read shows another value of it`;
  }
  if (state.mod > 0) {
    return (
      `${key} was changed at revision ${rev}, but the final read shows it as it was ` +
      `at revision ${state.mod}`
    );
  }
  if (value === null || operations.some((operation) => mayDelete(operation, key))) {
    return undefined;
  }
  return `${key} was changed at revision ${rev}, but the final read does not find it`;
}

const rule = {
  rule: 'durable',
  promise: 'What was acknowledged is still there at the end, or was replaced later',
};

export interface DurabilityResult extends RuleResult {
  readonly keysRead: number;
}

export function checkDurability(input: DurabilityInput): DurabilityResult {
  const { changes, keysRead, lost } = findLostChange(input);
  const looked = keysRead === 0 ? 0 : changes;
  const nothing = changes === 0 ? 'no acknowledged change has a revision' : 'no final read';
  const violation = lost && { message: lost.why, operations: [lost.change, lost.read] };
  return { ...ruleResult(rule, looked, violation, nothing), looked: changes, keysRead };
}

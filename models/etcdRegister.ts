/**
 * Registers in one store that numbers its changes: read, write and cas as an etcd client makes
 * them, each answer with the revision of its header and reads with the key's mod revision.
 *
 * It is stricter than `register`: an answer must also be of the right revision. A read served
 * from an old revision with an old header has a value that other reads may still have seen; only
 * revision and real time together show that it is stale.
 */

import type { History, Operation, WatchedChange } from '../src/history';
import { ModelError } from './modelError';
import { labelByAnswer } from './model';
import type { Effect, Model } from './model';
import { decideBySearch } from './checker/searchDecider';
import { describeRegisterOperation, isObservedFailure } from './register';
import { casOf, registerOperations, registerValue } from './registerValue';
import type { RegisterValue } from './registerValue';
import { revisions } from './revisions';
import type { Change, Replica, RevisionedStore, Role, Sight } from './revisionedStore';

interface Cell {
  readonly value: RegisterValue;
  readonly mod: number;
}

/** The whole store; keys that were never written are not in it. */
export interface EtcdRegisterState {
  readonly revision: number;
  readonly cells: Readonly<Record<string, Cell>>;
}

export interface EtcdRegisterOptions {
  /** Revision of the store before the first operation. Default 1, that of an empty etcd. */
  readonly initialRevision?: number;
  /** All changes from the first revision on. Default: those of the history, if any. */
  readonly watch?: readonly WatchedChange[];
}

const missing: Cell = { value: null, mod: 0 };

/** A sentence when the answer cannot be right for this cell at this revision. */
function faultOf(operation: Operation, cell: Cell, revision: number): string | undefined {
  const { f, outcome, rev, mod } = operation;
  if (outcome === 'info') return undefined;
  const isChange = outcome === 'ok' && f !== 'read';
  const due = isChange ? revision + 1 : revision;
  if (rev !== undefined && rev !== due) return `its revision would be ${due}, not ${rev}`;
  const held = `${operation.key ?? 'the register'} held ${JSON.stringify(cell.value)}`;
  if (f === 'read') {
    if (registerValue(operation.output) !== cell.value) {
      return `at revision ${revision} ${held}, written at revision ${cell.mod}`;
    }
    if (mod !== undefined && mod !== cell.mod) {
      return `at revision ${revision} the last change was at revision ${cell.mod}, not ${mod}`;
    }
  } else if (f === 'cas') {
    const matches = casOf(operation)[0] === cell.value;
    if (matches !== (outcome === 'ok')) return `at revision ${revision} ${held}`;
  }
  return undefined;
}

/** The value the operation gives the cell; undefined when it changes nothing. */
function newValueOf(operation: Operation, cell: Cell): RegisterValue | undefined {
  switch (operation.f) {
    case 'read':
      return undefined;
    case 'write':
      return registerValue(operation.input);
    case 'cas': {
      if (operation.outcome === 'fail') return undefined;
      const [from, to] = casOf(operation);
      return from === cell.value ? to : undefined;
    }
    default:
      throw new ModelError(operation, `a register has no "${operation.f}"`);
  }
}

function step(state: EtcdRegisterState, operation: Operation): EtcdRegisterState | undefined {
  const key = operation.key ?? '';
  const cell = state.cells[key] ?? missing;
  if (faultOf(operation, cell, state.revision) !== undefined) return undefined;
  const value = newValueOf(operation, cell);
  if (value === undefined) return state;
  const revision = state.revision + 1;
  return { revision, cells: { ...state.cells, [key]: { value, mod: revision } } };
}

class RegisterReplica implements Replica {
  private readonly cells = new Map<string, Cell>();

  constructor(private revision: number) {}

  apply(operation: Operation): string | undefined {
    const key = operation.key ?? '';
    const cell = this.cells.get(key) ?? missing;
    const fault = faultOf(operation, cell, this.revision);
    if (fault !== undefined) return fault;
    const value = newValueOf(operation, cell);
    if (value !== undefined) this.cells.set(key, { value, mod: ++this.revision });
    return undefined;
  }

  changes(operation: Operation): readonly Change[] {
    const key = operation.key ?? '';
    const value = newValueOf(operation, this.cells.get(key) ?? missing);
    return value === undefined ? [] : [{ key, value }];
  }

  describe(): string {
    const cells = [...this.cells].sort(([a], [b]) => (a < b ? -1 : 1));
    const shown = cells.map(([key, { value }]) => `${key} = ${JSON.stringify(value)}`);
    return `revision ${this.revision}: ${shown.join(', ')}`;
  }
}

function roleOf({ f, outcome, rev }: Operation): Role {
  if (outcome === 'info') return 'unknown';
  if (rev === undefined) return 'unplaced';
  return outcome === 'ok' && f !== 'read' ? 'change' : 'observe';
}

function sightsOf(operation: Operation): readonly Sight[] {
  const { f, key = '', output, mod } = operation;
  if (f !== 'read' || mod === undefined) return [];
  return [{ key, value: registerValue(output), mod }];
}

function possibleChanges(operation: Operation): readonly Change[] {
  const { f, key = '', input } = operation;
  if (f === 'read') return [];
  return [{ key, value: f === 'write' ? registerValue(input) : casOf(operation)[1] }];
}

function comparedBy(operation: Operation, applies: boolean): Change | undefined {
  const { f, key = '' } = operation;
  return f === 'cas' && applies ? { key, value: casOf(operation)[0] } : undefined;
}

/** A write of unknown outcome never fails, but its revision depends on the state. */
function effect(operation: Operation): Effect {
  const { f, outcome } = operation;
  if (f === 'read' || outcome === 'fail') return 'observe';
  return f === 'write' && outcome === 'info' ? 'update' : 'any';
}

export function etcdRegister(options: EtcdRegisterOptions = {}): Model<EtcdRegisterState> {
  const initialRevision = options.initialRevision ?? 1;
  const store: RevisionedStore = {
    initialRevision,
    createReplica: () => new RegisterReplica(initialRevision),
    role: roleOf,
    sights: sightsOf,
    seenMod: ({ f, mod }) => (f === 'read' ? mod : 0),
    possibleChanges,
    sureChanges: possibleChanges,
    found: (operation) => comparedBy(operation, operation.outcome !== 'fail'),
    missed: (operation) => comparedBy(operation, operation.outcome === 'fail'),
    isConditional: ({ f }) => f === 'cas',
    hasDeletes: false,
    missingValue: null,
    hasPast: false,
    describe: describeRegisterOperation,
    search: (part, budget) => decideBySearch(part, model, budget, 'revisions and search'),
  };
  const model: Model<EtcdRegisterState> = {
    name: 'etcd-register',
    operations: registerOperations,
    init: () => ({ revision: initialRevision, cells: {} }),
    step,
    observesFailure: isObservedFailure,
    effect,
    label: labelByAnswer,
    deciders: [revisions(store, options.watch)],
    forHistory: ({ watch }: History) =>
      watch === undefined || options.watch !== undefined
        ? undefined
        : etcdRegister({ ...options, watch }),
    describeOperation: describeRegisterOperation,
    describeState: ({ revision, cells }) => `revision ${revision}: ${JSON.stringify(cells)}`,
  };
  return model;
}

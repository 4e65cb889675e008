/**
 * The state of a real member: on disk by default, so that it does not have to fit the heap, in
 * memory where it is wanted so or where the engine does not load.
 */
import { OverlayStore, StateMachine } from '../kv';
import type { DurableTable } from '../kv';
import { loadLmdb, StateDirectory } from '../stateStore';
import { NodeRuntime } from '../runtime/nodeRuntime';
import type { Timer } from '../runtime/runtime';
import { ConfigError } from './clusterConfig';
import type { Logger } from './logger';

/** Without a write for so long, what was written last leaves the heap for the table. */
const IDLE_MS = 200;

export type StateBackend = 'lmdb' | 'memory';

export interface MemberState {
  readonly machine: StateMachine;
  readonly backend: StateBackend;
  /** Bytes of the state's file; undefined when there is none. */
  readonly diskBytes: () => number | undefined;
  /** Makes durable what can be, so that the next start has little to replay, and closes. */
  close(): Promise<void>;
}

/** `failed` is told when the state can't be written any more. */
export async function openMemberState(
  path: string,
  wanted: StateBackend,
  logger: Logger,
  failed: (error: Error) => void,
): Promise<MemberState> {
  const lmdb = wanted === 'lmdb' ? await loadLmdb() : { missing: '' };
  if ('missing' in lmdb) {
    if (StateDirectory.exists(path)) {
      const reason = lmdb.missing === '' ? '' : `, and ${lmdb.missing}`;
      throw new ConfigError(`--backend memory: ${path} holds a state that lmdb wrote${reason}`);
    }
    if (lmdb.missing !== '') {
      logger.warn('the state is kept in memory and has to fit there', { reason: lmdb.missing });
    }
    const machine = new StateMachine();
    const close = (): Promise<void> => Promise.resolve(machine.close());
    return { machine, backend: 'memory', diskBytes: () => undefined, close };
  }
  const directory = new StateDirectory(lmdb, path);
  const runtime = new NodeRuntime();
  const later = (run: () => void): Timer => runtime.after(IDLE_MS, run);
  const storeOn = (table: DurableTable): OverlayStore => new OverlayStore(table, { failed, later });
  const machine = new StateMachine({
    store: storeOn(directory.open()),
    makeStore: () => storeOn(directory.create()),
  });
  return {
    machine,
    backend: 'lmdb',
    diskBytes: () => directory.bytes,
    close: async () => {
      await synced(machine);
      machine.close();
      await directory.closed();
    },
  };
}

/** A state that failed before is past syncing, and has told so. */
function synced(machine: StateMachine): Promise<void> {
  return new Promise((resolve) => {
    try {
      machine.durability?.sync(() => resolve());
    } catch {
      resolve();
    }
  });
}

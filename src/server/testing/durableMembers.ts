/** Members whose state is on simulated tables, which are durable some way behind the log. */
import { MemoryTables, OverlayStore, StateMachine } from '../../kv';
import type { DurableTable } from '../../kv';
import type { LogStoreOptions } from '../../storage/logStore';
import type { DriverOptions } from '../driverOptions';
import { TestCluster } from './testCluster';
import type { TestRuntime } from './testRuntime';

const TRANSACTION_MS = 15;
/** Of each store: what may wait for its next transaction. */
export const FLUSH_BYTES = 64 * 1024;

/** Members of one test: their tables outlive them, as a disk does. */
export class DurableMembers {
  readonly cluster: TestCluster;
  private readonly tables = new Map<number, MemoryTables>();
  /** Transactions stand still while this is set. */
  stalled = false;
  /** What the next transaction of a member fails with. */
  readonly failing = new Map<number, Error>();
  private runtime: TestRuntime | undefined;
  private held: (() => void)[] = [];

  constructor(
    ids: readonly number[],
    options: Partial<DriverOptions> = {},
    logOptions: LogStoreOptions = {},
  ) {
    this.cluster = new TestCluster(ids, options, (id) => this.stateOf(id), logOptions);
    this.runtime = this.cluster.runtime;
  }

  goOn(): void {
    this.stalled = false;
    for (const run of this.held.splice(0)) run();
  }

  private stateOf(id: number): StateMachine {
    const tables = this.tables.get(id) ?? new MemoryTables((run) => this.schedule(run));
    this.tables.set(id, tables);
    const storeOn = (table: DurableTable): OverlayStore => {
      const write = table.write.bind(table);
      table.write = (ops, done) => {
        const error = this.failing.get(id);
        if (error === undefined) write(ops, done);
        else this.schedule(() => done(error));
      };
      const failed = (error: Error): void => this.cluster.driver(id).fail(error);
      return new OverlayStore(table, { flushBytes: FLUSH_BYTES, failed });
    };
    const store = storeOn(tables.open());
    return new StateMachine({ store, makeStore: () => storeOn(tables.create()) });
  }

  private schedule(run: () => void): void {
    if (this.stalled) this.held.push(run);
    else if (this.runtime === undefined) run();
    else this.runtime.after(TRANSACTION_MS, run);
  }
}

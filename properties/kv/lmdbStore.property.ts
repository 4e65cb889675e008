/** The laws of an ordered store, and of one that survives its process, on LMDB files. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as lmdb from 'lmdb';
import { OverlayStore } from '../../src/kv';
import type { DurableTable, OrderedStore } from '../../src/kv';
import { loadLmdb, StateDirectory } from '../../src/stateStore';
import { describeDurability, describeOrderedStore } from './describeOrderedStore';
import type { StoreHome } from './describeOrderedStore';

const FLUSH_BYTES = 1000;

/**
 * A directory on the real disk. A process that dies leaves what it had written; what the thread
 * of the engine was writing may be there or not, so a restart waits for that and no longer.
 */
class RealHome implements StoreHome {
  private readonly path = mkdtempSync(join(tmpdir(), 'crucible-state-'));
  private directory = new StateDirectory(lmdb, this.path);
  private tables: TrackedTable[] = [];

  async restart(): Promise<OrderedStore> {
    await this.end();
    this.directory = new StateDirectory(lmdb, this.path);
    return this.storeOn(this.directory.open());
  }

  beside(): OrderedStore {
    return this.storeOn(this.directory.create());
  }

  async settle(): Promise<void> {
    for (const table of this.tables) await table.settle();
  }

  async remove(): Promise<void> {
    await this.end();
    rmSync(this.path, { recursive: true, force: true });
  }

  private async end(): Promise<void> {
    for (const table of this.tables) await table.end();
    this.tables = [];
  }

  private storeOn(table: DurableTable): OrderedStore {
    const tracked = new TrackedTable(table);
    this.tables.push(tracked);
    return new OverlayStore(table, { flushBytes: FLUSH_BYTES });
  }
}

/** Knows what is being written to a table, and can take the table away from its store. */
class TrackedTable {
  private ended = false;
  private closed = false;
  private writing: Promise<void> | undefined;

  constructor(private readonly table: DurableTable) {
    const write = table.write.bind(table);
    const close = table.close.bind(table);
    table.write = (ops, done) => {
      if (this.ended) return;
      this.writing = new Promise((resolve) => {
        write(ops, (error) => {
          this.writing = undefined;
          if (!this.ended) done(error);
          resolve();
        });
      });
    };
    table.close = () => {
      if (this.closed) return;
      this.closed = true;
      close();
    };
  }

  async settle(): Promise<void> {
    while (this.writing !== undefined) await this.writing;
  }

  async end(): Promise<void> {
    this.ended = true;
    await this.writing;
    this.table.close();
    // The engine closes in the background.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const homes: RealHome[] = [];
const newHome = (): RealHome => {
  const home = new RealHome();
  homes.push(home);
  return home;
};
afterAll(async () => {
  for (const home of homes) await home.remove();
});

describeOrderedStore('OverlayStore on LMDB', () => newHome().restart(), 30);
describeDurability('OverlayStore on LMDB', newHome, 15);

describe('the directory of the state', () => {
  test('removes what nobody points to', async () => {
    const path = mkdtempSync(join(tmpdir(), 'crucible-state-'));
    const directory = new StateDirectory(lmdb, path);
    directory.open();
    directory.create();
    expect(readdirSync(path).filter((name) => name.endsWith('.mdb'))).toEqual(['1.mdb', '2.mdb']);
    new StateDirectory(lmdb, path);
    expect(readdirSync(path).filter((name) => name.endsWith('.mdb'))).toEqual(['1.mdb']);
    rmSync(path, { recursive: true });
    await Promise.resolve();
  });

  test('refuses a pointer that is none, and a file that is no table, by name', () => {
    const path = mkdtempSync(join(tmpdir(), 'crucible-state-'));
    writeFileSync(join(path, 'current'), '../elsewhere\n');
    expect(() => new StateDirectory(lmdb, path)).toThrow('current is damaged');
    writeFileSync(join(path, 'current'), '7.mdb\n');
    writeFileSync(join(path, '7.mdb'), 'x'.repeat(20_000));
    expect(() => new StateDirectory(lmdb, path).open()).toThrow(`opening the state in ${path}`);
    rmSync(path, { recursive: true });
  });

  test('says so when the engine does not load', async () => {
    const loaded = await loadLmdb(() => Promise.reject(new Error('no such file\nstack')));
    expect(loaded).toEqual({
      missing: `lmdb has no binary that loads on ${process.platform}-${process.arch}: no such file`,
    });
  });
});

describe('a disk that takes no more', () => {
  /** Run in a process of its own, whose files may grow to 4 MB: the engine's, and nobody else's. */
  const script = `
    const { OverlayStore } = require('./src/kv');
    const { loadLmdb, StateDirectory } = require('./src/stateStore');
    loadLmdb().then((lmdb) => {
      const directory = new StateDirectory(lmdb, process.argv[1]);
      const say = (what) => (error) => console.log(what + ': ' + (error ? error.message : 'ok'));
      const store = new OverlayStore(directory.open(), { failed: say('failed') });
      let written = 0;
      const more = () => {
        store.batch([{ key: 'k' + written++, value: new Uint8Array(200000).fill(written) }]);
        store.sync((error) => {
          if (error === undefined) return more();
          say('sync')(error);
          console.log('readable: ' + [...Array(written).keys()].every((i) => store.get('k' + i)));
          try { store.batch([]); } catch (again) { say('batch')(again); }
        });
      };
      more();
    });`;

  test('ends the store with a message that names file and room, and what was synced stays', () => {
    const path = mkdtempSync(join(tmpdir(), 'crucible-state-'));
    const command = 'ulimit -f 4000; exec "$0" -r esbuild-register -e "$1" "$2"';
    const run = spawnSync('bash', ['-c', command, process.execPath, script, path], {
      encoding: 'utf8',
    });
    const said = `writing the state to ${join(path, '1.mdb')}: Input/output error`;
    const lines = run.stdout.trim().split('\n');
    expect(lines).toHaveLength(4);
    expect(lines.find((line) => line.startsWith('sync'))).toContain(said);
    expect(lines.find((line) => line.startsWith('failed'))).toMatch(/\d+ bytes are free/);
    expect(lines.find((line) => line.startsWith('batch'))).toContain(said);
    expect(lines).toContain('readable: true');
    const store = new OverlayStore(new StateDirectory(lmdb, path).open());
    expect(store.size).toBeGreaterThan(5);
    store.close();
    rmSync(path, { recursive: true });
  });
});

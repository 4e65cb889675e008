/**
 * Figures of the log store on a real disk: appends per second with group commit at 1, 16 and 128
 * in flight, how fast a log is read back, and what memory it all takes. Run it with
 *
 *   node --expose-gc -r esbuild-register bench/wal.ts [directory]
 *
 * Every figure is printed with its load. The directory is emptied and removed.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Entry } from '../src/raft/types';
import { FileDisk } from '../src/storage/fileDisk';
import { LogStore } from '../src/storage/logStore';

const KIB = 1024;
const MIB = 1024 * KIB;
const HARD = { term: 1, vote: 1, commit: 0 };

/** Anonymous memory of this process in MiB: the heap and the buffers, not the page cache. */
function anonymousMiB(): number {
  const match = /RssAnon:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
  return match === null ? NaN : Number(match[1]) / KIB;
}

function collect(): void {
  (globalThis as { gc?: () => void }).gc?.();
}

function say(text: string): void {
  console.log(text);
}

function percentile(sorted: readonly number[], share: number): string {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!.toFixed(3);
}

/** Keeps `inFlight` appends under way: each is sent again as soon as a sync covered it. */
function groupCommit(directory: string, inFlight: number, bytes: number, runMs: number) {
  const store = LogStore.open(new FileDisk(), directory);
  store.append({ hard: HARD });
  const data = new Uint8Array(bytes).fill(7);
  const latencies: number[] = [];
  const cpu = process.cpuUsage();
  const start = performance.now();
  let index = store.lastIndex();
  let syncs = 0;
  return new Promise<void>((resolve) => {
    const round = (): void => {
      const began = performance.now();
      if (began - start > runMs) {
        const seconds = (began - start) / 1000;
        const { user, system } = process.cpuUsage(cpu);
        const appends = latencies.length;
        latencies.sort((a, b) => a - b);
        say(
          `${String(inFlight).padStart(4)} in flight, ${bytes} B: ` +
            `${Math.round(appends / seconds)} appends/s, ${Math.round(syncs / seconds)} syncs/s, ` +
            `p50 ${percentile(latencies, 0.5)} ms, p99 ${percentile(latencies, 0.99)} ms, ` +
            `${((user + system) / appends).toFixed(1)} us CPU/append`,
        );
        store.close();
        return resolve();
      }
      for (let i = 0; i < inFlight; i++) {
        const entry: Entry = { term: 1, index: ++index, type: 'normal', data };
        store.append({ entries: [entry] });
      }
      store.sync((error) => {
        if (error !== undefined) throw error;
        syncs++;
        const took = performance.now() - began;
        for (let i = 0; i < inFlight; i++) latencies.push(took);
        round();
      });
    };
    round();
  });
}

/** CPU time since then, of all threads: what another load on the machine does not change. */
function cpuMs(since: NodeJS.CpuUsage): string {
  const { user, system } = process.cpuUsage(since);
  return ((user + system) / 1000).toFixed(0);
}

function syncOf(store: LogStore): Promise<void> {
  return new Promise((resolve, reject) => {
    store.sync((error) => (error === undefined ? resolve() : reject(error)));
  });
}

/** Writes `totalBytes` in entries of one size and reports memory while and after. */
async function fill(directory: string, entryBytes: number, totalBytes: number): Promise<void> {
  const store = LogStore.open(new FileDisk(), directory);
  store.append({ hard: HARD });
  collect();
  const before = anonymousMiB();
  const count = Math.floor(totalBytes / entryBytes);
  const start = performance.now();
  const cpu = process.cpuUsage();
  let highest = 0;
  let unsynced = 0;
  for (let index = 1; index <= count; index++) {
    // A buffer of its own for each, as it comes from the network.
    const data = new Uint8Array(entryBytes).fill(index);
    store.append({ entries: [{ term: 1, index, type: 'normal', data }] });
    unsynced += entryBytes;
    if (unsynced < 4 * MIB && index < count) continue;
    unsynced = 0;
    await syncOf(store);
    highest = Math.max(highest, anonymousMiB());
  }
  const seconds = (performance.now() - start) / 1000;
  collect();
  const cachedMiB = (store.cachedBytes / MIB).toFixed(1);
  say(
    `${count} entries of ${entryBytes} B written and synced: ` +
      `${Math.round(totalBytes / MIB / seconds)} MiB/s, ${cpuMs(cpu)} ms CPU; ` +
      `cache ${cachedMiB} MiB, anonymous memory ${before.toFixed(0)} MiB before, ` +
      `at most ${highest.toFixed(0)}, ${anonymousMiB().toFixed(0)} after`,
  );
  store.close();
}

/** Opens the log again, then reads all of it as a slow follower would have it read. */
function recover(directory: string): void {
  collect();
  const before = anonymousMiB();
  const start = performance.now();
  const openingCpu = process.cpuUsage();
  const store = LogStore.open(new FileDisk(), directory);
  const opened = performance.now();
  const openCpuMs = cpuMs(openingCpu);
  const readingCpu = process.cpuUsage();
  const peak = anonymousMiB();
  let read = 0;
  for (let index = store.firstIndex(); index <= store.lastIndex();) {
    const entries = store.entries(index, store.lastIndex() + 1, MIB)!;
    for (const entry of entries) read += entry.data.length;
    index += entries.length;
  }
  const ended = performance.now();
  const mib = store.bytes / MIB;
  say(
    `  ${store.lastIndex()} entries, ${mib.toFixed(0)} MiB recovered in ` +
      `${(opened - start).toFixed(0)} ms, ${openCpuMs} ms CPU ` +
      `(${Math.round((mib / (opened - start)) * 1000)} MiB/s), ` +
      `anonymous memory ${before.toFixed(0)} -> ${peak.toFixed(0)} MiB; ` +
      `${(read / MIB).toFixed(0)} MiB read in ${(ended - opened).toFixed(0)} ms, ` +
      `${cpuMs(readingCpu)} ms CPU, ` +
      `then ${anonymousMiB().toFixed(0)} MiB`,
  );
  store.close();
}

async function main(): Promise<void> {
  const root = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'crucible-wal-'));
  try {
    for (const bytes of [128, KIB]) {
      for (const inFlight of [1, 16, 128]) {
        await groupCommit(join(root, `commit-${bytes}-${inFlight}`), inFlight, bytes, 2000);
      }
    }
    for (const entryBytes of [128, KIB, 64 * KIB, MIB]) {
      const directory = join(root, `fill-${entryBytes}`);
      await fill(directory, entryBytes, 256 * MIB);
      recover(directory);
      rmSync(directory, { recursive: true });
    }
    const directory = join(root, 'large');
    await fill(directory, MIB, 5000 * MIB);
    recover(directory);
  } finally {
    rmSync(root, { recursive: true });
  }
}

void main();

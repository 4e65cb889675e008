/**
 * What a member accounts for in memory, whatever is written: relations between loads that carry
 * the same bytes, on simulated devices, so that the figures are the same each time. What the
 * process as a whole takes is measured by `bench/memory.ts`.
 */
import type { RequestOp } from '../kv';
import { DurableMembers, FLUSH_BYTES } from './testing/durableMembers';

const KIB = 1024;
const CACHE_BYTES = 64 * KIB;
const TOTAL_BYTES = 512 * KIB;
/** Bytes that are proposed at a time. */
const ROUND_BYTES = 32 * KIB;
const APPLYING_BYTES = 64 * KIB;
const options = { maxApplyingBytes: APPLYING_BYTES, catchUpEntries: 30, snapshotEntries: 20 };
/** Log tail, what is applied and not durable (twice while a transaction is written), in flight. */
const BOUND_BYTES = CACHE_BYTES + 3 * FLUSH_BYTES + APPLYING_BYTES + 2 * ROUND_BYTES;

const flags = { lease: 0n, prevKv: false, ignoreValue: false, ignoreLease: false };

function putOp(key: string, bytes: number, fill: number): RequestOp {
  const value = new Uint8Array(bytes).fill(fill);
  return { kind: 'put', request: { key, value, ...flags } };
}

function accounted({ cluster }: DurableMembers, id = 1): number {
  const driver = cluster.driver(id);
  const pending = driver.machine.durability!.pendingBytes;
  return cluster.log(id).cachedBytes + driver.load().inflightBytes + pending;
}

/** Proposes the transactions, some at a time, and returns what was accounted for on the way. */
function write(members: DurableMembers, txns: readonly RequestOp[][], txnBytes: number): number[] {
  const { cluster } = members;
  const samples: number[] = [];
  const width = Math.max(1, Math.floor(ROUND_BYTES / txnBytes));
  for (let first = 0; first < txns.length; first += width) {
    let waiting = 0;
    for (const success of txns.slice(first, first + width)) {
      waiting++;
      const command = { kind: 'txn', request: { compare: [], success, failure: [] } } as const;
      cluster.driver(1).propose(command, (outcome) => {
        expect(outcome).toMatchObject({ result: { succeeded: true } });
        waiting--;
      });
    }
    samples.push(accounted(members));
    while (waiting > 0) {
      cluster.runtime.advance(1);
      samples.push(accounted(members));
    }
  }
  return samples;
}

function median(samples: readonly number[]): number {
  return [...samples].sort((a, b) => a - b)[samples.length >> 1]!;
}

function lonely(): DurableMembers {
  const members = new DurableMembers([1], options, { cacheBytesMax: CACHE_BYTES });
  members.cluster.leader();
  return members;
}

function spread(levels: readonly number[]): number {
  return Math.max(...levels) / Math.min(...levels);
}

describe('what a member accounts for in memory', () => {
  it('does not depend on the size of the entries that carry the same bytes', () => {
    const levels = [1, 4, 16].map((kib) => {
      const members = lonely();
      const txns = Array.from({ length: TOTAL_BYTES / (kib * KIB) }, (_, i) => [
        putOp(`k${i % 16}`, kib * KIB, i),
      ]);
      const samples = write(members, txns, kib * KIB);
      expect(Math.max(...samples)).toBeLessThanOrEqual(BOUND_BYTES);
      return median(samples.slice(samples.length >> 1));
    });
    expect(spread(levels)).toBeLessThan(1.5);
  });

  it('does not depend on how many transactions carry the same statistics', () => {
    const pipelines = 64;
    const states = [1, 4, 16, 64].map((parts) => {
      const members = lonely();
      const txns: RequestOp[][] = [];
      const size = pipelines / parts;
      for (let tick = 0; tick < 16; tick++) {
        for (let part = 0; part < parts; part++) {
          txns.push(
            Array.from({ length: size }, (_, i) => {
              const pipeline = part * size + i;
              return putOp(`status/${pipeline}`, 512, tick * pipelines + pipeline);
            }),
          );
        }
      }
      const samples = write(members, txns, 512 * size);
      expect(Math.max(...samples)).toBeLessThanOrEqual(BOUND_BYTES);
      const { machine } = members.cluster.driver(1);
      const values = Array.from({ length: pipelines }, (_, i) => {
        const [kv] = machine.range({
          ...{ key: `status/${i}`, rangeEnd: '', revision: 0, limit: 0 },
          ...{ countOnly: false, keysOnly: false, sortOrder: 'none', sortTarget: 'key' },
          ...{ minModRevision: 0, maxModRevision: 0, minCreateRevision: 0, maxCreateRevision: 0 },
        } as never).kvs;
        return [kv!.key, kv!.version, kv!.value[0]];
      });
      return { values, level: median(samples.slice(samples.length >> 1)) };
    });
    for (const { values } of states) expect(values).toEqual(states[0]!.values);
    // Every key has a value of its own.
    expect(new Set(states[0]!.values.map(([, , first]) => first)).size).toBe(pipelines);
    expect(spread(states.map(({ level }) => level))).toBeLessThan(1.5);
  });

  it('goes back when the load ends, but for the log tail and one transaction', () => {
    const members = lonely();
    const txns = Array.from({ length: 64 }, (_, i) => [putOp(`k${i}`, 16 * KIB, i)]);
    write(members, txns, 16 * KIB);
    members.cluster.runtime.advance(1_000);
    const { proposalsPending, inflightBytes } = members.cluster.driver(1).load();
    expect([proposalsPending, inflightBytes]).toEqual([0, 0]);
    expect(accounted(members)).toBeLessThanOrEqual(CACHE_BYTES + FLUSH_BYTES);
  });

  it('stays within the same bound while a restart replays what was not durable', () => {
    const members = new DurableMembers([1], options, { cacheBytesMax: CACHE_BYTES });
    const { cluster } = members;
    cluster.leader();
    members.stalled = true;
    for (let i = 0; i < 100; i++) {
      const success = [putOp(`k${i}`, 10 * KIB, i)];
      const command = { kind: 'txn', request: { compare: [], success, failure: [] } } as const;
      cluster.driver(1).propose(command, () => undefined);
    }
    cluster.runtime.advance(500);
    const { lastIndex } = cluster.driver(1).status();
    expect(lastIndex).toBeGreaterThan(100);
    cluster.stop(1);
    members.goOn();
    cluster.start(1);
    const found = cluster.driver(1).machine.appliedIndex;
    // Several times what may be in memory is to be replayed.
    expect((lastIndex - found) * 10 * KIB).toBeGreaterThan(2 * BOUND_BYTES);
    let highest = 0;
    cluster.until(() => {
      highest = Math.max(highest, accounted(members));
      return cluster.driver(1).machine.appliedIndex >= lastIndex;
    }, 'the replay');
    expect(highest).toBeGreaterThan(0);
    expect(highest).toBeLessThanOrEqual(BOUND_BYTES);
  });
});

describe('the log on disk', () => {
  it('keeps for laggards as many of the newest entries as it promises', () => {
    const members = lonely();
    const { cluster } = members;
    const log = cluster.log(1);
    for (let i = 0; i < 200; i++) {
      cluster.put(1, `k${i % 7}`, new Uint8Array(KIB));
      const kept = log.lastIndex() - log.firstIndex() + 1;
      if (log.firstIndex() > 1) expect(kept).toBeGreaterThanOrEqual(options.catchUpEntries);
      expect(kept).toBeLessThanOrEqual(2 * (options.catchUpEntries + options.snapshotEntries));
    }
    expect(log.firstIndex()).toBeGreaterThan(100);
  });

  it('is not held any longer than a snapshot is on its way', () => {
    const members = new DurableMembers([1, 2, 3], { snapshotEntries: 20, catchUpEntries: 5 });
    const { cluster } = members;
    const leader = cluster.leader();
    const follower = [1, 2, 3].find((id) => id !== leader)!;
    const fill = (count: number): void => {
      for (let i = 0; i < count; i++) cluster.put(leader, `k${i % 7}`, new Uint8Array(KIB));
    };
    cluster.stop(follower);
    fill(60);
    cluster.start(follower);
    const driver = cluster.driver(leader);
    cluster.until(() => driver.snapshotsTo(follower).sent === 1, 'a transfer');
    cluster.until(() => driver.node.progressOf(follower)!.matchIndex > 60, 'the follower');
    const { lastIndex } = driver.node;
    // Long before a follower that does not come for its snapshot would be given up.
    const deadlineMs = cluster.runtime.nowMs() + 2_000;
    fill(60);
    expect(cluster.runtime.nowMs()).toBeLessThan(deadlineMs);
    expect(driver.node.firstIndex).toBeGreaterThan(lastIndex + 20);
  });

  it('keeps as many bytes of it as it promises, however few entries they are', () => {
    const catchUpBytes = 300 * KIB;
    const snapshotBytes = 100 * KIB;
    const segmentBytesMax = 50 * KIB;
    const entryBytes = 21 * KIB;
    const sizesWith = (bound: number): { readonly least: number; readonly most: number } => {
      const few = { catchUpEntries: 1e6, snapshotEntries: 1e6, snapshotBytes, catchUpBytes: bound };
      const log = { cacheBytesMax: CACHE_BYTES, segmentBytesMax };
      const members = new DurableMembers([1], few, log);
      const { cluster } = members;
      cluster.leader();
      const sizes: number[] = [];
      for (let i = 0; i < 100; i++) {
        cluster.put(1, `k${i % 7}`, new Uint8Array(20 * KIB).fill(i));
        expect(cluster.log(1).cachedBytes).toBeLessThanOrEqual(CACHE_BYTES);
        if (i >= 50) sizes.push(cluster.log(1).bytes);
      }
      return { least: Math.min(...sizes), most: Math.max(...sizes) };
    };
    const { least, most } = sizesWith(catchUpBytes);
    // The entry that would go beyond the bound is not kept.
    expect(least).toBeGreaterThanOrEqual(catchUpBytes - entryBytes);
    // What came since the last checkpoint, and the ends of segments that are kept for the rest.
    const slack = snapshotBytes + FLUSH_BYTES + 3 * segmentBytesMax;
    expect(most).toBeLessThanOrEqual(catchUpBytes + slack);
    // Counted in entries alone, as etcd does, it would all be there still.
    expect(sizesWith(Infinity).most).toBeGreaterThan(2 * (catchUpBytes + slack));
  });

  it('is held for a snapshot under way only up to so many bytes', () => {
    const firstAfter = (snapshotHoldBytes: number): { first: number; held: number } => {
      const follow = { snapshotEntries: 20, catchUpEntries: 5, snapshotChunkBytes: 50 * KIB };
      const stall = { snapshotStallMs: 1e9, snapshotHoldBytes };
      const members = new DurableMembers([1, 2, 3], { ...follow, ...stall });
      const { cluster } = members;
      cluster.leader();
      cluster.stop(3);
      const leader = cluster.leader();
      const fill = (count: number): void => {
        for (let i = 0; i < count; i++) {
          cluster.put(leader, `k${i % 40}`, new Uint8Array(10 * KIB).fill(i));
        }
      };
      fill(50);
      cluster.start(3);
      cluster.until(() => cluster.driver(leader).snapshotsTo(3).sending, 'a transfer');
      cluster.cut.add(3);
      const held = cluster.driver(leader).node.lastIndex;
      fill(80);
      cluster.runtime.advance(1_000);
      expect(cluster.driver(leader).snapshotsTo(3).sending).toBe(true);
      return { first: cluster.driver(leader).node.firstIndex, held };
    };
    const much = firstAfter(100 * 1024 * KIB);
    expect(much.first).toBeLessThanOrEqual(much.held + 1);
    const little = firstAfter(200 * KIB);
    expect(little.first).toBeGreaterThan(little.held + 50);
  });
});

/**
 * Members whose state is durable by itself, some way behind their logs: what they keep over a
 * crash, when they let go of their logs, and how they take a snapshot in.
 */
import { DurableMembers } from './testing/durableMembers';
import type { TestCluster } from './testing/testCluster';

const KIB = 1024;

const value = (i: number, bytes = 10 * KIB) => new Uint8Array(bytes).fill(i);

function fill(cluster: TestCluster, leader: number, count: number, bytes?: number): void {
  for (let i = 0; i < count; i++) {
    expect(cluster.put(leader, `k${i % 40}`, value(i, bytes))).toMatchObject({ events: [{}] });
  }
}

const follow = { snapshotEntries: 20, catchUpEntries: 5, snapshotChunkBytes: 50 * KIB };

/** The log window is so small that a member which was down needs a snapshot. */
function lagging(): { members: DurableMembers; leader: number; last: number } {
  const members = new DurableMembers([1, 2, 3], follow);
  const { cluster } = members;
  cluster.leader();
  cluster.stop(3);
  const leader = cluster.leader();
  fill(cluster, leader, 40, 20 * KIB);
  return { members, leader, last: cluster.driver(leader).machine.hash() };
}

describe('a member whose state is on disk', () => {
  it('finds after a crash what it acknowledged, whatever of its state was durable', () => {
    for (const stalled of [false, true]) {
      const members = new DurableMembers([1]);
      const { cluster } = members;
      fill(cluster, cluster.leader(), 10);
      members.stalled = stalled;
      fill(cluster, 1, 8);
      const hash = cluster.driver(1).machine.hash();
      cluster.stop(1);
      members.stalled = false;
      cluster.start(1);
      const { machine } = cluster.driver(1);
      const found = machine.appliedIndex;
      cluster.leader();
      cluster.until(() => machine.hash() === hash, 'the state from before');
      // Not all of the log was needed.
      expect(found).toBeGreaterThan(0);
    }
  });

  it('keeps the log until the state is durable, and no longer', () => {
    const members = new DurableMembers([1], { snapshotEntries: 10, catchUpEntries: 0 });
    const { cluster } = members;
    cluster.leader();
    members.stalled = true;
    const first = cluster.driver(1).node.firstIndex;
    fill(cluster, 1, 12, 10);
    cluster.runtime.advance(1_000);
    expect(cluster.driver(1).node.firstIndex).toBe(first);
    members.goOn();
    cluster.until(() => cluster.driver(1).node.firstIndex > first, 'a shorter log');
  });

  it('applies no more than it can hold while the disk is slow, and goes on with it', () => {
    const members = new DurableMembers([1]);
    const { cluster } = members;
    cluster.leader();
    members.stalled = true;
    const { machine } = cluster.driver(1);
    let answers = 0;
    for (let i = 0; i < 100; i++) {
      const request = { key: `k${i}`, value: value(i), lease: 0n };
      const flags = { prevKv: false, ignoreValue: false, ignoreLease: false };
      const command = { kind: 'put', request: { ...request, ...flags } } as const;
      cluster.driver(1).propose(command, () => answers++);
    }
    cluster.runtime.advance(500);
    expect(machine.durability?.backlogged).toBe(true);
    expect(machine.durability?.pendingBytes).toBeLessThan(160 * KIB);
    expect(answers).toBeLessThan(20);
    members.goOn();
    cluster.until(() => answers === 100, 'all answers');
  });

  it('stops with the error when its state cannot be written, and loses nothing', () => {
    const members = new DurableMembers([1]);
    const { cluster } = members;
    fill(cluster, cluster.leader(), 5);
    const error = new Error('writing the state: no space left');
    members.failing.set(1, error);
    let acknowledged = 0;
    try {
      for (; acknowledged < 100; acknowledged++) cluster.put(1, `more${acknowledged}`, value(1));
    } catch (thrown) {
      expect(thrown).toBe(error);
    }
    expect(cluster.failures).toEqual([error]);
    expect(cluster.driver(1).status().failed).toBe(true);
    expect(acknowledged).toBeGreaterThan(0);
    members.failing.clear();
    cluster.failures.length = 0;
    cluster.stop(1);
    cluster.start(1);
    const { machine } = cluster.driver(1);
    cluster.leader();
    cluster.until(() => machine.keyCount >= 5 + acknowledged, 'all that was acknowledged');
  });
});

describe('a snapshot of the leader', () => {
  it('is taken in piece by piece, while the follower goes on answering its leader', () => {
    const { members, leader, last } = lagging();
    const { cluster } = members;
    const { term } = cluster.driver(leader).status();
    cluster.start(3);
    let turnsInstalling = 0;
    cluster.until(() => {
      if (cluster.driver(3).load().isInstalling) turnsInstalling++;
      return cluster.driver(3).machine.hash() === last;
    }, 'the state of the leader');
    // 800 KiB in pieces of 256 KiB, with transactions between: several ticks of the core.
    expect(turnsInstalling).toBeGreaterThan(3);
    expect(cluster.driver(3).status()).toMatchObject({ term, leader });
  });

  it('lies on the disk of the leader only as long as it is sent', () => {
    const { members, leader, last } = lagging();
    const { cluster } = members;
    const files = (): readonly string[] => {
      const names = cluster.members.get(leader)!.disk.list('snapshots');
      return names.filter((name) => name.endsWith('.snap'));
    };
    const catchUp = (hash: number): void => {
      cluster.start(3);
      cluster.until(() => cluster.driver(leader).snapshotsTo(3).sending, 'a transfer');
      expect(files()).toHaveLength(1);
      cluster.until(() => cluster.driver(3).machine.hash() === hash, 'the state of the leader');
      cluster.until(() => files().length === 0, 'a disk without snapshots');
    };
    catchUp(last);
    // Whoever lags again gets another one, and the leader comes back without any.
    cluster.stop(3);
    fill(cluster, leader, 40, 20 * KIB);
    catchUp(cluster.driver(leader).machine.hash());
    const hash = cluster.driver(leader).machine.hash();
    cluster.stop(leader);
    cluster.start(leader);
    cluster.until(() => cluster.driver(leader).machine.hash() === hash, 'the leader, back');
  });

  it('leaves the old state or the new one, whenever the follower crashes', () => {
    for (let afterMs = 0; afterMs <= 240; afterMs += 80) {
      const { members, last } = lagging();
      const { cluster } = members;
      cluster.start(3);
      cluster.runtime.advance(afterMs);
      cluster.stop(3);
      cluster.start(3);
      cluster.until(() => cluster.driver(3).machine.hash() === last, `crash after ${afterMs} ms`);
    }
  });

  it('holds the log for a follower that is away in the middle only so long and so much', () => {
    const { members, leader } = lagging();
    const { cluster } = members;
    cluster.start(3);
    cluster.until(() => cluster.driver(leader).snapshotsTo(3).sending, 'a transfer');
    cluster.cut.add(3);
    const first = cluster.driver(leader).node.firstIndex;
    fill(cluster, leader, 60, 10);
    expect(cluster.driver(leader).node.firstIndex).toBeLessThan(first + 60);
    cluster.runtime.advance(11_000);
    fill(cluster, leader, 60, 10);
    cluster.runtime.advance(1_000);
    const { lastIndex } = cluster.driver(leader).status();
    expect(cluster.driver(leader).node.firstIndex).toBeGreaterThan(lastIndex - 60);
    cluster.cut.clear();
    const hash = (): number => cluster.driver(leader).machine.hash();
    cluster.until(() => cluster.driver(3).machine.hash() === hash(), 'the follower to come back');
  });
});

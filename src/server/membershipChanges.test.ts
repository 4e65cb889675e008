/** Changes of the membership by the driver, on simulated devices: who is a member, who leads. */
import { Refused } from '../kv';
import { NotServed } from './notServed';
import { memberRecord, TestCluster } from './testing/testCluster';

const learner = (id: number) => memberRecord(id, { isLearner: true });

function ids(cluster: TestCluster, at: number): readonly number[] {
  return cluster.driver(at).machine.cluster.members.map(({ id }) => id);
}

describe('membership changes', () => {
  it('begin with the initial members on each of them', () => {
    const cluster = new TestCluster([1, 2, 3]);
    cluster.leader();
    for (const id of [1, 2, 3]) {
      expect(ids(cluster, id)).toEqual([1, 2, 3]);
      expect(cluster.driver(id).node.conf.voters).toEqual([1, 2, 3]);
    }
  });

  it('let a learner join by the log, and make it a voter', () => {
    const cluster = new TestCluster([1, 2, 3]);
    const follower = (cluster.leader() % 3) + 1;
    cluster.put(1, 'a');
    const added = cluster.change(follower, { kind: 'add', member: learner(4) });
    expect(added).toMatchObject([{ id: 1 }, { id: 2 }, { id: 3 }, { id: 4, isLearner: true }]);
    cluster.start(4);
    cluster.until(() => ids(cluster, 4).length === 4, 'the learner caught up');
    expect(cluster.driver(4).machine.revision).toBe(2);
    expect(cluster.driver(4).node.conf).toMatchObject({ voters: [1, 2, 3], learners: [4] });
    const promoted = cluster.change(4, { kind: 'promote', id: 4 });
    expect((promoted as readonly object[]).at(-1)).toMatchObject({ id: 4, isLearner: false });
    expect(cluster.driver(4).node.conf).toMatchObject({ voters: [1, 2, 3, 4], learners: [] });
  });

  it('let a member join by a snapshot, which tells it who the members are', () => {
    const cluster = new TestCluster([1], { snapshotEntries: 5, catchUpEntries: 2 });
    cluster.leader();
    for (let i = 0; i < 20; i++) cluster.put(1, `k${i}`);
    cluster.change(1, { kind: 'add', member: learner(2) });
    cluster.start(2);
    cluster.until(() => ids(cluster, 2).length === 2, 'the snapshot arrived');
    expect(cluster.driver(2).node.firstIndex).toBeGreaterThan(1);
    cluster.change(2, { kind: 'promote', id: 2 });
    cluster.stop(1);
    cluster.start(1);
    cluster.leader();
    cluster.put(1, 'last');
    cluster.until(() => cluster.driver(2).machine.revision === 22, 'both have everything');
    expect(cluster.driver(2).machine.hash()).toBe(cluster.driver(1).machine.hash());
  });

  it.each(['the leader', 'a follower'])('remove the leader when %s is asked', (whom) => {
    const cluster = new TestCluster([1, 2, 3]);
    const leader = cluster.leader();
    const asked = whom === 'the leader' ? leader : (leader % 3) + 1;
    const rest = [1, 2, 3].filter((id) => id !== leader);
    expect(cluster.change(asked, { kind: 'remove', id: leader })).toMatchObject(
      rest.map((id) => ({ id })),
    );
    cluster.until(() => ids(cluster, rest[0]!).length === 2, 'it is removed');
    if (asked === leader) expect(cluster.removed).toEqual([leader]);
    cluster.stop(leader);
    expect(cluster.leader()).not.toBe(leader);
    expect(cluster.put(rest[0]!, 'after')).toMatchObject({ revision: 2 });
  });

  it('stop a removed member, also when it starts again', () => {
    const cluster = new TestCluster([1, 2, 3]);
    const leader = cluster.leader();
    const gone = (leader % 3) + 1;
    cluster.change(gone, { kind: 'remove', id: gone });
    cluster.until(() => cluster.removed.length === 1, 'it heard of its removal');
    expect(cluster.put(leader, 'a')).toMatchObject({ revision: 2 });
    cluster.stop(gone);
    cluster.start(gone);
    cluster.until(() => cluster.removed.length === 2, 'its log told it again');
    expect(cluster.removed).toEqual([gone, gone]);
  });

  it('replace a member that lost its disk', () => {
    const cluster = new TestCluster([1, 2, 3], { snapshotEntries: 5, catchUpEntries: 2 });
    const leader = cluster.leader();
    const lost = (leader % 3) + 1;
    cluster.stop(lost);
    cluster.members.delete(lost);
    for (let i = 0; i < 20; i++) cluster.put(leader, `k${i}`);
    cluster.change(leader, { kind: 'remove', id: lost });
    // The same place under a new id: the old one is never used again.
    const urls = { peerUrls: memberRecord(lost).peerUrls };
    const again = cluster.change(leader, { kind: 'add', member: memberRecord(lost, urls) });
    expect(again).toBeInstanceOf(Refused);
    cluster.change(leader, { kind: 'add', member: memberRecord(9, urls) });
    cluster.start(9);
    cluster.until(() => cluster.driver(9).machine.revision === 21, 'the new one caught up');
    expect(cluster.driver(9).machine.hash()).toBe(cluster.driver(leader).machine.hash());
  });

  it('are refused by the state alone, and leave the core as it was', () => {
    const cluster = new TestCluster([1, 2, 3]);
    const leader = cluster.leader();
    const { conf } = cluster.driver(leader).node;
    const refusals = [
      [{ kind: 'add', member: memberRecord(2) }, 'etcdserver: member ID already exist'],
      [
        { kind: 'add', member: memberRecord(7, { peerUrls: ['http://m2:1'] }) },
        'etcdserver: Peer URLs already exists',
      ],
      [{ kind: 'promote', id: 2 }, 'etcdserver: can only promote a learner member'],
      [{ kind: 'promote', id: 8 }, 'etcdserver: member not found'],
      [{ kind: 'remove', id: 8 }, 'etcdserver: member not found'],
      [
        { kind: 'update', id: 1, peerUrls: ['http://m2:1'] },
        'etcdserver: Peer URLs already exists',
      ],
    ] as const;
    for (const [change, text] of refusals) {
      for (const at of [leader, (leader % 3) + 1]) {
        const outcome = cluster.change(at, change);
        expect(outcome).toBeInstanceOf(Refused);
        expect((outcome as Refused).message).toBe(text);
      }
    }
    expect(cluster.driver(leader).node.conf).toEqual(conf);
    cluster.change(leader, { kind: 'add', member: learner(5) });
    expect((cluster.change(leader, { kind: 'add', member: learner(6) }) as Refused).message).toBe(
      'etcdserver: too many learner members in cluster',
    );
  });

  it('keep the last voter', () => {
    const cluster = new TestCluster([1]);
    cluster.leader();
    const outcome = cluster.change(1, { kind: 'remove', id: 1 });
    expect((outcome as Refused).message).toContain('not enough started members');
    expect(cluster.put(1, 'a')).toMatchObject({ revision: 2 });
  });

  it('end without an answer when there is no quorum, and may still happen later', () => {
    const cluster = new TestCluster([1, 2, 3]);
    const leader = cluster.leader();
    for (const id of [1, 2, 3]) if (id !== leader) cluster.cut.add(id);
    const outcome = cluster.change(leader, { kind: 'add', member: learner(4) });
    expect(outcome).toBeInstanceOf(NotServed);
    expect(outcome).toMatchObject({ reason: 'timeout', certain: false });
    cluster.cut.clear();
    expect(cluster.put(cluster.leader(), 'a')).toMatchObject({ revision: 2 });
  });

  it('that are asked for at once all take effect, one after the other', () => {
    const cluster = new TestCluster([1, 2, 3]);
    const leader = cluster.leader();
    const outcomes: unknown[] = [];
    for (const id of [4, 5, 6]) {
      const at = cluster.driver((id % 3) + 1);
      at.changeMembership({ kind: 'add', member: memberRecord(id) }, (o) => outcomes.push(o));
      cluster.start(id);
    }
    cluster.until(() => outcomes.length === 3, 'three answers');
    expect(ids(cluster, leader)).toEqual([1, 2, 3, 4, 5, 6]);
  });
});

describe('leadership', () => {
  it('moves to the member that is asked for', () => {
    const cluster = new TestCluster([1, 2, 3]);
    const leader = cluster.leader();
    const to = (leader % 3) + 1;
    const moved = cluster.await<unknown>(
      (done) => cluster.driver(leader).transferLeader(to, done),
      'the transfer',
    );
    expect(moved).toBeUndefined();
    expect(cluster.leader()).toBe(to);
  });

  it('stays when the other one does not answer', () => {
    const cluster = new TestCluster([1, 2, 3]);
    const leader = cluster.leader();
    const to = (leader % 3) + 1;
    cluster.cut.add(to);
    const moved = cluster.await(
      (done) => cluster.driver(leader).transferLeader(to, done),
      'the transfer',
    );
    expect(moved).toMatchObject({ reason: 'transferTimeout' });
    expect(cluster.leader()).toBe(leader);
  });
});

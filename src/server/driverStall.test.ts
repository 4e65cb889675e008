/** A member whose process stood still: what it makes of the time that passed without it. */
import { TestCluster } from './testing/testCluster';

describe('members that stood still for many election timeouts', () => {
  it('tick once on waking, and hear what arrived meanwhile before anybody campaigns', () => {
    const cluster = new TestCluster([1, 2, 3]);
    const leader = cluster.leader();
    const { term } = cluster.driver(leader).node;
    cluster.runtime.stall(60_000);
    cluster.runtime.advance(0);
    cluster.runtime.advance(50);
    for (const id of [1, 2, 3]) {
      expect(cluster.driver(id).node.leader).toBe(leader);
      expect(cluster.driver(id).node.term).toBe(term);
    }
  });

  it('go on ticking: a leader that is really gone is replaced', () => {
    const cluster = new TestCluster([1, 2, 3]);
    const leader = cluster.leader();
    cluster.cut.add(leader);
    cluster.runtime.stall(60_000);
    const others = [1, 2, 3].filter((id) => id !== leader);
    cluster.until(
      () => others.every((id) => ![0, leader].includes(cluster.driver(id).node.leader)),
      'another leader',
    );
    expect(cluster.failures).toEqual([]);
  });
});

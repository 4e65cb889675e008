/** Pitfalls that others fell into and that no other scenario shows; README.md lists all of them. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { emptyMessage, type Message } from '../../src/raft';
import { bytes, Group } from './group';

describe('the acknowledgement of the persist lane', () => {
  test('makes no work by itself: a node that heard it is quiet', () => {
    const group = new Group([1, 2, 3]);
    group.elect(1);
    group.node(1).propose([bytes('a')]);
    group.run();
    for (const id of [1, 2, 3]) {
      group.node(id).step(emptyMessage('persisted', id, id, group.node(id).term));
      expect(group.node(id).hasReady).toBe(false);
    }
  });

  test('vouches for the whole log, for entries of an earlier item and term too', () => {
    const group = new Group([1, 2, 3]);
    const node = group.node(3);
    const append = (term: number, index: number, logTerm: number): Message => ({
      ...emptyMessage('append', term, 3, term),
      index,
      logTerm,
      entries: [{ term, index: index + 1, type: 'normal', data: bytes('x') }],
    });
    node.step(append(1, 0, 0));
    const first = node.ready().persist!;
    node.step(append(2, 1, 1));
    const second = node.ready().persist!;
    group.log(3).setHardState(second.hard!);
    group.log(3).append(first.entries);
    group.log(3).append(second.entries);
    // The first acknowledgement is of a term that the node has left: it counts for nothing.
    for (const ack of first.acks) if (ack.to === 3) node.step(ack);
    const own = second.acks.filter(({ to }) => to === 3);
    expect(own).toMatchObject([{ type: 'persisted', index: 2, logTerm: 2 }]);
    for (const ack of own) node.step(ack);
    const commit = { ...emptyMessage('heartbeat', 2, 3, 2), commit: 2 };
    node.step(commit);
    expect(node.ready().apply!.entries.map(({ index }) => index)).toEqual([1, 2]);
  });

  test('of an entry that was replaced meanwhile does not make the new one stable', () => {
    const group = new Group([1, 2, 3]);
    const node = group.node(3);
    const append = (term: number): Message => ({
      ...emptyMessage('append', term, 3, term),
      entries: [{ term, index: 1, type: 'normal', data: bytes(String(term)) }],
    });
    node.step(append(1));
    const old = node.ready().persist!;
    node.step(append(2));
    node.ready();
    for (const ack of old.acks) if (ack.to === 3) node.step(ack);
    node.step({ ...emptyMessage('heartbeat', 2, 3, 2), commit: 1 });
    expect(node.ready().apply).toBeUndefined();
  });
});

describe('messages', () => {
  test('leave in the order of ids, whatever order the members were named in', () => {
    const group = new Group([5, 3, 1, 4, 2]);
    group.elect(3);
    group.node(3).propose([bytes('a')]);
    expect(
      group
        .node(3)
        .ready()
        .send.map(({ to }) => to),
    ).toEqual([1, 2, 4, 5]);
    group.tick(3, 1);
    expect(
      group
        .node(3)
        .ready()
        .send.map(({ to }) => to),
    ).toEqual([1, 2, 4, 5]);
  });
});

describe('the table of pitfalls', () => {
  const root = resolve(__dirname, '../..');
  const readme = readFileSync(resolve(root, 'src/raft/README.md'), 'utf8');
  const rows = [...readme.matchAll(/^\| (\d+) +\|.*\| `([^`]+)`: ([^|]+?) +\|$/gm)];

  test('has a row for each of them', () => {
    const numbers = new Set(rows.map(([, number]) => Number(number)));
    expect([...numbers]).toEqual(Array.from({ length: 15 }, (_, i) => i + 1));
  });

  test.each(rows.map(([, number, file, titles]) => [number!, file!, titles!] as const))(
    'names tests that there are: %s, %s',
    (_, file, titles) => {
      const text = readFileSync(resolve(root, file), 'utf8');
      for (const title of titles.split('; ')) expect(text).toContain(`'${title}'`);
    },
  );
});

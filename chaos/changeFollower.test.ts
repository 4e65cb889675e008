/** A watch of everything that outlives its members, and says so when something is gone. */
import { EtcdClient } from '../src/client';
import { ChangeFollower } from './changeFollower';
import type { RunningCluster } from './target';
import { etcdProcess } from './targets/etcdProcess';
import { describeWithEtcd, quickTimings } from './testing';
import { waitFor } from './wait';

describeWithEtcd('a follower of all changes', () => {
  let cluster: RunningCluster;
  let client: EtcdClient;
  let endpoints: readonly string[];
  const { signal } = new AbortController();

  beforeAll(async () => {
    cluster = await etcdProcess(quickTimings).start();
    endpoints = cluster.members().map(({ clientUrl }) => clientUrl);
    client = new EtcdClient({ endpoints: [...endpoints], timeoutMs: 5_000 });
  });
  afterAll(async () => {
    client.close();
    await cluster[Symbol.asyncDispose]();
  });

  /** At the second member, until it succeeds. */
  const put = (value: string): Promise<number> =>
    waitFor(
      async () => {
        const done = await client.put({ key: 'k', value }, { endpoint: 1 });
        return done.type === 'ok' ? done.revision : undefined;
      },
      { what: `the put of ${value}`, limitMs: 10_000 },
    );

  it('sees each change once, over the end of a member and compactions behind it', async () => {
    const follower = new ChangeFollower(endpoints, 'kv');
    let revision = 0;
    for (const value of ['a', 'b']) revision = await put(value);
    expect(await follower.upTo(revision, 10_000, signal)).toMatchObject({
      changes: [{ value: 'a' }, { value: 'b' }],
    });
    await cluster.kill('m1');
    for (const value of ['c', 'd', 'e']) revision = await put(value);
    await follower.upTo(revision, 10_000, signal);
    await client.compact({ revision }, { endpoint: 1 });
    await cluster.start('m1');
    revision = await put('f');
    const read = await follower.upTo(revision, 10_000, signal);
    follower.close();
    expect(read.changes?.map(({ value }) => value)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(read).not.toHaveProperty('problem');
  });

  it('has nothing to say when what it needs is compacted', async () => {
    const revision = await put('g');
    await client.compact({ revision }, { endpoint: 1 });
    const follower = new ChangeFollower(endpoints, 'kv');
    const read = await follower.upTo(revision, 10_000, signal);
    follower.close();
    expect(read.changes).toBeUndefined();
    expect(read).toMatchObject({ reason: expect.stringContaining('is compacted') as string });
  });
});

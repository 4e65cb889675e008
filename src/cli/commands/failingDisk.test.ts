/**
 * Three real members, each on a file system of its own in a loop device: the leader's is filled
 * (ENOSPC), then the next leader's fails (EIO). Nothing acknowledged is lost, the others go on,
 * and the member says which file it could not write and comes back when it can.
 */
import { readFileSync } from 'node:fs';
import type { RunningCluster } from '../../../chaos/target';
import { whyNoLoopDisks } from '../../../chaos/targets/loopDisk';
import { referenceProcess } from '../../../chaos/targets/referenceProcess';
import { waitFor } from '../../../chaos/wait';
import { EtcdClient } from '../../client';
import { untilOk } from '../../server/testing/memberCluster';

const VALUE = Buffer.alloc(64 * 1024, 7);
const PATIENCE_MS = 30_000;

class Load {
  readonly acknowledged: string[] = [];
  private next = 0;

  constructor(private readonly client: EtcdClient) {}

  /** One new key at one member; whether it was acknowledged. */
  async put(endpoint: number): Promise<boolean> {
    const key = `k${this.next++}`;
    const { type } = await this.client.put({ key, value: VALUE }, { endpoint });
    if (type === 'ok') this.acknowledged.push(key);
    return type === 'ok';
  }

  /** The keys that a member does not have although they were acknowledged. */
  async missingAt(endpoint: number): Promise<readonly string[]> {
    const range = { key: 'k', rangeEnd: 'l', keysOnly: true };
    const { value } = await untilOk(() => this.client.range(range, { endpoint }));
    const there = new Set(value.kvs.map(({ key }) => key.toString()));
    return this.acknowledged.filter((key) => !there.has(key));
  }
}

describe('a leader whose disk', () => {
  const reason = whyNoLoopDisks();
  if (reason !== undefined) {
    console.warn(`skipped: ${reason}`);
    it.todo(`skipped: ${reason}`);
    return;
  }
  let cluster: RunningCluster;
  let client: EtcdClient;
  let load: Load;

  beforeAll(async () => {
    const timings = { heartbeatMs: 50, electionMs: 500 };
    cluster = await referenceProcess({ disks: 'own', ...timings }).start();
    const endpoints = cluster.members().map(({ clientUrl }) => clientUrl);
    client = new EtcdClient({ endpoints, timeoutMs: 5_000 });
    load = new Load(client);
  }, 60_000);

  afterAll(async () => {
    client.close();
    await cluster[Symbol.asyncDispose]();
  }, 60_000);

  const until = <T>(what: string, poll: () => Promise<T | undefined>): Promise<T> =>
    waitFor(poll, { what, limitMs: PATIENCE_MS, intervalMs: 20 });

  it.each([
    ['is full', 'fill', /"error":"[^"]*m\d[^"]*ENOSPC/],
    ['fails', 'fail', /"error":"[^"]*m\d[^"]*EIO/],
  ] as const)(
    '%s ends, and has all that was acknowledged when the disk works again',
    async (_, hurt, text) => {
      const names = cluster.members().map(({ name }) => name);
      const leader = await until('a leader', () => cluster.leader());
      const [at, other] = [names.indexOf(leader), names.findIndex((name) => name !== leader)];
      await until('a first write', async () => (await load.put(other)) || undefined);
      const logged = readFileSync(cluster.log(leader)!, 'utf8').length;

      cluster.allowExit(leader);
      await cluster.disk(leader)[hurt]();
      const isDown = () => cluster.members()[at]!.state === 'down';
      await until(`${leader} to end`, async () => {
        if (!isDown()) await load.put(other);
        return isDown() || undefined;
      });
      expect(readFileSync(cluster.log(leader)!, 'utf8').slice(logged)).toMatch(text);
      await until('the others to go on', async () => (await load.put(other)) || undefined);

      await cluster.disk(leader)[hurt === 'fill' ? 'release' : 'replug']();
      await cluster.start(leader);
      for (const endpoint of names.keys()) expect(await load.missingAt(endpoint)).toEqual([]);
      await until('a write by the member', async () => (await load.put(at)) || undefined);
      expect(cluster.unexpectedExits()).toEqual([]);
    },
    120_000,
  );
});

import { EtcdClient } from '../src/client';
import { referenceProcess } from './targets/referenceProcess';
import type { RunningCluster } from './target';
import { quickTimings } from './testing';
import { pause, waitFor } from './wait';

const TTL_SECONDS = 2;
/** Elections, one after the other, before a lease that nobody renews is gone. */
const GONE_WITHIN_MS = 20_000;

let cluster: RunningCluster;
let client: EtcdClient;
const names = (): string[] => cluster.members().map(({ name }) => name);
const others = (down: string): number[] =>
  names().flatMap((name, endpoint) => (name === down ? [] : [endpoint]));

beforeAll(async () => {
  cluster = await referenceProcess(quickTimings).start();
  const endpoints = cluster.members().map(({ clientUrl }) => clientUrl);
  client = new EtcdClient({ endpoints, timeoutMs: 1_500 });
});

afterAll(async () => {
  client.close();
  await cluster[Symbol.asyncDispose]();
});

/** A lease with one key, granted and filled through one member. */
async function lease(id: bigint, endpoint: number): Promise<void> {
  const granted = await client.leaseGrant({ ttlSeconds: TTL_SECONDS, id }, { endpoint });
  expect(granted).toMatchObject({ type: 'ok', value: { TTL: BigInt(TTL_SECONDS) } });
  const put = await client.put({ key: `of ${id}`, value: 'x', lease: id }, { endpoint });
  expect(put).toMatchObject({ type: 'ok' });
}

async function hasKey(id: bigint, endpoint: number): Promise<boolean | undefined> {
  const read = await client.range({ key: `of ${id}` }, { endpoint });
  return read.type === 'ok' ? read.value.count === 1n : undefined;
}

/**
 * Renews a lease at one member after the other, for so long; a member that cannot answer is passed
 * over, but no answer may say that the lease is gone while the last good one is younger than it.
 */
async function hold(id: bigint, endpoints: readonly number[], forMs: number): Promise<void> {
  const end = performance.now() + forMs;
  let heldFrom = performance.now();
  for (let round = 0; performance.now() < end; round++) {
    const endpoint = endpoints[round % endpoints.length]!;
    const asked = performance.now();
    const renewed = await client.leaseKeepAlive(id, { endpoint, timeoutMs: 700 });
    if (renewed.type === 'ok') {
      const isHeld = performance.now() - heldFrom < TTL_SECONDS * 1000;
      if (renewed.value.TTL > 0n) heldFrom = asked;
      else if (isHeld) throw new Error(`member ${endpoint} says that a held lease is gone`);
      else throw new Error(`nobody renewed for ${performance.now() - heldFrom} ms`);
    }
    await pause(100);
  }
}

const untilGone = (id: bigint, endpoints: readonly number[]) =>
  waitFor(
    async () => {
      const seen = await Promise.all(endpoints.map((endpoint) => hasKey(id, endpoint)));
      return seen.every((has) => has === false) ? true : undefined;
    },
    { what: `lease ${id} to end`, limitMs: GONE_WITHIN_MS },
  );

describe('leases of three processes', () => {
  it('outlive the leader that granted them, if renewed, and else end', async () => {
    const leader = (await cluster.leader())!;
    const alive = others(leader);
    await lease(1n, names().indexOf(leader));
    await lease(2n, alive[0]!);
    await cluster.kill(leader);
    await hold(1n, alive, 1.5 * TTL_SECONDS * 1000);
    for (const endpoint of alive) expect(await hasKey(1n, endpoint)).toBe(true);
    await untilGone(2n, alive);
    await client.leaseRevoke(1n, { endpoint: alive[0]! });
    for (const endpoint of alive) {
      const gone = await client.leaseTimeToLive({ id: 1n, keys: true }, { endpoint });
      expect(gone).toMatchObject({ type: 'ok', value: { TTL: -1n, keys: [] } });
    }
    await cluster.start(leader);
    const endpoint = names().indexOf(leader);
    await waitFor(async () => ((await client.healthy({ endpoint })) ? true : undefined), {
      what: 'the killed member to serve again',
      limitMs: 20_000,
    });
  });

  it('are not ended by a leader that stood still and was replaced', async () => {
    const leader = (await cluster.leader())!;
    const alive = others(leader);
    await lease(3n, alive[0]!);
    await cluster.pause(leader);
    await hold(3n, alive, 1.5 * TTL_SECONDS * 1000);
    // By its own clock the lease ran out long ago, and it still believes that it leads.
    await cluster.resume(leader);
    await hold(3n, [0, 1, 2], TTL_SECONDS * 1000);
    for (const endpoint of [0, 1, 2]) expect(await hasKey(3n, endpoint)).toBe(true);
    await untilGone(3n, [0, 1, 2]);
  });
});

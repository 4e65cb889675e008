/** Real members in this process: on real files, sockets and gRPC, three of them or one alone. */
import { createServer, type AddressInfo } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EtcdClient } from '../client';
import { ConfigError, parseCluster } from './clusterConfig';
import type { DriverOptions } from './driverOptions';
import { Logger } from './logger';
import { Member, type MemberConfig } from './member';

/** Ports that were free a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

class TestCluster {
  readonly lines: string[] = [];
  readonly running = new Map<string, Member>();

  private constructor(private readonly configs: ReadonlyMap<string, MemberConfig>) {}

  static async make(
    directory: string,
    size: number,
    driver: Partial<DriverOptions> = {},
  ): Promise<TestCluster> {
    const ports = await freePorts(2 * size);
    const names = Array.from({ length: size }, (_, i) => `n${i + 1}`);
    const list = names.map((name, i) => `${name}=http://127.0.0.1:${ports[i]}`).join(',');
    const configs = names.map((name, i): [string, MemberConfig] => [
      name,
      {
        cluster: parseCluster(name, list, 'test'),
        dataDir: join(directory, name),
        clientListen: { host: '127.0.0.1', port: ports[size + i]!, tls: false },
        clientUrls: [`http://127.0.0.1:${ports[size + i]}`],
        peerListen: { host: '127.0.0.1', port: ports[i]!, tls: false },
        newCluster: true,
        maxRequestBytes: 1_572_864,
        maxTxnOps: 128,
        driver: { tickMs: 20, electionTicks: 10, ...driver },
      },
    ]);
    return new TestCluster(new Map(configs));
  }

  get urls(): string[] {
    return [...this.configs.values()].flatMap(({ clientUrls }) => clientUrls);
  }

  config(name: string): MemberConfig {
    return this.configs.get(name)!;
  }

  async start(...names: readonly string[]): Promise<void> {
    const logger = new Logger(
      'info',
      (line) => this.lines.push(line),
      () => 0,
    );
    for (const name of names) this.running.set(name, await Member.start(this.config(name), logger));
  }

  async stop(...names: readonly string[]): Promise<void> {
    for (const name of names) {
      await this.running.get(name)?.close();
      this.running.delete(name);
    }
  }

  async stopAll(): Promise<void> {
    await this.stop(...this.running.keys());
  }
}

let directory: string;
let cluster: TestCluster | undefined;
let client: EtcdClient | undefined;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'crucible-member-'))));
afterEach(async () => {
  client?.close();
  await cluster?.stopAll();
  rmSync(directory, { recursive: true, force: true });
});

/** Asks again until the answer is `ok`: a cluster without a leader yet, or just back. */
async function untilOk<T extends { readonly type: string }>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    const outcome = await ask();
    if (outcome.type === 'ok') return outcome;
    // Refusals come within microseconds, elections do not: a number of tries would be no limit.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const key = (text: string): Buffer => Buffer.from(text);

describe('a member alone', () => {
  it('keeps what it acknowledged over a restart', async () => {
    cluster = await TestCluster.make(directory, 1);
    await cluster.start('n1');
    client = new EtcdClient({ endpoints: cluster.urls, timeoutMs: 5_000 });
    const put = await untilOk(() => client!.put({ key: key('a'), value: key('1') }));
    expect(put).toMatchObject({ type: 'ok', revision: 2 });
    await cluster.stop('n1');
    await cluster.start('n1');
    const read = await untilOk(() => client!.range({ key: key('a') }));
    expect(read).toMatchObject({ type: 'ok', revision: 2, value: { count: 1n } });
  });

  it('refuses a port in use with the flag, and leaves its directory free', async () => {
    cluster = await TestCluster.make(directory, 1);
    await cluster.start('n1');
    const { peerListen } = cluster.config('n1');
    const other = await TestCluster.make(join(directory, 'other'), 1);
    const config = { ...other.config('n1'), peerListen };
    const logger = new Logger(
      'error',
      () => undefined,
      () => 0,
    );
    const start = Member.start(config, logger);
    await expect(start).rejects.toThrow(ConfigError);
    await expect(start).rejects.toThrow('--listen-peer-urls');
    await other.start('n1');
    await other.stopAll();
  });
});

describe('three members', () => {
  it('bring a member that lags past the log back by a snapshot', async () => {
    cluster = await TestCluster.make(directory, 3, {
      snapshotEntries: 50,
      catchUpEntries: 10,
      snapshotChunkBytes: 10_000,
    });
    await cluster.start('n1', 'n2', 'n3');
    client = new EtcdClient({ endpoints: cluster.urls, timeoutMs: 5_000 });
    await untilOk(() => client!.put({ key: key('before'), value: key('x') }));
    await cluster.stop('n3');
    const value = Buffer.alloc(1_000, 'v');
    for (let i = 0; i < 120; i++) {
      await untilOk(() => client!.put({ key: key(`k${i}`), value }, { endpoint: i % 2 }));
    }
    await cluster.start('n3');
    const all = { key: key('\0'), rangeEnd: key('\0') };
    const read = await untilOk(() => client!.range(all, { endpoint: 2 }));
    expect(read).toMatchObject({ type: 'ok', value: { count: 121n } });
    expect(cluster.lines.some((line) => line.includes('installed a snapshot'))).toBe(true);
    const hashes = [];
    for (const endpoint of [0, 1, 2]) {
      const { revision } = read as { readonly revision: number | bigint };
      const hash = await untilOk(() => client!.hashKv(Number(revision), { endpoint }));
      hashes.push((hash as { readonly value: { readonly hash: number } }).value.hash);
    }
    expect(new Set(hashes).size).toBe(1);
  });
});

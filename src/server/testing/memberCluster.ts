/** Real members in this process, on free ports of the loopback and in a directory of the test. */
import { join } from 'node:path';
import { inspect } from 'node:util';
import { freePorts } from '../../../chaos/targets/freePorts';
import { parseCluster } from '../clusterConfig';
import type { DriverOptions } from '../driverOptions';
import { Logger } from '../logger';
import { Member, type MemberConfig } from '../member';

export class MemberCluster {
  readonly lines: string[] = [];
  readonly running = new Map<string, Member>();

  private constructor(
    private readonly directory: string,
    private readonly scheme: 'http' | 'https',
    private readonly configs: Map<string, MemberConfig>,
    private readonly list: Map<string, string>,
  ) {}

  /** Members n1, n2, ...; none is started. */
  static async make(
    directory: string,
    size: number,
    driver: Partial<DriverOptions> = {},
    scheme: 'http' | 'https' = 'http',
  ): Promise<MemberCluster> {
    const cluster = new MemberCluster(directory, scheme, new Map(), new Map());
    const ports = await freePorts(2 * size);
    const names = Array.from({ length: size }, (_, i) => `n${i + 1}`);
    names.forEach((name, i) => cluster.list.set(name, `${scheme}://127.0.0.1:${ports[i]}`));
    names.forEach((name, i) => cluster.configure(name, ports[i]!, ports[size + i]!, true, driver));
    return cluster;
  }

  /** Knows one more member, on ports of its own, that will join a running cluster. */
  async extend(name: string, driver: Partial<DriverOptions> = {}): Promise<string> {
    const [peer, client] = await freePorts(2);
    const peerUrl = `${this.scheme}://127.0.0.1:${peer}`;
    this.list.set(name, peerUrl);
    this.configure(name, peer!, client!, false, driver);
    return peerUrl;
  }

  get urls(): string[] {
    return [...this.configs.values()].flatMap(({ clientUrls }) => clientUrls);
  }

  url(name: string): string {
    return this.config(name).clientUrls[0]!;
  }

  peerUrl(name: string): string {
    return this.list.get(name)!;
  }

  config(name: string): MemberConfig {
    return this.configs.get(name)!;
  }

  reconfigure(name: string, changes: Partial<MemberConfig>): void {
    this.configs.set(name, { ...this.config(name), ...changes });
  }

  member(name: string): Member {
    return this.running.get(name)!;
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

  private configure(
    name: string,
    peerPort: number,
    clientPort: number,
    newCluster: boolean,
    driver: Partial<DriverOptions>,
  ): void {
    const list = [...this.list].map(([member, url]) => `${member}=${url}`).join(',');
    const host = '127.0.0.1';
    this.configs.set(name, {
      cluster: parseCluster(name, list, 'test'),
      dataDir: join(this.directory, name),
      clientListen: [{ host, port: clientPort, tls: this.scheme === 'https' }],
      clientUrls: [`${this.scheme}://${host}:${clientPort}`],
      peerListen: [{ host, port: peerPort, tls: this.scheme === 'https' }],
      newCluster,
      strictReconfigCheck: false,
      maxRequestBytes: 1_572_864,
      maxTxnOps: 128,
      driver: { tickMs: 20, electionTicks: 10, ...driver },
    });
  }
}

/** How long a cluster without a leader, or a member just back, may take to answer. */
const PATIENCE_MS = 30_000;

/** Asks again until the answer is `ok`: a cluster without a leader yet, or just back. */
export async function untilOk<T extends { readonly type: string }>(
  ask: () => Promise<T>,
): Promise<Extract<T, { readonly type: 'ok' }>> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const outcome = await ask();
    if (outcome.type === 'ok') return outcome as Extract<T, { readonly type: 'ok' }>;
    if (performance.now() > deadline) {
      throw new Error(`no answer within ${PATIENCE_MS} ms, the last: ${inspect(outcome)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

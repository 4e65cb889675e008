/**
 * What the tests of effects share: a running cluster of any kind, a client, and the order inject,
 * look, heal, verify. A fault counts as healed when all members follow one leader again and a
 * write is acknowledged.
 */
import { EtcdClient } from '../../../src/client';
import type { Capability, Cluster, RunningCluster } from '../../target';
import { waitFor } from '../../wait';
import { untilAllFollowOneLeader, type Fault } from '../fault';

const healed = { limitMs: 30_000 };

/** What one fault, or a few that belong together, must be seen to do. */
export interface Effect {
  readonly title: string;
  readonly needs: readonly Capability[];
  readonly look: (bench: EffectBench) => Promise<void>;
}

export class EffectBench {
  private constructor(
    readonly cluster: RunningCluster,
    readonly client: EtcdClient,
  ) {}

  static async start(target: Cluster): Promise<EffectBench> {
    const cluster = await target.start();
    const endpoints = cluster.members().map(({ clientUrl }) => clientUrl);
    const client = new EtcdClient({ endpoints, timeoutMs: 5_000 });
    return new EffectBench(cluster, client);
  }

  async end(): Promise<void> {
    this.client.close();
    await this.cluster[Symbol.asyncDispose]();
  }

  get names(): readonly string[] {
    return this.cluster.members().map(({ name }) => name);
  }

  endpointOf(name: string): number {
    return this.names.indexOf(name);
  }

  member(name: string) {
    return this.cluster.members()[this.endpointOf(name)]!;
  }

  /** What a fault before did to a connection shall not be taken for the effect of the next. */
  reconnect(): void {
    this.names.forEach((_, endpoint) => this.client.reconnect(endpoint));
  }

  async during(fault: Fault, hit: readonly string[], look: () => Promise<void>): Promise<void> {
    const { cluster } = this;
    await fault.inject(cluster, hit);
    try {
      await look();
    } finally {
      await fault.heal(cluster, hit);
      await fault.verifyHealed(cluster, hit, healed).catch((cause: unknown) => {
        const logs = cluster
          .unexpectedExits()
          .map(({ member, logTail }) => `${member}: ${logTail}`);
        throw new Error([`${fault.name} was not healed`, ...logs].join('\n'), { cause });
      });
    }
    await untilAllFollowOneLeader(cluster, healed);
    await this.untilWritten('after');
  }

  /** A leader and the others in the order of the cluster. */
  async roles(): Promise<{ readonly leader: string; readonly followers: readonly string[] }> {
    await untilAllFollowOneLeader(this.cluster, healed);
    const leader = (await this.cluster.leader())!;
    return { leader, followers: this.names.filter((name) => name !== leader) };
  }

  async untilLedBy(isWanted: (leader: string) => boolean): Promise<string> {
    return this.eventually('another leader', async () => {
      const leader = await this.cluster.leader(300);
      return leader !== undefined && isWanted(leader) ? leader : undefined;
    });
  }

  /** A write that is acknowledged, by whichever of these members; how it is tried again. */
  async untilWritten(key: string, by: readonly string[] = this.names): Promise<void> {
    let turn = 0;
    await this.eventually(`a write of ${key}`, async () => {
      const endpoint = this.endpointOf(by[turn++ % by.length]!);
      const put = await this.client.put({ key, value: 'x' }, { endpoint, timeoutMs: 1_000 });
      return put.type === 'ok' ? true : undefined;
    });
  }

  /** Whether a member has a key, by its own state. */
  async has(name: string, key: string): Promise<boolean> {
    const options = { endpoint: this.endpointOf(name) };
    const read = await this.client.range({ key, serializable: true }, options);
    return read.type === 'ok' && read.value.kvs.length === 1;
  }

  eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
    return waitFor(look, { what, limitMs: 20_000, intervalMs: 50 });
  }

  /** How long the leader takes for one write. */
  async putMs(value: string): Promise<number> {
    const { leader } = await this.roles();
    const start = performance.now();
    const endpoint = this.endpointOf(leader);
    const put = await this.client.put({ key: 'timed', value }, { timeoutMs: 20_000, endpoint });
    expect(put.type).toBe('ok');
    return performance.now() - start;
  }

  /** Nobody acknowledges a write. */
  async expectNoWrite(): Promise<void> {
    for (const endpoint of this.names.keys()) {
      const put = await this.client.put({ key: 'no', value: 'x' }, { timeoutMs: 700, endpoint });
      expect(put.type).not.toBe('ok');
    }
  }
}

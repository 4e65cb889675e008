/**
 * Asks one member how it is (Maintenance.Status), on a connection of its own: what a probe meets
 * shall not depend on what clients did to theirs.
 */
import { EtcdClient } from '../src/client';
import type { MemberStatus, StoreAccess } from './target';

const timeoutMsDefault = 1_000;

export class MemberProbe {
  private readonly client: EtcdClient;

  constructor(clientUrl: string, access: StoreAccess = {}) {
    const endpoints = [clientUrl];
    this.client = new EtcdClient({ endpoints, timeoutsBeforeReconnect: 1, ...access });
  }

  /** Rejects when the member does not answer within the limit; there is no second attempt. */
  async status(timeoutMs: number = timeoutMsDefault): Promise<MemberStatus> {
    const outcome = await this.client.status({ timeoutMs });
    if (outcome.type !== 'ok' && outcome.code === 'unimplemented') return this.glance(timeoutMs);
    if (outcome.type !== 'ok') {
      throw new Error(`status of ${this.client.endpoints[0]}: ${outcome.code}: ${outcome.error}`);
    }
    const { leader, raftTerm, raftIndex, version } = outcome.value;
    const { memberId, revision } = outcome;
    return { memberId, leaderId: leader, raftTerm, raftIndex, revision: BigInt(revision), version };
  }

  /** Why reads are refused to whoever does not say who he is; undefined when they are not. */
  async refusal(): Promise<string | undefined> {
    const outcome = await this.client.range({ key: 'health' });
    if (outcome.type === 'ok') return undefined;
    const { code, error } = outcome;
    const wantsUser = /^(?:unauthenticated|permissionDenied)$/.test(code);
    return wantsUser || error.includes('user name is empty') ? `${code}: ${error}` : undefined;
  }

  /** Of a store without that call: whether it answers reads, and its revision. */
  private async glance(timeoutMs: number): Promise<MemberStatus> {
    const outcome = await this.client.range({ key: 'health' }, { timeoutMs });
    if (outcome.type !== 'ok') {
      throw new Error(`read at ${this.client.endpoints[0]}: ${outcome.code}: ${outcome.error}`);
    }
    const { memberId, raftTerm, revision } = outcome;
    return {
      ...{ memberId, leaderId: 0n, raftTerm: BigInt(raftTerm), raftIndex: 0n },
      ...{ revision: BigInt(revision), version: '' },
    };
  }

  close(): void {
    this.client.close();
  }
}

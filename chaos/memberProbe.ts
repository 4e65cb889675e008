/**
 * Asks one member how it is (Maintenance.Status), on a connection of its own: what a probe meets
 * shall not depend on what clients did to theirs.
 */
import { EtcdClient } from '../src/client';
import type { MemberStatus } from './target';

const timeoutMsDefault = 1_000;

export class MemberProbe {
  private readonly client: EtcdClient;

  constructor(clientUrl: string) {
    this.client = new EtcdClient({ endpoints: [clientUrl], timeoutsBeforeReconnect: 1 });
  }

  /** Rejects when the member does not answer within the limit; there is no second attempt. */
  async status(timeoutMs: number = timeoutMsDefault): Promise<MemberStatus> {
    const outcome = await this.client.status({ timeoutMs });
    if (outcome.type !== 'ok') {
      throw new Error(`status of ${this.client.endpoints[0]}: ${outcome.code}: ${outcome.error}`);
    }
    const { leader, raftTerm, raftIndex, version } = outcome.value;
    const { memberId, revision } = outcome;
    return { memberId, leaderId: leader, raftTerm, raftIndex, revision: BigInt(revision), version };
  }

  close(): void {
    this.client.close();
  }
}

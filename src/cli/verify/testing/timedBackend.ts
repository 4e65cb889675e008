/**
 * The store behind the faulty one: a single state machine in this process whose leases run out by
 * the clock. It keeps every promise; what is wrong is put in front of it.
 */
import type { Applied, Command, LeaseId } from '../../../kv/types';
import type { LeaseBackend } from '../../../server/services';
import { SoloBackend } from '../../../server/services/testing/soloBackend';

export class TimedBackend extends SoloBackend {
  private readonly deadlines = new Map<LeaseId, NodeJS.Timeout>();
  private lastId = 1000n;

  override readonly leases: LeaseBackend = {
    ttlSecondsMin: 1,
    newId: () => (this.lastId += 1n),
    all: () => this.machine.leases().map(({ id }) => id),
    keys: (id) => this.machine.leaseKeys(id),
    renew: (id) => Promise.resolve(this.renew(id)),
    timeToLive: (id) => {
      const lease = this.machine.lease(id);
      if (lease === undefined) return Promise.resolve(undefined);
      const { ttlSeconds } = lease;
      return Promise.resolve({ grantedSeconds: ttlSeconds, remainingSeconds: ttlSeconds });
    },
  };

  /** `leasesEnd`: whether leases run out at all. */
  constructor(private readonly leasesEnd = true) {
    super();
  }

  override async propose(command: Command): Promise<Applied> {
    const applied = await super.propose(command);
    if (command.kind === 'leaseGrant') this.renew(command.id);
    return applied;
  }

  close(): void {
    for (const deadline of this.deadlines.values()) clearTimeout(deadline);
  }

  private renew(id: LeaseId): number | undefined {
    const ttlSeconds = this.machine.lease(id)?.ttlSeconds;
    clearTimeout(this.deadlines.get(id));
    if (ttlSeconds === undefined || !this.leasesEnd) return ttlSeconds;
    const end = (): void => void this.propose({ kind: 'leaseRevoke', id });
    this.deadlines.set(id, setTimeout(end, ttlSeconds * 1_000).unref());
    return ttlSeconds;
  }
}

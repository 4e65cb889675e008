/**
 * The Lease service: leases through the log, their time from whoever keeps it.
 *
 * A grant and a revocation are commands. A renewal is none: it moves a deadline at the leader, and
 * costs nothing in the log. Its response header is made *before* the renewal, so its revision is
 * never newer than the moment at which the lease was still alive.
 */
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import type {
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseKeepAliveRequest,
  LeaseKeepAliveResponse,
  LeaseLeasesResponse,
  LeaseRevokeRequest,
  LeaseRevokeResponse,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResponse,
} from '../../api';
import { NO_LEASE } from '../../kv/types';
import type { LeaseBackend } from './backend';
import { toNumber } from './fromWire';
import { eachRequest, headerAt, unary, type ServiceContext } from './handler';
import { propose } from './proposing';

export function leaseHandlers(
  context: ServiceContext,
  leases: LeaseBackend,
): UntypedServiceImplementation {
  const calls = new LeaseCalls(context, leases);
  return {
    leaseGrant: unary(context, (request: LeaseGrantRequest) => calls.grant(request)),
    leaseRevoke: unary(context, (request: LeaseRevokeRequest) => calls.revoke(request)),
    leaseKeepAlive: eachRequest(context, (request: LeaseKeepAliveRequest) =>
      calls.keepAlive(request),
    ),
    leaseTimeToLive: unary(context, (request: LeaseTimeToLiveRequest) => calls.timeToLive(request)),
    leaseLeases: unary(context, () => calls.leases()),
  };
}

class LeaseCalls {
  constructor(
    private readonly context: ServiceContext,
    private readonly backend: LeaseBackend,
  ) {}

  async grant(request: LeaseGrantRequest): Promise<LeaseGrantResponse> {
    const asked = toNumber(request.TTL);
    // One that is too long is refused when it is applied: alarms come first there, as in etcd.
    const id = request.ID === NO_LEASE ? this.backend.newId() : request.ID;
    const ttlSeconds = Math.max(asked, this.backend.ttlSecondsMin);
    const command = { kind: 'leaseGrant', id, ttlSeconds } as const;
    const { result, revision } = await propose(this.context, command, 0);
    const header = headerAt(this.context, revision);
    return { header, ID: result.id, TTL: BigInt(result.ttlSeconds), error: '' };
  }

  async revoke(request: LeaseRevokeRequest): Promise<LeaseRevokeResponse> {
    const command = { kind: 'leaseRevoke', id: request.ID } as const;
    const { revision } = await propose(this.context, command, 0);
    const header = headerAt(this.context, revision);
    return { header };
  }

  async keepAlive(request: LeaseKeepAliveRequest): Promise<LeaseKeepAliveResponse> {
    const header = this.header();
    const ttlSeconds = await this.backend.renew(request.ID);
    return { header, ID: request.ID, TTL: BigInt(ttlSeconds ?? 0) };
  }

  async timeToLive(request: LeaseTimeToLiveRequest): Promise<LeaseTimeToLiveResponse> {
    const { ID } = request;
    const time = await this.backend.timeToLive(ID);
    const header = this.header();
    if (time === undefined) return { header, ID, TTL: -1n, grantedTTL: 0n, keys: [] };
    const keys = request.keys ? this.backend.keys(ID) : [];
    return {
      header,
      ID,
      TTL: BigInt(time.remainingSeconds),
      grantedTTL: BigInt(time.grantedSeconds),
      keys: keys.map((key) => Buffer.from(key, 'latin1')),
    };
  }

  leases(): LeaseLeasesResponse {
    return { header: this.header(), leases: this.backend.all().map((ID) => ({ ID })) };
  }

  private header() {
    return headerAt(this.context, this.context.backend.view.revision);
  }
}

/**
 * A client of any store that speaks the etcd v3 API, made for testing it.
 *
 * One request is one attempt at one endpoint: nothing is sent again, nothing moves to another
 * member, and every call ends within its timeout with an `Outcome` that says whether the request
 * took effect, certainly did not, or whether nobody knows. Methods only reject on misuse (a closed
 * client, an endpoint that does not exist, a number that is no int64).
 */
import { Metadata } from '@grpc/grpc-js';
import {
  AuthService,
  ClusterService,
  KVService,
  LeaseService,
  MaintenanceService,
  WatchService,
  type CompactionResponse,
  type DefragmentResponse,
  type DeleteRangeResponse,
  type HashKVResponse,
  type LeaseGrantResponse,
  type LeaseKeepAliveResponse,
  type LeaseLeasesResponse,
  type LeaseRevokeResponse,
  type LeaseTimeToLiveResponse,
  type MemberAddResponse,
  type MemberListResponse,
  type MemberRemoveResponse,
  type MoveLeaderResponse,
  type PutResponse,
  type RangeResponse,
  type StatusResponse,
  type TxnResponse,
} from '../api';
import { Connection, type ConnectionOptions, type Method } from './connection';
import { keepAliveOnce } from './keepAlive';
import type { Outcome } from './outcome';
import * as requests from './requests';
import type { DeleteRangeInit, PutInit, RangeInit, TxnInit } from './requests';
import { WatchStream, type WatchHandlers } from './watchStream';

export interface EtcdClientOptions extends Omit<ConnectionOptions, 'endpoint'> {
  /** One connection each. `host:port`, `http://host:port` or `https://host:port`. */
  readonly endpoints: readonly string[];
  /** Default of every request. Default 1000. */
  readonly timeoutMs?: number;
  /** Token of `authenticate` for every request. Default none. */
  readonly token?: string;
}

export interface RequestOptions {
  /** Index into `endpoints`. Default 0. */
  readonly endpoint?: number;
  readonly timeoutMs?: number;
  /** Token of `authenticate`. */
  readonly token?: string;
  /** Ask the member to refuse while it knows no leader. Default false. */
  readonly requireLeader?: boolean;
}

type AnyResponse = { readonly header?: RangeResponse['header'] };

const timeoutMsDefault = 1000;

export class EtcdClient {
  readonly endpoints: readonly string[];
  private readonly connections: readonly Connection[];
  private readonly timeoutMs: number;
  private readonly token: string | undefined;

  constructor(options: EtcdClientOptions) {
    if (options.endpoints.length === 0) throw new Error('a client needs at least one endpoint');
    this.endpoints = options.endpoints;
    this.timeoutMs = options.timeoutMs ?? timeoutMsDefault;
    this.token = options.token;
    this.connections = options.endpoints.map(
      (endpoint) => new Connection({ ...options, endpoint }),
    );
  }

  range(init: RangeInit, options?: RequestOptions): Promise<Outcome<RangeResponse>> {
    return this.call(KVService.range, requests.rangeRequest(init), options);
  }

  put(init: PutInit, options?: RequestOptions): Promise<Outcome<PutResponse>> {
    return this.call(KVService.put, requests.putRequest(init), options);
  }

  deleteRange(
    init: DeleteRangeInit,
    options?: RequestOptions,
  ): Promise<Outcome<DeleteRangeResponse>> {
    return this.call(KVService.deleteRange, requests.deleteRangeRequest(init), options);
  }

  txn(init: TxnInit, options?: RequestOptions): Promise<Outcome<TxnResponse>> {
    return this.call(KVService.txn, requests.txnRequest(init), options);
  }

  /** `physical` answers only when the old revisions are gone from disk. */
  compact(
    init: { readonly revision: number; readonly physical?: boolean },
    options?: RequestOptions,
  ): Promise<Outcome<CompactionResponse>> {
    const request = { revision: BigInt(init.revision), physical: init.physical ?? false };
    return this.call(KVService.compact, request, options);
  }

  leaseGrant(
    init: { readonly ttlSeconds: number; readonly id?: bigint },
    options?: RequestOptions,
  ): Promise<Outcome<LeaseGrantResponse>> {
    const request = { TTL: BigInt(init.ttlSeconds), ID: init.id ?? 0n };
    return this.call(LeaseService.leaseGrant, request, options);
  }

  leaseRevoke(id: bigint, options?: RequestOptions): Promise<Outcome<LeaseRevokeResponse>> {
    return this.call(LeaseService.leaseRevoke, { ID: id }, options);
  }

  leaseTimeToLive(
    init: { readonly id: bigint; readonly keys?: boolean },
    options?: RequestOptions,
  ): Promise<Outcome<LeaseTimeToLiveResponse>> {
    const request = { ID: init.id, keys: init.keys ?? false };
    return this.call(LeaseService.leaseTimeToLive, request, options);
  }

  leaseLeases(options?: RequestOptions): Promise<Outcome<LeaseLeasesResponse>> {
    return this.call(LeaseService.leaseLeases, {}, options);
  }

  /** Renews a lease once, on a stream of its own. A lease that does not exist answers TTL 0. */
  leaseKeepAlive(id: bigint, options?: RequestOptions): Promise<Outcome<LeaseKeepAliveResponse>> {
    return keepAliveOnce(this.connection(options), id, this.settings(options));
  }

  memberList(
    init: { readonly linearizable?: boolean } = {},
    options?: RequestOptions,
  ): Promise<Outcome<MemberListResponse>> {
    const request = { linearizable: init.linearizable ?? false };
    return this.call(ClusterService.memberList, request, options);
  }

  /** The answer has the id of the new member, and all members with their names and peer urls. */
  memberAdd(
    init: { readonly peerUrls: readonly string[]; readonly isLearner?: boolean },
    options?: RequestOptions,
  ): Promise<Outcome<MemberAddResponse>> {
    const request = { peerURLs: [...init.peerUrls], isLearner: init.isLearner ?? false };
    return this.call(ClusterService.memberAdd, request, options);
  }

  memberRemove(id: bigint, options?: RequestOptions): Promise<Outcome<MemberRemoveResponse>> {
    return this.call(ClusterService.memberRemove, { ID: id }, options);
  }

  status(options?: RequestOptions): Promise<Outcome<StatusResponse>> {
    return this.call(MaintenanceService.status, {}, options);
  }

  /** Hash over the revisions up to `revision` (0: the newest) as this one member has them. */
  hashKv(revision: number, options?: RequestOptions): Promise<Outcome<HashKVResponse>> {
    return this.call(MaintenanceService.hashKv, { revision: BigInt(revision) }, options);
  }

  defragment(options?: RequestOptions): Promise<Outcome<DefragmentResponse>> {
    return this.call(MaintenanceService.defragment, {}, options);
  }

  /** Only the leader does it: choose its endpoint. */
  moveLeader(targetId: bigint, options?: RequestOptions): Promise<Outcome<MoveLeaderResponse>> {
    return this.call(MaintenanceService.moveLeader, { targetID: targetId }, options);
  }

  /** The token for later requests of this user. */
  async authenticate(
    user: { readonly name: string; readonly password: string },
    options?: RequestOptions,
  ): Promise<Outcome<string>> {
    const outcome = await this.call(AuthService.authenticate, { ...user }, options);
    return outcome.type === 'ok' ? { ...outcome, value: outcome.value.token } : outcome;
  }

  /**
   * Whether a member serves linearizable reads. A refusal for want of permission is a sign of
   * health as well: only a member that has caught up with its leader can give it.
   */
  async healthy(options?: RequestOptions): Promise<boolean> {
    const outcome = await this.range({ key: 'health' }, options);
    return outcome.type === 'ok' || outcome.code === 'permissionDenied';
  }

  /** Opens a stream for watches; see `WatchStream`. */
  watch(handlers: WatchHandlers, options?: RequestOptions): WatchStream {
    const { metadata } = this.settings(options);
    const { stream } = this.connection(options).stream(WatchService.watch, { metadata });
    return new WatchStream(stream, handlers);
  }

  /** Sends any unary request of the API as it is. */
  call<Request, Response extends AnyResponse>(
    method: Method<Request, Response>,
    request: Request,
    options?: RequestOptions,
  ): Promise<Outcome<Response>> {
    return this.connection(options).call(method, request, this.settings(options));
  }

  /** Makes the connection to an endpoint anew, as after a cut link was healed. */
  reconnect(endpoint: number): void {
    this.connection({ endpoint }).reconnect();
  }

  close(): void {
    for (const connection of this.connections) connection.close();
  }

  private connection(options: RequestOptions | undefined): Connection {
    const index = options?.endpoint ?? 0;
    const connection = this.connections[index];
    if (connection === undefined) {
      throw new Error(`endpoint ${index} of a client with ${this.connections.length} endpoints`);
    }
    return connection;
  }

  private settings(options: RequestOptions | undefined) {
    const metadata = new Metadata();
    const token = options?.token ?? this.token;
    if (token !== undefined) metadata.set('token', token);
    if (options?.requireLeader === true) metadata.set('hasleader', 'true');
    return { timeoutMs: options?.timeoutMs ?? this.timeoutMs, metadata };
  }
}

/**
 * An etcd-compatible store with one deliberate defect, in this process.
 *
 * A proxy stands in front of a right store and may change each request and each answer on its way.
 * Several members are several proxies in front of the same store, so that they agree unless the
 * defect is that they do not.
 */
import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  status,
  type handleUnaryCall,
  type MethodDefinition,
  type ServerDuplexStream,
  type ServiceDefinition,
  type ServiceError,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import {
  ClusterService,
  KVService,
  LeaseService,
  MaintenanceService,
  WatchService,
  type CompactionRequest,
  type CompactionResponse,
  type DeleteRangeRequest,
  type DeleteRangeResponse,
  type HashKVRequest,
  type HashKVResponse,
  type LeaseGrantRequest,
  type LeaseGrantResponse,
  type LeaseKeepAliveRequest,
  type LeaseKeepAliveResponse,
  type LeaseRevokeRequest,
  type LeaseRevokeResponse,
  type PutRequest,
  type PutResponse,
  type RangeRequest,
  type RangeResponse,
  type TxnRequest,
  type TxnResponse,
  type WatchCreateRequest,
  type WatchRequest,
  type WatchResponse,
} from '../../../api';
import { startGrpcServer, type RunningGrpcServer } from '../../../server/services';
import { TimedBackend } from './timedBackend';

/** Answers a request, mostly by what the right store says to it. */
type Answer<Request, Response> = (
  request: Request,
  next: (request: Request) => Promise<Response>,
  store: StoreCalls,
) => Promise<Response>;

/** Requests that a defect sends of its own accord. */
export interface StoreCalls {
  put(request: PutRequest): Promise<PutResponse>;
  range(request: RangeRequest): Promise<RangeResponse>;
  txn(request: TxnRequest): Promise<TxnResponse>;
  leaseRevoke(request: LeaseRevokeRequest): Promise<LeaseRevokeResponse>;
}

/** One watch stream on its way. */
export interface WatchDefect {
  /** Changes what is asked for. */
  readonly create?: (request: WatchCreateRequest) => WatchCreateRequest;
  /** What is delivered instead of a response; nothing drops it. */
  readonly deliver?: (response: WatchResponse) => readonly WatchResponse[];
  /** Ends the stream after so many responses. */
  readonly responsesMax?: number;
}

/** What one member does wrong; what is not given is right. */
export interface Defect {
  readonly range?: Answer<RangeRequest, RangeResponse>;
  readonly put?: Answer<PutRequest, PutResponse>;
  readonly deleteRange?: Answer<DeleteRangeRequest, DeleteRangeResponse>;
  readonly txn?: Answer<TxnRequest, TxnResponse>;
  readonly compact?: Answer<CompactionRequest, CompactionResponse>;
  readonly leaseGrant?: Answer<LeaseGrantRequest, LeaseGrantResponse>;
  readonly leaseRevoke?: Answer<LeaseRevokeRequest, LeaseRevokeResponse>;
  readonly leaseKeepAlive?: Answer<LeaseKeepAliveRequest, LeaseKeepAliveResponse>;
  readonly hashKv?: Answer<HashKVRequest, HashKVResponse>;
  /** For each stream anew. */
  readonly watch?: () => WatchDefect;
  /** Every answer of every call. */
  readonly any?: (response: AnyResponse) => AnyResponse | Promise<AnyResponse>;
  /** Services, or methods by their name, that the store does not have. */
  readonly without?: readonly string[];
  readonly leasesEnd?: boolean;
}

export interface AnyResponse {
  readonly header?: RangeResponse['header'];
}

type Method = MethodDefinition<unknown, unknown>;

const services = { KVService, LeaseService, ClusterService, MaintenanceService, WatchService };

export class FaultyStore {
  private constructor(
    readonly urls: readonly string[],
    private readonly proxies: readonly Server[],
    private readonly upstream: Client,
    private readonly right: RunningGrpcServer,
    private readonly backend: TimedBackend,
  ) {}

  /** One member for each defect. */
  static async start(...defects: readonly Defect[]): Promise<FaultyStore> {
    const backend = new TimedBackend(defects.every(({ leasesEnd }) => leasesEnd !== false));
    const right = await startGrpcServer(backend, { host: '127.0.0.1', port: 0 });
    const upstream = new Client(`127.0.0.1:${right.port}`, credentials.createInsecure());
    const proxies: Server[] = [];
    const urls: string[] = [];
    for (const defect of defects) {
      const proxy = new Server();
      for (const [name, service] of Object.entries(services)) {
        if (defect.without?.includes(name)) continue;
        proxy.addService(service, handlersOf(service, defect, upstream));
      }
      urls.push(`http://127.0.0.1:${await listen(proxy)}`);
      proxies.push(proxy);
    }
    return new FaultyStore(urls, proxies, upstream, right, backend);
  }

  async close(): Promise<void> {
    for (const proxy of this.proxies) proxy.forceShutdown();
    this.upstream.close();
    this.backend.close();
    await this.right.close();
  }
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}

function handlersOf(
  service: ServiceDefinition,
  defect: Defect,
  upstream: Client,
): UntypedServiceImplementation {
  const handlers: UntypedServiceImplementation = {};
  for (const [name, method] of Object.entries(service)) {
    if (defect.without?.includes(name)) continue;
    if (name === 'watch') handlers[name] = watchHandler(method, defect, upstream);
    else if (name === 'leaseKeepAlive') handlers[name] = keepAliveHandler(method, defect, upstream);
    else if (!method.responseStream) handlers[name] = unaryHandler(name, method, defect, upstream);
  }
  return handlers;
}

function callsOf(upstream: Client): StoreCalls {
  const call =
    (method: Method) =>
    (request: unknown): Promise<never> =>
      send(upstream, method, request) as Promise<never>;
  return {
    put: call(KVService.put as Method),
    range: call(KVService.range as Method),
    txn: call(KVService.txn as Method),
    leaseRevoke: call(LeaseService.leaseRevoke as Method),
  };
}

function send(upstream: Client, method: Method, request: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    upstream.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      new Metadata(),
      {},
      (error, response) => (error === null ? resolve(response) : reject(error)),
    );
  });
}

/** The answer of the defect where it has one, else that of the right store. */
async function answer(
  name: string,
  request: unknown,
  defect: Defect,
  upstream: Client,
  next: (request: unknown) => Promise<unknown>,
): Promise<unknown> {
  const wrong = defect[name as keyof Defect] as Answer<unknown, unknown> | undefined;
  const response = await (wrong === undefined
    ? next(request)
    : wrong(request, next, callsOf(upstream)));
  return defect.any === undefined ? response : defect.any(response as AnyResponse);
}

function unaryHandler(
  name: string,
  method: Method,
  defect: Defect,
  upstream: Client,
): handleUnaryCall<unknown, unknown> {
  const next = (request: unknown): Promise<unknown> => send(upstream, method, request);
  return ({ request }, callback) => {
    answer(name, request, defect, upstream, next).then(
      (response) => callback(null, response),
      (error: ServiceError) => {
        const { code = status.UNKNOWN, details } = error;
        callback({ code, details: details ?? error.message });
      },
    );
  };
}

type Duplex = ServerDuplexStream<unknown, unknown>;

function open(upstream: Client, method: Method) {
  return upstream.makeBidiStreamRequest(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
  );
}

function keepAliveHandler(method: Method, defect: Defect, upstream: Client) {
  const once = (request: unknown): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const stream = open(upstream, method);
      stream.on('data', resolve);
      stream.on('error', reject);
      stream.write(request);
      stream.end();
    });
  return (call: Duplex): void => {
    let answered: Promise<unknown> = Promise.resolve();
    call.on('data', (request: unknown) => {
      answered = answer('leaseKeepAlive', request, defect, upstream, once).then(
        (response) => call.write(response),
        () => call.end(),
      );
    });
    call.on('end', () => void answered.then(() => call.end()));
    call.on('error', () => undefined);
  };
}

function watchHandler(method: Method, defect: Defect, upstream: Client) {
  return (call: Duplex): void => {
    const { create, deliver, responsesMax = Infinity } = defect.watch?.() ?? {};
    const stream = open(upstream, method);
    let count = 0;
    call.on('data', ({ requestUnion }: WatchRequest) => {
      const isCreation = requestUnion?.$case === 'createRequest' && create !== undefined;
      const sent = isCreation
        ? { $case: 'createRequest' as const, value: create(requestUnion.value) }
        : requestUnion;
      stream.write({ requestUnion: sent });
    });
    call.on('cancelled', () => stream.cancel());
    call.on('error', () => stream.cancel());
    stream.on('data', (response: WatchResponse) => {
      for (const one of deliver?.(response) ?? [response]) call.write(one);
      count += 1;
      if (count < responsesMax) return;
      stream.cancel();
      call.end();
    });
    stream.on('error', () => call.end());
    stream.on('end', () => call.end());
  };
}

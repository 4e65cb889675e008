/**
 * The client port of a member: a gRPC server with the services that there are.
 *
 * A service or a method that is missing here is answered with `unimplemented` by grpc-js. Every
 * limit is an option; what exceeds one is refused before it is decoded or proposed.
 */
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import {
  Server,
  ServerCredentials,
  type ServerOptions,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { ClusterService, LeaseService, MaintenanceService } from '../../api';
import type { Backend } from './backend';
import type { CallCounts } from './callCounts';
import { ClientPort, type Address, type ClientPortHandlers, type ClientTls } from './clientPort';
import { clusterHandlers } from './clusterService';
import type { ServiceContext } from './handler';
import { kvHandlers, kvMethods } from './kvService';
import { leaseHandlers } from './leaseService';
import { maintenanceHandlers } from './maintenanceService';
import { watchMethods, WatchService, type WatchTiming } from './watchService';
import { checkedRequests } from './wireCheck';
import { HeaderWriter } from './wireWriter';

export interface GrpcServerOptions extends WatchTiming {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Largest request that may go into the log. Default 1.5 MiB, as etcd. */
  readonly maxRequestBytes?: number;
  /** Operations, or comparisons, in one transaction. Default 128, as etcd. */
  readonly maxTxnOps?: number;
  /** Streams, hence requests, open at once on one connection. Default 4096. */
  readonly maxConcurrentStreams?: number;
  /** A silent connection is pinged after this. Default 2 hours, as etcd. */
  readonly keepAliveMs?: number;
  /** Without an answer to the ping for this long, the client is gone. Default 20 s, as etcd. */
  readonly keepAliveTimeoutMs?: number;
  /** How long `close` lets open calls finish. Default 500. */
  readonly graceMs?: number;
  /** Serves TLS only. Default: no TLS. */
  readonly tls?: ClientTls | undefined;
  /** More places to listen on, each with TLS or without. */
  readonly alsoListen?: readonly (Address & { readonly tls?: ClientTls | undefined })[];
  /** Counts the calls. Default: nobody does. */
  readonly calls?: CallCounts;
  /** Answers plain HTTP on the same port. Default: 404. */
  readonly http?: RequestListener;
  /** Told of errors that are defects. Default: written to stderr as a process warning. */
  readonly onDefect?: (error: unknown) => void;
}

export interface RunningGrpcServer {
  readonly port: number;
  /** Takes no more calls, lets the open ones finish for `graceMs`, then cuts them off. */
  close(): Promise<void>;
}

/** What a message may have over the largest request: keys, options, the frame. As etcd. */
const messageOverheadBytes = 512 * 1024;

/** A plain HTTP connection that is silent for this long is closed. */
const HTTP_IDLE_MS = 10_000;

/** Rejects when the address cannot be listened on, with the reason in the text. */
export async function startGrpcServer(
  backend: Backend,
  options: GrpcServerOptions,
): Promise<RunningGrpcServer> {
  const requestBytesMax = options.maxRequestBytes ?? 1.5 * 1024 * 1024;
  const context: ServiceContext = {
    backend,
    limits: { requestBytesMax, txnOpsMax: options.maxTxnOps ?? 128 },
    headers: new HeaderWriter(backend.clusterId, backend.memberId),
    onDefect: options.onDefect ?? warn,
  };
  const server = new Server(channelOptions(options, requestBytesMax));
  const add = (definition: ServiceDefinition, handlers: UntypedServiceImplementation): void =>
    server.addService(
      checkedRequests(definition),
      options.calls?.counted(definition, handlers) ?? handlers,
    );
  add(kvMethods, kvHandlers(context));
  add(ClusterService, clusterHandlers(context));
  add(MaintenanceService, maintenanceHandlers(context));
  if (backend.leases !== undefined) add(LeaseService, leaseHandlers(context, backend.leases));
  const watch =
    backend.watches === undefined ? undefined : new WatchService(context, backend.watches, options);
  if (watch !== undefined) add(watchMethods, watch.handlers);
  try {
    const http = plainHttp(options.http ?? notFound);
    const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
    const handlers = {
      grpc: (socket: Socket): void => injector.injectConnection(socket),
      http: (socket: Socket): void => http.take(socket),
    };
    const ports = await listenOnAll([options, ...(options.alsoListen ?? [])], handlers);
    const stop = (): Promise<void> => {
      watch?.close();
      for (const port of ports) port.close();
      http.close();
      return close(server, options.graceMs ?? 500);
    };
    return { port: ports[0]!.port, close: stop };
  } catch (error) {
    watch?.close();
    server.forceShutdown();
    throw error;
  }
}

/** In order. When one of them cannot be listened on, none is. */
async function listenOnAll(
  places: readonly (Address & { readonly tls?: ClientTls | undefined })[],
  handlers: ClientPortHandlers,
): Promise<readonly ClientPort[]> {
  const ports: ClientPort[] = [];
  try {
    for (const place of places) ports.push(await ClientPort.listen(place, handlers, place.tls));
    return ports;
  } catch (error) {
    for (const port of ports) port.close();
    throw error;
  }
}

/** A plain HTTP server that does not listen: it is given its connections. */
function plainHttp(listener: RequestListener) {
  const server = createHttpServer(listener);
  server.setTimeout(HTTP_IDLE_MS);
  const sockets = new Set<Socket>();
  return {
    take: (socket: Socket): void => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      server.emit('connection', socket);
    },
    close: (): void => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

const notFound: RequestListener = (_, response) => {
  response.writeHead(404).end();
};

function channelOptions(options: GrpcServerOptions, requestBytesMax: number): ServerOptions {
  return {
    'grpc.max_receive_message_length': requestBytesMax + messageOverheadBytes,
    'grpc.max_concurrent_streams': options.maxConcurrentStreams ?? 4096,
    // Pings find clients that vanished without a word.
    'grpc.keepalive_time_ms': options.keepAliveMs ?? 2 * 60 * 60 * 1000,
    'grpc.keepalive_timeout_ms': options.keepAliveTimeoutMs ?? 20_000,
  };
}

function close(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => server.forceShutdown(), graceMs);
    server.tryShutdown(() => {
      clearTimeout(force);
      resolve();
    });
  });
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error));
}

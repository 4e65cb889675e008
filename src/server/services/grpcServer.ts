/**
 * The client port of a member: a gRPC server with the services that there are.
 *
 * A service or a method that is missing here is answered with `unimplemented` by grpc-js. Every
 * limit is an option; what exceeds one is refused before it is decoded or proposed.
 */
import { Server, ServerCredentials, type ServerOptions } from '@grpc/grpc-js';
import {
  ClusterService,
  LeaseService,
  MaintenanceService,
  WatchService as WatchDefinition,
} from '../../api';
import type { Backend } from './backend';
import { clusterHandlers } from './clusterService';
import type { ServiceContext } from './handler';
import { kvHandlers, kvMethods } from './kvService';
import { leaseHandlers } from './leaseService';
import { maintenanceHandlers } from './maintenanceService';
import { WatchService, type WatchTiming } from './watchService';

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
  /** How long `close` lets open calls finish. Default 500. */
  readonly graceMs?: number;
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

/** Rejects when the address cannot be listened on, with the reason in the text. */
export async function startGrpcServer(
  backend: Backend,
  options: GrpcServerOptions,
): Promise<RunningGrpcServer> {
  const requestBytesMax = options.maxRequestBytes ?? 1.5 * 1024 * 1024;
  const context: ServiceContext = {
    backend,
    limits: { requestBytesMax, txnOpsMax: options.maxTxnOps ?? 128 },
    onDefect: options.onDefect ?? warn,
  };
  const server = new Server(channelOptions(options, requestBytesMax));
  server.addService(kvMethods, kvHandlers(context));
  server.addService(ClusterService, clusterHandlers(context));
  server.addService(MaintenanceService, maintenanceHandlers(context));
  if (backend.leases !== undefined) {
    server.addService(LeaseService, leaseHandlers(context, backend.leases));
  }
  const watch =
    backend.watches === undefined ? undefined : new WatchService(context, backend.watches, options);
  if (watch !== undefined) server.addService(WatchDefinition, watch.handlers);
  try {
    const port = await bind(server, options);
    const stop = (): Promise<void> => {
      watch?.close();
      return close(server, options.graceMs ?? 500);
    };
    return { port, close: stop };
  } catch (error) {
    watch?.close();
    throw error;
  }
}

function channelOptions(options: GrpcServerOptions, requestBytesMax: number): ServerOptions {
  return {
    'grpc.max_receive_message_length': requestBytesMax + messageOverheadBytes,
    'grpc.max_concurrent_streams': options.maxConcurrentStreams ?? 4096,
    // Pings find clients that vanished without a word; the figures are etcd's.
    'grpc.keepalive_time_ms': 2 * 60 * 60 * 1000,
    'grpc.keepalive_timeout_ms': 20_000,
  };
}

function bind(server: Server, { host, port }: GrpcServerOptions): Promise<number> {
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(new Error(`cannot listen on ${address}: ${reasonOf(error)}`));
    });
  });
}

function reasonOf(error: Error): string {
  if (error.message.includes('EADDRINUSE')) return 'the port is in use (EADDRINUSE)';
  if (error.message.includes('EACCES')) return 'permission denied (EACCES)';
  return error.message;
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

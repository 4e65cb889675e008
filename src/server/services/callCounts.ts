/**
 * Counts the calls of gRPC services by method and status: what a scrape shows as
 * `grpc_server_started_total` and `grpc_server_handled_total`.
 *
 * Counting is two additions a call; names and labels are made when somebody asks.
 */
import {
  status as Status,
  type ServiceDefinition,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';

export interface CallCount {
  readonly service: string;
  readonly method: string;
  readonly type: 'unary' | 'client_stream' | 'server_stream' | 'bidi_stream';
  readonly started: number;
  /** By numeric status. */
  readonly handled: ReadonlyMap<Status, number>;
}

interface Counts {
  readonly path: string;
  readonly type: CallCount['type'];
  started: number;
  readonly handled: Map<Status, number>;
}

/** As much of any call and callback as counting needs. */
type Callback = (error: { readonly code?: Status } | null, ...rest: unknown[]) => void;
interface StreamingCall {
  once(event: string, listener: (error?: { readonly code?: Status }) => void): void;
}
type AnyHandler = (call: StreamingCall, callback: Callback) => void;

export class CallCounts {
  private readonly methods: Counts[] = [];

  /** The same handlers, with every call counted. */
  counted(
    definition: ServiceDefinition,
    handlers: UntypedServiceImplementation,
  ): UntypedServiceImplementation {
    const result: UntypedServiceImplementation = {};
    for (const [name, handler] of Object.entries(handlers)) {
      const method = definition[name];
      if (method === undefined) throw new Error(`there is no method ${name} to handle`);
      const { path, requestStream, responseStream } = method;
      const type = typeOf(requestStream, responseStream);
      const counts: Counts = { path, type, started: 0, handled: new Map() };
      this.methods.push(counts);
      const counting = responseStream ? countStream : countUnary;
      result[name] = counting(counts, handler as AnyHandler) as UntypedHandleCall;
    }
    return result;
  }

  read(): readonly CallCount[] {
    return this.methods.map(({ path, type, started, handled }) => {
      const [, service = '', method = ''] = path.split('/');
      return { service, method, type, started, handled };
    });
  }
}

function typeOf(requestStream: boolean, responseStream: boolean): CallCount['type'] {
  if (requestStream) return responseStream ? 'bidi_stream' : 'client_stream';
  return responseStream ? 'server_stream' : 'unary';
}

function add({ handled }: Counts, code: Status): void {
  handled.set(code, (handled.get(code) ?? 0) + 1);
}

function countUnary(counts: Counts, handler: AnyHandler): AnyHandler {
  return (call, callback) => {
    counts.started++;
    handler(call, (error, ...rest) => {
      add(counts, error === null ? Status.OK : (error.code ?? Status.UNKNOWN));
      callback(error, ...rest);
    });
  };
}

function countStream(counts: Counts, handler: AnyHandler): AnyHandler {
  return (call, callback) => {
    counts.started++;
    let isCounted = false;
    const end = (code: Status): void => {
      if (!isCounted) add(counts, code);
      isCounted = true;
    };
    call.once('error', (error) => end(error?.code ?? Status.UNKNOWN));
    call.once('cancelled', () => end(Status.CANCELLED));
    call.once('finish', () => end(Status.OK));
    handler(call, callback);
  };
}

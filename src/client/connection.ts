/**
 * One connection to one endpoint, and requests on it that are sent once or not at all.
 *
 * grpc-js would send a request again by itself when a stream is refused; that is switched off
 * (`grpc.enable_retries`), and so are proxies and service configurations from DNS, which could
 * bring it back. Whether a request left is not guessed from texts: the metadata of a call is asked
 * for in the moment it is put on a connection that is up, so a call that ends without having been
 * asked never left this process.
 *
 * A link that was cut without a reset looks alive for as long as TCP goes on resending, minutes
 * after it was healed. Hence after some timeouts in a row the connection is made anew.
 */
import {
  CallCredentials,
  Client,
  credentials,
  Metadata,
  status as Status,
  type CallOptions,
  type ChannelOptions,
  type ClientDuplexStream,
} from '@grpc/grpc-js';
import { failure, RESPONSE_BYTES_MAX, type Ok, type Outcome } from './outcome';

export interface TlsOptions {
  /** PEM. Default: the roots of Node. */
  readonly rootCerts?: Buffer;
  /** PEM, for a server that asks for a client certificate. */
  readonly privateKey?: Buffer;
  readonly certChain?: Buffer;
  /** The name to expect in the server's certificate when it is not the endpoint's. */
  readonly serverName?: string;
}

export interface ConnectionOptions {
  /** `host:port`, `http://host:port` or `https://host:port`. */
  readonly endpoint: string;
  /** Used for every endpoint when set, else for `https` endpoints with Node's roots. */
  readonly tls?: TlsOptions;
  /** First and longest wait between attempts to connect. Default 20 and 200 ms. */
  readonly reconnectMinMs?: number;
  readonly reconnectMaxMs?: number;
  /** A ping after this much silence while a call is open. Default 6000: etcd refuses < 5000. */
  readonly keepaliveMs?: number;
  /** The connection is dead without an answer to a ping in this time. Default 2000. */
  readonly keepaliveTimeoutMs?: number;
  /** Timeouts in a row after which the connection is made anew; 0 never. Default 3. */
  readonly timeoutsBeforeReconnect?: number;
  /** Largest response. Default 64 MiB. */
  readonly responseBytesMax?: number;
}

/** What the generated code says of a method. */
export interface Method<Request, Response> {
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

export interface StreamSettings {
  /** Absent: the stream may stay open for ever. */
  readonly timeoutMs?: number;
  readonly metadata: Metadata;
}

export interface CallSettings extends StreamSettings {
  readonly timeoutMs: number;
}

export interface OpenStream<Request, Response> {
  readonly stream: ClientDuplexStream<Request, Response>;
  /** False: nothing of it ever left this process. */
  readonly sent: () => boolean;
}

interface Header {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly revision: bigint;
  readonly raftTerm: bigint;
}

export class Connection {
  readonly endpoint: string;
  private readonly responseBytesMax: number;
  private client: Client;
  private timeoutsInRow = 0;
  private closed = false;

  constructor(private readonly options: ConnectionOptions) {
    this.endpoint = options.endpoint;
    this.responseBytesMax = options.responseBytesMax ?? RESPONSE_BYTES_MAX;
    this.client = this.connect();
  }

  /** Sends one request once. Throws only when the request cannot be encoded or after `close`. */
  call<Request, Response extends { readonly header?: Header | undefined }>(
    method: Method<Request, Response>,
    request: Request,
    settings: CallSettings,
  ): Promise<Outcome<Response>> {
    this.assertOpen();
    const bytes = method.requestSerialize(request);
    const client = this.client;
    const mark = sentMark(settings.metadata);
    return new Promise((resolve) => {
      client.makeUnaryRequest(
        method.path,
        (message: Buffer) => message,
        method.responseDeserialize,
        bytes,
        new Metadata(),
        mark.options(settings.timeoutMs),
        (error, response) => {
          if (error === null && response !== undefined) {
            this.timeoutsInRow = 0;
            resolve(ok(response));
            return;
          }
          const code = error?.code ?? Status.UNKNOWN;
          this.countTimeouts(code, client);
          const text = error?.details ?? 'neither response nor error';
          resolve(failure(code, text, mark.sent(), this.responseBytesMax));
        },
      );
    });
  }

  /** Opens a stream in both directions; its user listens to `error`. */
  stream<Request, Response>(
    method: Method<Request, Response>,
    settings: StreamSettings,
  ): OpenStream<Request, Response> {
    this.assertOpen();
    const mark = sentMark(settings.metadata);
    const stream = this.client.makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      new Metadata(),
      mark.options(settings.timeoutMs),
    );
    return { stream, sent: mark.sent };
  }

  /** Makes the connection anew. Requests on the old one end in their own time. */
  reconnect(): void {
    if (this.closed) return;
    this.client.close();
    this.client = this.connect();
    this.timeoutsInRow = 0;
  }

  close(): void {
    this.closed = true;
    this.client.close();
  }

  private connect(): Client {
    const url = splitEndpoint(this.endpoint);
    const tls = this.options.tls;
    const secure = tls !== undefined || url.secure;
    return new Client(
      url.address,
      secure
        ? credentials.createSsl(
            tls?.rootCerts ?? null,
            tls?.privateKey ?? null,
            tls?.certChain ?? null,
          )
        : credentials.createInsecure(),
      this.channelOptions(tls?.serverName),
    );
  }

  private channelOptions(serverName: string | undefined): ChannelOptions {
    const options = this.options;
    return {
      'grpc.enable_retries': 0,
      'grpc.service_config_disable_resolution': 1,
      'grpc.enable_http_proxy': 0,
      // Two clients must not share a connection: a fault on one would hit the other.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.dns_min_time_between_resolutions_ms': 100,
      'grpc.initial_reconnect_backoff_ms': options.reconnectMinMs ?? 20,
      'grpc.max_reconnect_backoff_ms': options.reconnectMaxMs ?? 200,
      'grpc.keepalive_time_ms': options.keepaliveMs ?? 6000,
      'grpc.keepalive_timeout_ms': options.keepaliveTimeoutMs ?? 2000,
      'grpc.max_receive_message_length': this.responseBytesMax,
      'grpc.max_send_message_length': -1,
      ...(serverName === undefined ? {} : { 'grpc.ssl_target_name_override': serverName }),
    };
  }

  private countTimeouts(code: Status, client: Client): void {
    if (client !== this.client) return;
    if (code !== Status.DEADLINE_EXCEEDED) {
      this.timeoutsInRow = 0;
      return;
    }
    this.timeoutsInRow++;
    const limit = this.options.timeoutsBeforeReconnect ?? 3;
    if (limit > 0 && this.timeoutsInRow >= limit) this.reconnect();
  }

  private assertOpen(): void {
    if (this.closed) throw new Error(`the client of ${this.endpoint} is closed`);
  }
}

/** Notes the moment at which a call is put on a connection, by being asked for its metadata. */
function sentMark(metadata: Metadata) {
  let sent = false;
  const mark = CallCredentials.createFromMetadataGenerator((_call, done) => {
    sent = true;
    done(null, metadata);
  });
  return {
    sent: () => sent,
    options: (timeoutMs: number | undefined): CallOptions => ({
      credentials: mark,
      ...(timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs }),
    }),
  };
}

/** What a response with a header amounts to. */
export function ok<Response extends { readonly header?: Header | undefined }>(
  value: Response,
): Ok<Response> {
  const header = value.header;
  return {
    type: 'ok',
    value,
    revision: Number(header?.revision ?? 0n),
    memberId: header?.memberId ?? 0n,
    clusterId: header?.clusterId ?? 0n,
    raftTerm: Number(header?.raftTerm ?? 0n),
  };
}

function splitEndpoint(endpoint: string): { readonly address: string; readonly secure: boolean } {
  const match = /^(?:(https?):\/\/)?([^/]+)\/?$/.exec(endpoint);
  if (match?.[2] === undefined) {
    throw new Error(`endpoint "${endpoint}" is not host:port or http(s)://host:port`);
  }
  return { address: match[2], secure: match[1] === 'https' };
}

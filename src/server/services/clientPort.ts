/**
 * The listening socket of the client port: gRPC and plain HTTP on one port, as etcd has it.
 *
 * A connection of HTTP/2 begins with `PRI * HTTP/2.0`, and no request of HTTP/1 does. So the first
 * bytes tell who is to have the connection; what was read is put back before it is handed on, of
 * HTTP/2 as `Http2Opening` left it.
 *
 * Invariant: after `close` no connection is left that was not handed on.
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { EMPTY_SETTINGS, Http2Opening } from './http2Opening';

export interface ClientPortHandlers {
  /** Takes over a connection that speaks HTTP/2. */
  readonly grpc: (socket: Socket) => void;
  /** Takes over any other. */
  readonly http: (socket: Socket) => void;
}

export interface Address {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** Certificates as PEM. */
export interface ClientTls {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Who vouches for clients. */
  readonly ca?: Buffer | undefined;
  /** Clients must show a certificate that `ca` vouches for. Default false. */
  readonly clientCertAuth?: boolean | undefined;
}

const PREFACE = Buffer.from('PRI * HTTP/2.0');
/** Clients speak first; one that says nothing for this long has nothing to say. */
const FIRST_BYTES_MS = 10_000;
/** A connection without a request yet is probed by TCP when it was silent for this long. */
const KEEP_ALIVE_MS = 60_000;

export class ClientPort {
  private readonly undecided = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly handlers: ClientPortHandlers,
  ) {}

  /** Rejects when the address cannot be listened on, with the reason in the text. */
  static async listen(
    address: Address,
    handlers: ClientPortHandlers,
    tls?: ClientTls,
  ): Promise<ClientPort> {
    const server = tls === undefined ? createServer({ noDelay: true }) : tlsServer(tls);
    const port = new ClientPort(server, handlers);
    const event = tls === undefined ? 'connection' : 'secureConnection';
    server.on(event, (socket: Socket) => port.accept(socket));
    await listenOn(server, address);
    return port;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Takes no more connections. */
  close(): void {
    this.server.close();
    for (const socket of this.undecided) socket.destroy();
  }

  private accept(socket: Socket): void {
    let head: Buffer = Buffer.alloc(0);
    const forget = this.read(socket, (bytes) => {
      head = Buffer.concat([head, bytes]);
      const length = Math.min(head.length, PREFACE.length);
      const isPreface = head.subarray(0, length).equals(PREFACE.subarray(0, length));
      if (isPreface && length < PREFACE.length) return;
      forget();
      if (isPreface) this.open(socket, head);
      else this.handOver(socket, head, this.handlers.http);
    });
    socket.setTimeout(FIRST_BYTES_MS);
  }

  /** A client may take its time until its first request, but not vanish unnoticed. */
  private open(socket: Socket, head: Buffer): void {
    const opening = new Http2Opening();
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.write(EMPTY_SETTINGS);
    const feed = (bytes: Buffer): void => {
      const { reply, handOver } = opening.feed(bytes);
      if (reply.length > 0) socket.write(reply);
      if (handOver === undefined) return;
      forget();
      this.handOver(socket, handOver, this.handlers.grpc);
    };
    const forget = this.read(socket, feed);
    feed(head);
  }

  private handOver(socket: Socket, bytes: Buffer, handler: (socket: Socket) => void): void {
    socket.unshift(bytes);
    handler(socket);
  }

  /** Passes on what a connection sends until the returned function is called, or it ends. */
  private read(socket: Socket, take: (bytes: Buffer) => void): () => void {
    const look = (): void => {
      const bytes = socket.read() as Buffer | null;
      if (bytes !== null) take(bytes);
    };
    const giveUp = (): void => {
      socket.destroy();
    };
    const forget = (): void => {
      this.undecided.delete(socket);
      socket.off('readable', look).off('end', giveUp).off('error', giveUp).off('timeout', giveUp);
      socket.setTimeout(0);
    };
    this.undecided.add(socket);
    socket.on('readable', look).on('end', giveUp).on('error', giveUp).on('timeout', giveUp);
    socket.once('close', () => this.undecided.delete(socket));
    return forget;
  }
}

function tlsServer({ cert, key, ca, clientCertAuth = false }: ClientTls): Server {
  const verify = { requestCert: clientCertAuth, rejectUnauthorized: clientCertAuth };
  const ALPNProtocols = ['h2', 'http/1.1'];
  return createTlsServer({ cert, key, ca, ...verify, ALPNProtocols, noDelay: true });
}

/** Listens, or rejects with an error that names the address and the reason. */
export function listenOn(server: Server, { host, port }: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException): void => {
      const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
      reject(new Error(`cannot listen on ${address}: ${reasonOf(error)}`));
    };
    server.once('error', refuse);
    server.listen(port, host, () => {
      server.off('error', refuse);
      resolve();
    });
  });
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'EADDRINUSE') return 'the port is in use (EADDRINUSE)';
  if (error.code === 'EACCES') return 'permission denied (EACCES)';
  return error.message;
}

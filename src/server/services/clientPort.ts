/**
 * The listening socket of the client port: gRPC and plain HTTP on one port, as etcd has it.
 *
 * A connection of HTTP/2 begins with `PRI * HTTP/2.0`, and no request of HTTP/1 does. So the first
 * bytes tell who is to have the connection; they are put back before it is handed on.
 *
 * Invariant: after `close` no connection is left that was not handed on.
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

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

const PREFACE = Buffer.from('PRI * HTTP/2.0');
/** Clients speak first; one that says nothing for this long has nothing to say. */
const FIRST_BYTES_MS = 10_000;

export class ClientPort {
  private readonly undecided = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly handlers: ClientPortHandlers,
  ) {
    server.on('connection', (socket) => this.accept(socket));
  }

  /** Rejects when the address cannot be listened on, with the reason in the text. */
  static async listen(address: Address, handlers: ClientPortHandlers): Promise<ClientPort> {
    const server = createServer({ noDelay: true });
    const port = new ClientPort(server, handlers);
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
    this.undecided.add(socket);
    const heads: Buffer[] = [];
    const look = (): void => {
      const head = socket.read() as Buffer | null;
      if (head === null) return;
      heads.push(head);
      const bytes = Buffer.concat(heads);
      const length = Math.min(bytes.length, PREFACE.length);
      const isPreface = bytes.subarray(0, length).equals(PREFACE.subarray(0, length));
      if (isPreface && length < PREFACE.length) return;
      forget();
      socket.unshift(bytes);
      if (isPreface) this.handlers.grpc(socket);
      else this.handlers.http(socket);
    };
    const giveUp = (): void => {
      socket.destroy();
    };
    const forget = (): void => {
      this.undecided.delete(socket);
      socket.off('readable', look).off('end', giveUp).off('error', giveUp).off('timeout', giveUp);
      socket.setTimeout(0);
    };
    socket.on('readable', look).on('end', giveUp).on('error', giveUp).on('timeout', giveUp);
    socket.once('close', () => this.undecided.delete(socket));
    socket.setTimeout(FIRST_BYTES_MS);
  }
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

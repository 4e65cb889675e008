/**
 * Sends on what a client says in pieces of so many bytes, each in a turn of its own, as slow or
 * small links do; the answers come back as they are.
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export class PieceProxy {
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {}

  /** Listens on any free port of the loopback, for the server at `port`. */
  static async open(port: number, pieceBytes: number): Promise<PieceProxy> {
    const server = createServer({ noDelay: true });
    const proxy = new PieceProxy(server);
    server.on('connection', (client) => proxy.join(client, port, pieceBytes));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private join(client: Socket, port: number, pieceBytes: number): void {
    const up = connect({ host: '127.0.0.1', port, noDelay: true });
    for (const [socket, other] of [
      [client, up],
      [up, client],
    ] as const) {
      this.sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        this.sockets.delete(socket);
        other.destroy();
      });
    }
    up.pipe(client);
    void sendOn(client, up, pieceBytes);
  }
}

async function sendOn(from: Socket, to: Socket, pieceBytes: number): Promise<void> {
  try {
    for await (const bytes of from as AsyncIterable<Buffer>) {
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        to.write(bytes.subarray(at, at + pieceBytes));
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    to.end();
  } catch {
    // The client broke off; `close` ends the other side.
  }
}

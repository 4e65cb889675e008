/** Listeners of `--listen-metrics-urls`: plain HTTP apart from the client port. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { listenOn, type Address } from '../services';

export class MetricsListeners {
  private constructor(private readonly servers: readonly Server[]) {}

  /** Rejects when one of the addresses cannot be listened on; then none is. */
  static async open(
    addresses: readonly Address[],
    listener: RequestListener,
  ): Promise<MetricsListeners> {
    const servers = addresses.map(() => createServer(listener));
    const opened = new MetricsListeners(servers);
    try {
      for (const [i, server] of servers.entries()) await listenOn(server, addresses[i]!);
      return opened;
    } catch (error) {
      opened.close();
      throw error;
    }
  }

  close(): void {
    for (const server of this.servers) {
      server.close();
      server.closeAllConnections();
    }
  }
}

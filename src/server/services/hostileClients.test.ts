/** Clients that ask for too much, or that vanish: they cost what they may, and harm nobody. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { EtcdClient, FROM_KEY } from '../../client';
import { startGrpcServer, type RunningGrpcServer } from './grpcServer';
import { SoloBackend } from './testing/soloBackend';
import { WatchLog } from './testing/watchLog';

let backend: SoloBackend;
let server: RunningGrpcServer;
let client: EtcdClient;
const defects: unknown[] = [];

async function serve(options: Partial<Parameters<typeof startGrpcServer>[1]> = {}): Promise<void> {
  backend = new SoloBackend();
  server = await startGrpcServer(backend, {
    host: '127.0.0.1',
    port: 0,
    onDefect: (error) => defects.push(error),
    ...options,
  });
  client = new EtcdClient({ endpoints: [`127.0.0.1:${server.port}`], timeoutMs: 30_000 });
}

afterEach(async () => {
  client.close();
  await server.close();
  expect(defects.splice(0)).toEqual([]);
});

/** A wire between a client and the server that can go dead: open, and nothing comes through. */
class DeadWire {
  private readonly sockets: Socket[] = [];
  private isDead = false;

  private constructor(readonly server: ReturnType<typeof createServer>) {}

  static async to(port: number): Promise<DeadWire> {
    const listening = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        from.on('data', (bytes) => {
          if (!wire.isDead) to.write(bytes);
        });
        // What is dead passes on no end either, until the far side gives up.
        from.on('close', () => {
          if (from === far || !wire.isDead) to.destroy();
        });
        from.on('error', () => undefined);
      }
      wire.sockets.push(near, far);
    });
    const wire = new DeadWire(listening);
    await new Promise<void>((done) => listening.listen(0, '127.0.0.1', done));
    return wire;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  die(): void {
    this.isDead = true;
  }

  /** Settles when the server has hung up. */
  hungUp(): Promise<void> {
    const [, far] = this.sockets;
    return new Promise((done) => (far!.destroyed ? done() : far!.once('close', done)));
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

test('ten thousand watches on one stream are created, served, and freed with it', async () => {
  const watches = 10_000;
  await serve();
  const log = new WatchLog(client);
  for (let i = 0; i < watches; i++) log.stream.create({ key: `k${i % 10}` });
  await log.until(() => log.responses.length === watches);
  expect(log.responses.every(({ created, canceled }) => created && !canceled)).toBe(true);
  expect(new Set(log.responses.map(({ watchId }) => watchId)).size).toBe(watches);
  expect(backend.watches.watcherCount).toBe(watches);
  await client.put({ key: 'k3', value: 'x' });
  await log.until(() => log.responses.length === watches + watches / 10);
  expect(await client.healthy()).toBe(true);
  log.stream.close();
  await client.status();
  await client.status();
  expect(backend.watches.watcherCount).toBe(0);
});

test('a client that vanished is found by a ping, and its watches are freed', async () => {
  await serve({ keepAliveMs: 1_000, keepAliveTimeoutMs: 500 });
  const wire = await DeadWire.to(server.port);
  const lost = new EtcdClient({ endpoints: [`127.0.0.1:${wire.port}`], timeoutMs: 30_000 });
  const log = new WatchLog(lost);
  log.stream.create({ key: 'a', rangeEnd: FROM_KEY });
  await log.until(() => log.responses.length === 1);
  expect(backend.watches.watcherCount).toBe(1);
  wire.die();
  await wire.hungUp();
  // Behind the end of that connection, on another one.
  await client.status();
  expect(backend.watches.watcherCount).toBe(0);
  lost.close();
  wire.close();
});

test('a client that sends half a request and no more holds up nobody', async () => {
  await serve();
  const socket = connect(server.port, '127.0.0.1');
  socket.on('error', () => undefined);
  await new Promise<void>((done) => socket.once('connect', () => done()));
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  // A frame of headers that never ends.
  socket.write(Buffer.from([0, 0x20, 0, 1, 4, 0, 0, 0, 1, 0x83]));
  expect(await client.healthy()).toBe(true);
  socket.destroy();
});

import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

import { LinkFlow, type FlowShape } from './linkFlow';

/** Two connected pairs with a flow between them: what goes into `input` comes out of `output`. */
class Line implements AsyncDisposable {
  private constructor(
    private readonly servers: readonly Server[],
    readonly input: Socket,
    readonly output: Socket,
    readonly flow: LinkFlow,
    private readonly middle: readonly Socket[],
  ) {}

  static async open(): Promise<Line> {
    const [a, b] = [createServer(), createServer()];
    const accepted: Socket[] = [];
    for (const server of [a, b]) {
      server.on('connection', (socket) => accepted.push(socket));
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    }
    const dial = async (server: Server): Promise<Socket> => {
      const { port } = server.address() as AddressInfo;
      const near = connect(port, '127.0.0.1');
      await Promise.all([once(near, 'connect'), once(server, 'connection')]);
      return near;
    };
    const input = await dial(a);
    const sink = await dial(b);
    const flow = new LinkFlow(accepted[0]!, sink, () => 0.5);
    return new Line([a, b], input, accepted[1]!, flow, [accepted[0]!, sink]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.flow.close();
    for (const socket of [this.input, this.output, ...this.middle]) socket.destroy();
    for (const server of this.servers) {
      server.close();
      await once(server, 'close');
    }
  }
}

async function collect(output: Socket, bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of output) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length >= bytes) break;
  }
  return Buffer.concat(chunks);
}

describe('one direction of a link', () => {
  const shapes: readonly (readonly [string, FlowShape, number])[] = [
    ['open', {}, 0],
    ['late', { delayMs: 60, jitterMs: 20 }, 55],
    ['slow', { bytesPerSecond: 1_000_000 }, 250],
  ];

  it.each(shapes)('that is %s passes all bytes in order', async (_, shape, atLeastMs) => {
    await using line = await Line.open();
    line.flow.set(true, shape);
    const sent = Buffer.from(Array.from({ length: 300_000 }, (__, i) => i % 251));
    const start = performance.now();
    line.input.write(sent);
    const got = await collect(line.output, sent.length);
    expect(got.equals(sent)).toBe(true);
    expect(performance.now() - start).toBeGreaterThanOrEqual(atLeastMs);
  });

  it('that was cut delivers what waited, once it is mended', async () => {
    await using line = await Line.open();
    line.flow.set(false, {});
    line.input.write('waiting');
    let early = false;
    line.output.once('data', () => (early = true));
    line.input.write(' more');
    await new Promise((resolve) => setImmediate(resolve));
    expect(early).toBe(false);
    line.output.removeAllListeners('data');
    line.flow.set(true, {});
    expect((await collect(line.output, 12)).toString()).toBe('waiting more');
  });
});

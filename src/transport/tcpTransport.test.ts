/**
 * The transport over real loopback sockets. Nothing sleeps: each test waits for what it asked
 * for (a message, a report, a line in the log), and a test that waits in vain fails by timeout.
 */
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { Entry, Message } from '../raft/types';
import { NodeRuntime } from '../runtime/nodeRuntime';
import type { Timer } from '../runtime/runtime';
import { encodePeerMessage } from './codec';
import { frameHeader } from './frames';
import { encodeHello } from './handshake';
import type { TcpTransportOptions } from './tcpTransport';
import { TcpTransport } from './tcpTransport';
import type { PeerMessage } from './transport';

function raft(from: number, to: number, index = 0, entries: readonly Entry[] = []): PeerMessage {
  const message: Message = {
    type: entries.length > 0 ? 'append' : 'heartbeat',
    from,
    to,
    term: 1,
    logTerm: 0,
    index,
    entries,
    commit: 0,
    reject: false,
    rejectHint: 0,
    context: 0,
    transfer: false,
    snapshot: undefined,
  };
  return { kind: 'raft', message };
}

function chunk(from: number, to: number, bytes: number): PeerMessage {
  const none = { voters: [], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
  const snapshot = { index: 9, term: 1, conf: none };
  const data = new Uint8Array(bytes);
  const kind = 'snapshotChunk';
  return { kind, from, to, term: 1, snapshot, offset: 0, totalBytes: bytes, data, crc: 0 };
}

function entry(index: number, bytes: number): Entry {
  return { term: 1, index, type: 'normal', data: new Uint8Array(bytes).fill(index) };
}

/** A transport with what it received, reported and logged, and a way to wait for any of it. */
class Member {
  readonly received: PeerMessage[] = [];
  readonly unreachable: number[] = [];
  readonly lines: string[] = [];
  readonly transport: TcpTransport;
  private waiters: (() => void)[] = [];

  constructor(
    readonly id: number,
    options: Partial<TcpTransportOptions> = {},
  ) {
    this.transport = new TcpTransport({
      runtime: new NodeRuntime(),
      clusterId: 'blue',
      id,
      listen: { host: '127.0.0.1', port: 0 },
      peers: [],
      reconnectDelayMs: 1,
      reconnectDelayMaxMs: 5,
      log: (_, text) => this.note(() => this.lines.push(text)),
      ...options,
    });
    this.transport.onMessage((message) => this.note(() => this.received.push(message)));
    this.transport.onUnreachable((peer) => this.note(() => this.unreachable.push(peer)));
  }

  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (condition()) resolve();
        else this.waiters.push(check);
      };
      check();
    });
  }

  untilLine(text: string): Promise<void> {
    return this.until(() => this.lines.some((line) => line.includes(text)));
  }

  addressOf(): { id: number; host: string; port: number } {
    return { id: this.id, host: '127.0.0.1', port: this.transport.port };
  }

  private note(change: () => void): void {
    change();
    for (const waiter of this.waiters.splice(0)) waiter();
  }
}

/** Tells when a number of timers was started: how many probes there were. */
class CountingRuntime extends NodeRuntime {
  private timers = 0;
  private waiting: { count: number; resolve: () => void } | undefined;

  override after(delayMs: number, run: () => void): Timer {
    this.timers++;
    if (this.waiting && this.timers >= this.waiting.count) this.waiting.resolve();
    return super.after(delayMs, run);
  }

  untilTimers(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.waiting = { count: this.timers + count, resolve };
    });
  }
}

const open: { close(): void; closed(): Promise<void> }[] = [];

async function started(id: number, options: Partial<TcpTransportOptions> = {}): Promise<Member> {
  const member = new Member(id, options);
  open.push(member.transport);
  await member.transport.start();
  return member;
}

/** Two members that know each other, connected both ways. */
async function pair(options: Partial<TcpTransportOptions> = {}): Promise<[Member, Member]> {
  const one = await started(1, options);
  const two = await started(2, options);
  one.transport.setPeer(two.addressOf());
  two.transport.setPeer(one.addressOf());
  await one.untilLine('connected to member 2');
  await two.untilLine('connected to member 1');
  return [one, two];
}

/** A server that is no member: it does what the test says with each connection. */
async function stranger(onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const whenClosed = new Promise<void>((resolve) => server.on('close', () => resolve()));
  open.push({
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
    closed: () => whenClosed,
  });
  return (server.address() as AddressInfo).port;
}

/** Writes these bytes to a member and resolves when the member hangs up. */
function throwAt(port: number, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('error', () => undefined);
    socket.on('data', () => undefined);
    socket.on('close', () => resolve());
  });
}

function framed(...frames: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(frames.flatMap((frame) => [frameHeader(frame.length), frame]));
}

afterEach(async () => {
  const all = open.splice(0);
  for (const each of all) each.close();
  await Promise.all(all.map((each) => each.closed()));
});

describe('two members', () => {
  test('exchange messages of every size in order', async () => {
    const [one, two] = await pair();
    const sent = [
      raft(1, 2),
      raft(1, 2, 5, [entry(1, 0), entry(2, 100), entry(3, 1_500_000)]),
      chunk(1, 2, 1_000_000),
    ];
    for (let i = 0; i < 200; i++) sent.push(raft(1, 2, i));
    for (const message of sent) one.transport.send(2, message);
    two.transport.send(1, raft(2, 1, 7));
    await two.until(() => two.received.length === sent.length);
    await one.until(() => one.received.length === 1);
    // Raft messages go before the chunk that was queued among them.
    const order = sent.filter(({ kind }) => kind === 'raft').concat(sent[2]!);
    const bytesOf = (messages: readonly PeerMessage[]): Buffer =>
      Buffer.concat(messages.flatMap((message) => encodePeerMessage(message)));
    const found = two.received.filter(({ kind }) => kind === 'raft');
    found.push(...two.received.filter(({ kind }) => kind !== 'raft'));
    expect(bytesOf(found).equals(bytesOf(order))).toBe(true);
    expect(one.received).toEqual([raft(2, 1, 7)]);
    expect(one.unreachable.concat(two.unreachable)).toEqual([]);
  });

  test('count what they exchange, over broken connections too', async () => {
    const [one, two] = await pair();
    one.transport.send(2, raft(1, 2, 1, [entry(1, 5000)]));
    await two.until(() => two.received.length === 1);
    const [sent] = one.transport.traffic();
    const [received] = two.transport.traffic();
    expect(sent).toMatchObject({ id: 2, isConnected: true });
    expect(received!.receivedBytes).toBeGreaterThan(5000);
    expect(sent!.sentBytes).toBeGreaterThan(received!.receivedBytes);
    two.transport.close();
    await one.until(() => one.unreachable.includes(2));
    expect(one.transport.traffic()).toMatchObject([{ isConnected: false }]);
    expect(one.transport.traffic()[0]!.sentBytes).toBeGreaterThanOrEqual(sent!.sentBytes);
  });

  test('find each other again after one of them restarts', async () => {
    const [one, two] = await pair();
    const { port } = two.transport;
    two.transport.close();
    await two.transport.closed();
    await one.until(() => one.unreachable.includes(2));
    expect(one.transport.isConnected(2)).toBe(false);
    one.lines.length = 0;
    const again = await started(2, { listen: { host: '127.0.0.1', port } });
    await one.untilLine('connected to member 2');
    one.transport.send(2, raft(1, 2, 3));
    await again.until(() => again.received.length === 1);
  });

  test('go on when one moves to another address', async () => {
    const [one] = await pair();
    const moved = await started(2);
    one.lines.length = 0;
    one.transport.setPeer(moved.addressOf());
    await one.untilLine('connected to member 2');
    one.transport.send(2, raft(1, 2, 4));
    await moved.until(() => moved.received.length === 1);
  });
});

describe('a member that cannot send', () => {
  test('reports a peer it does not know or reach, once a turn', async () => {
    const one = await started(1);
    for (let i = 0; i < 5; i++) one.transport.send(9, raft(1, 9));
    await one.until(() => one.unreachable.length > 0);
    expect(one.unreachable).toEqual([9]);
  });

  test('drops what exceeds a queue, by its kind, and holds no more than its limits', async () => {
    const limits = { raftQueueBytesMax: 3_000_000, snapshotQueueBytesMax: 1_000_000 };
    const [one, two] = await pair(limits);
    for (let i = 1; i <= 5; i++) one.transport.send(2, raft(1, 2, i, [entry(i, 1_000_000)]));
    for (let i = 0; i < 5; i++) one.transport.send(2, chunk(1, 2, 400_000));
    expect(one.transport.queuedBytes).toBeLessThanOrEqual(4_000_000);
    await one.until(() => one.unreachable.length > 0);
    await two.until(() => two.received.length === 4);
    const kinds = two.received.map(({ kind }) => kind);
    expect(kinds).toEqual(['raft', 'raft', 'snapshotChunk', 'snapshotChunk']);
    one.transport.send(2, raft(1, 2, 9));
    await two.until(() => two.received.length === 5);
  });

  test('reports a message that no frame may carry instead of breaking the connection', async () => {
    const [one, two] = await pair({ frameBytesMax: 10_000 });
    one.transport.send(2, raft(1, 2, 1, [entry(1, 20_000)]));
    one.transport.send(2, raft(1, 2, 2));
    await one.untilLine('at most 10000');
    await two.until(() => two.received.length === 1);
    await one.until(() => one.unreachable.length > 0);
    expect(one.unreachable).toEqual([2]);
  });

  test('gives up a peer that accepts and then says nothing', async () => {
    const port = await stranger(() => undefined);
    const peers = [{ id: 2, host: '127.0.0.1', port }];
    const one = await started(1, { peers, idleTimeoutMs: 30 });
    await one.untilLine('no answer');
    await one.until(() => one.unreachable.includes(2));
  });

  test('gives up a peer that welcomes and then falls silent', async () => {
    const welcome = framed(Uint8Array.of(0x31, 0x50, 0x43, 0x52, 0));
    const port = await stranger((socket) => socket.once('data', () => socket.write(welcome)));
    const peers = [{ id: 2, host: '127.0.0.1', port }];
    const one = await started(1, { peers, idleTimeoutMs: 30 });
    await one.untilLine('connected to member 2');
    await one.untilLine('silent for 30 ms');
  });

  test('keeps a quiet connection alive by probing', async () => {
    const runtime = new CountingRuntime();
    const [one, two] = await pair({ idleTimeoutMs: 60, runtime });
    // Both members probe on this runtime, three times in each idle timeout.
    await runtime.untilTimers(30);
    one.transport.send(2, raft(1, 2, 8));
    await two.until(() => two.received.length === 1);
    expect(one.lines.filter((line) => line.includes('no connection'))).toEqual([]);
    expect(two.lines.filter((line) => line.includes('hanging up'))).toEqual([]);
  });
});

describe('a member that listens', () => {
  test('says clearly that its port is in use', async () => {
    const one = await started(1);
    const other = new Member(2, { listen: { host: '127.0.0.1', port: one.transport.port } });
    await expect(other.transport.start()).rejects.toThrow(
      `member 2 cannot listen on 127.0.0.1:${one.transport.port}: the port is in use`,
    );
    other.transport.close();
    await other.transport.closed();
  });

  test('refuses another cluster, and both sides say why', async () => {
    const one = await started(1);
    const other = await started(2, { clusterId: 'red', peers: [one.addressOf()] });
    await other.untilLine('it refuses: this is cluster blue, not red');
    await one.untilLine('refused member 2');
    other.transport.send(1, raft(2, 1));
    await other.until(() => other.unreachable.length > 0);
    expect(one.received).toEqual([]);
  });

  test('refuses who means another member', async () => {
    const one = await started(1);
    const peers = [{ ...one.addressOf(), id: 3 }];
    const two = await started(2, { peers });
    await two.untilLine('this is member 1, not 3');
  });

  test('hangs up on garbage, on frames too long and on damaged messages', async () => {
    const one = await started(1);
    const { port } = one.transport;
    const hello = encodeHello({ clusterId: 'blue', from: 2, to: 1 });
    const damaged = Buffer.concat(encodePeerMessage(raft(2, 1, 5)));
    damaged[8]! ^= 1;
    await throwAt(port, Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    await throwAt(port, framed(new Uint8Array(20)));
    await throwAt(port, Buffer.concat([framed(hello), frameHeader(0x7fffffff)]));
    await throwAt(port, framed(hello, damaged));
    expect(one.lines.filter((line) => line.includes('hanging up'))).toHaveLength(4);
    expect(one.received).toEqual([]);
  });

  test('drops messages that were sent in another member’s name', async () => {
    const one = await started(1);
    const hello = encodeHello({ clusterId: 'blue', from: 2, to: 1 });
    const forged = Buffer.concat(encodePeerMessage(raft(3, 1)));
    const honest = Buffer.concat(encodePeerMessage(raft(2, 1)));
    void throwAt(one.transport.port, framed(hello, forged, honest));
    await one.until(() => one.received.length === 1);
    expect(one.received).toEqual([raft(2, 1)]);
    expect(one.lines.join()).toContain('from 3 to 1; dropped');
  });

  test('hangs up on connections beyond its limit and on those that never speak', async () => {
    const one = await started(1, { connectionsMax: 1, idleTimeoutMs: 40 });
    const ended = [0, 1, 2].map(() => throwAt(one.transport.port, new Uint8Array(0)));
    await Promise.all(ended);
    expect(one.received).toEqual([]);
  });

  test('leaves nothing behind when it is closed', async () => {
    const [one, two] = await pair();
    one.transport.send(2, raft(1, 2, 1, [entry(1, 1_000_000)]));
    one.transport.close();
    one.transport.close();
    await one.transport.closed();
    expect(one.transport.queuedBytes).toBe(0);
    one.transport.send(2, raft(1, 2));
    await two.until(() => two.unreachable.includes(1));
    two.transport.removePeer(1);
    expect(two.transport.isConnected(1)).toBe(false);
  });
});

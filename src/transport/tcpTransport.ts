/**
 * Messages between members over TCP. Each member dials every other one and sends on the
 * connection it dialled; what it accepted it only reads. So each direction fails and recovers by
 * itself, as the faults of a network do, and nobody has to agree on whose connection survives.
 *
 * Nothing here is reliable and nothing waits: a message that cannot be queued is dropped and its
 * peer reported. Close leaves no socket and no timer.
 */
import type { Server, Socket } from 'node:net';
import { crc32 } from 'node:zlib';
import type { NodeId } from '../raft/types';
import type { Runtime } from '../runtime/runtime';
import { decodePeerMessage } from './codec';
import { FrameParser, frameHeader, PING } from './frames';
import { decodeHello, decodeQuery, encodeAnswer, HANDSHAKE_BYTES_MAX } from './handshake';
import { refusalOf, type PeerQuery } from './handshake';
import type { LinkOptions, PeerAddress, PeerEndpoint, Wire, WireEvents } from './peerLink';
import { PeerLink, SOCKET_BYTES_MAX } from './peerLink';
import { createPeerServer, dialPeer, type PeerTls } from './peerSockets';
import type { PeerMessage, Transport } from './transport';

export type { PeerAddress };

/** What goes to and comes from one peer. */
export interface PeerTraffic {
  readonly id: NodeId;
  /** Whether messages to it leave at present. */
  readonly isConnected: boolean;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

const MIB = 1024 * 1024;

export interface TcpTransportOptions {
  readonly runtime: Runtime;
  /** Members of other clusters are refused. At most 256 bytes of UTF-8. */
  readonly clusterId: string;
  readonly id: NodeId;
  /** With `tls`, only connections with TLS are accepted. */
  readonly listen: PeerEndpoint;
  /** More places to listen on. */
  readonly alsoListen?: readonly PeerEndpoint[] | undefined;
  /** Certificates for what is accepted and for what is dialled. */
  readonly tls?: PeerTls | undefined;
  /** Answers who asks without taking part in the cluster. Default: with no bytes. */
  readonly answerQuery?: ((query: PeerQuery) => Uint8Array) | undefined;
  /** A peer says that this member was removed from the cluster. */
  readonly onRemoved?: (() => void) | undefined;
  /** An entry with this member's own id is ignored. */
  readonly peers: readonly PeerAddress[];
  /** Bytes of one frame, sent or received. Default 16 MiB: a full message and a large entry. */
  readonly frameBytesMax?: number | undefined;
  /** Bytes of Raft messages queued for one peer. Default 16 MiB: two full inflight windows. */
  readonly raftQueueBytesMax?: number | undefined;
  /** Bytes of snapshot chunks queued for one peer. Default 4 MiB: four chunks. */
  readonly snapshotQueueBytesMax?: number | undefined;
  /** Incoming connections at the same time; more are closed at once. Default 64. */
  readonly connectionsMax?: number | undefined;
  /** Wait before dialling again. Default 50 ms, doubled up to `reconnectDelayMaxMs` (2000 ms). */
  readonly reconnectDelayMs?: number | undefined;
  readonly reconnectDelayMaxMs?: number | undefined;
  /** A connection is probed three times in this and dropped when nothing comes back. 5000 ms. */
  readonly idleTimeoutMs?: number | undefined;
  readonly log?: ((level: 'info' | 'warn' | 'error', text: string) => void) | undefined;
}

export class TcpTransport implements Transport {
  private readonly servers: readonly { readonly endpoint: PeerEndpoint; readonly server: Server }[];
  private readonly links = new Map<NodeId, PeerLink>();
  /** Every open socket, dialled or accepted. */
  private readonly sockets = new Set<Socket>();
  /** The newest connection of each member that dialled in. */
  private readonly accepted = new Map<NodeId, Socket>();
  private acceptedCount = 0;
  private readonly removed = new Set<NodeId>();
  private readonly receivedBytes = new Map<NodeId, number>();
  private readonly linkOptions: LinkOptions;
  private unreachable = new Set<NodeId>();
  private state: 'new' | 'started' | 'closed' = 'new';
  private receive: (message: PeerMessage) => void = () => undefined;
  private report: (peer: NodeId) => void = () => undefined;
  private whenClosed: (() => void)[] = [];

  constructor(private readonly options: TcpTransportOptions) {
    this.linkOptions = {
      runtime: options.runtime,
      clusterId: options.clusterId,
      id: options.id,
      frameBytesMax: options.frameBytesMax ?? 16 * MIB,
      raftQueueBytesMax: options.raftQueueBytesMax ?? 16 * MIB,
      snapshotQueueBytesMax: options.snapshotQueueBytesMax ?? 4 * MIB,
      reconnectDelayMs: options.reconnectDelayMs ?? 50,
      reconnectDelayMaxMs: options.reconnectDelayMaxMs ?? 2000,
      idleTimeoutMs: options.idleTimeoutMs ?? 5000,
      log: options.log ?? (() => undefined),
      unreachable: (peer) => this.noteUnreachable(peer),
      connect: (endpoint, events) => this.connect(endpoint, events),
      removed: () => options.onRemoved?.(),
      checksum,
    };
    const { listen, tls = {} } = options;
    const accept = (socket: Socket): void => this.accept(socket);
    this.servers = [listen, ...(options.alsoListen ?? [])].map((endpoint) => ({
      endpoint,
      server: createPeerServer(endpoint.tls === true ? tls : undefined, accept),
    }));
  }

  /** Listens, then dials. Rejects with the reason when it cannot listen (port in use, ...). */
  async start(): Promise<void> {
    for (const { endpoint, server } of this.servers) await this.listen(endpoint, server);
    this.state = 'started';
    for (const peer of this.options.peers) if (!this.links.has(peer.id)) this.setPeer(peer);
    for (const link of this.links.values()) link.dial();
  }

  private listen({ host, port }: PeerEndpoint, server: Server): Promise<void> {
    return new Promise((resolve, reject) => {
      const refuse = (error: NodeJS.ErrnoException): void => {
        const why = error.code === 'EADDRINUSE' ? 'the port is in use' : error.message;
        const text = `member ${this.options.id} cannot listen on ${host}:${port}: ${why}`;
        reject(new Error(text, { cause: error }));
      };
      server.once('error', refuse);
      server.listen(port, host, () => {
        server.off('error', refuse);
        server.on('error', (error) => this.linkOptions.log('error', error.message));
        resolve();
      });
    });
  }

  /** The first port in use, also when port 0 was asked for. */
  get port(): number {
    const address = this.servers[0]!.server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Bytes that wait to be sent, to all peers. */
  get queuedBytes(): number {
    let bytes = 0;
    for (const link of this.links.values()) bytes += link.queuedBytes;
    return bytes;
  }

  /** The limit of `queuedBytes` with the peers that there are. */
  get queuedBytesMax(): number {
    const { raftQueueBytesMax, snapshotQueueBytesMax } = this.linkOptions;
    return this.links.size * (raftQueueBytesMax + snapshotQueueBytesMax + SOCKET_BYTES_MAX);
  }

  /** By id, ascending. */
  traffic(): readonly PeerTraffic[] {
    return [...this.links]
      .map(([id, { ready, sentBytes }]) => {
        const receivedBytes = this.receivedBytes.get(id) ?? 0;
        return { id, isConnected: ready, sentBytes, receivedBytes };
      })
      .sort((a, b) => a.id - b.id);
  }

  /** Adds a peer, or moves it to another address. */
  setPeer(peer: PeerAddress): void {
    if (peer.id === this.options.id || this.state === 'closed') return;
    const old = this.links.get(peer.id);
    if (old && sameAddress(old.peer, peer)) return;
    old?.close();
    const link = new PeerLink(peer, this.linkOptions);
    this.links.set(peer.id, link);
    if (this.state === 'started') link.dial();
  }

  /** Forgets a peer for good: it is hung up on, and told why when it comes again. */
  removePeer(id: NodeId): void {
    this.removed.add(id);
    this.links.get(id)?.close();
    this.links.delete(id);
    this.accepted.get(id)?.destroy();
  }

  /** Whether messages to this peer leave at present. */
  isConnected(id: NodeId): boolean {
    return this.links.get(id)?.ready ?? false;
  }

  /** How long messages to this peer have been leaving; undefined while they do not. */
  connectedForMs(id: NodeId): number | undefined {
    return this.links.get(id)?.readyForMs;
  }

  /** Those that a link is kept to. */
  get peerIds(): readonly NodeId[] {
    return [...this.links.keys()].sort((a, b) => a - b);
  }

  send(to: NodeId, message: PeerMessage): void {
    if (!(this.links.get(to)?.send(message) ?? false)) this.noteUnreachable(to);
  }

  onMessage(receive: (message: PeerMessage) => void): void {
    this.receive = receive;
  }

  /** Reported at the end of the turn, once for each peer however many messages were dropped. */
  onUnreachable(report: (peer: NodeId) => void): void {
    this.report = report;
  }

  close(): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    for (const link of this.links.values()) link.close();
    this.links.clear();
    for (const socket of this.sockets) socket.destroy();
    for (const { server } of this.servers) {
      if (server.listening) server.close(() => this.checkClosed());
    }
  }

  /** Settles when every socket is closed. */
  closed(): Promise<void> {
    return new Promise((resolve) => {
      this.whenClosed.push(resolve);
      this.checkClosed();
    });
  }

  private checkClosed(): void {
    if (this.state !== 'closed' || this.sockets.size > 0) return;
    if (this.servers.some(({ server }) => server.listening)) return;
    for (const resolve of this.whenClosed.splice(0)) resolve();
  }

  private track(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => {
      this.sockets.delete(socket);
      this.checkClosed();
    });
  }

  private connect(endpoint: PeerEndpoint, events: WireEvents): Wire {
    const socket = dialPeer(endpoint, this.options.tls, events.connected);
    this.track(socket);
    socket.on('drain', events.drained);
    socket.on('data', events.data);
    socket.on('error', (error) => events.ended(error.message));
    socket.on('close', () => events.ended('it hung up'));
    return socket;
  }

  private noteUnreachable(peer: NodeId): void {
    if (this.unreachable.size === 0) {
      this.options.runtime.defer(() => {
        const peers = [...this.unreachable].sort((a, b) => a - b);
        this.unreachable = new Set();
        if (this.state !== 'closed') for (const id of peers) this.report(id);
      });
    }
    this.unreachable.add(peer);
  }

  private accept(socket: Socket): void {
    this.track(socket);
    // An error is followed by a close, which is all that matters here.
    socket.on('error', () => undefined);
    const connectionsMax = this.options.connectionsMax ?? 64;
    if (this.state === 'closed' || this.acceptedCount >= connectionsMax) {
      socket.destroy();
      return;
    }
    this.acceptedCount++;
    let from: NodeId | undefined;
    socket.on('close', () => {
      this.acceptedCount--;
      if (from !== undefined && this.accepted.get(from) === socket) this.accepted.delete(from);
    });
    // The other side probes three times in this.
    socket.setTimeout(this.linkOptions.idleTimeoutMs, () => socket.destroy());
    const parser = new FrameParser(HANDSHAKE_BYTES_MAX);
    socket.on('data', (chunk) => {
      if (from !== undefined) this.count(from, chunk.length);
      try {
        parser.push(chunk, (frame) => {
          // A refused member is being hung up on: `end` was called, what it says is ignored.
          if (socket.destroyed || socket.writableEnded) return;
          if (from !== undefined) return this.take(socket, from, frame);
          from = this.admit(socket, frame);
          if (from !== undefined) parser.frameBytesMax = this.linkOptions.frameBytesMax;
        });
      } catch (error) {
        // Only what is wrong with the bytes ends here; what the receiver throws is not ours.
        if (!(error instanceof Error) || error.name !== 'CodecError') throw error;
        const who = from === undefined ? socket.remoteAddress : `member ${from}`;
        this.linkOptions.log('warn', `hanging up on ${who}: ${error.message}`);
        socket.destroy();
      }
    });
  }

  private count(from: NodeId, bytes: number): void {
    this.receivedBytes.set(from, (this.receivedBytes.get(from) ?? 0) + bytes);
  }

  /** Welcomes a member, or tells it why not and hangs up. */
  private admit(socket: Socket, frame: Uint8Array): NodeId | undefined {
    const query = decodeQuery(frame);
    if (query !== undefined) {
      const answer = this.options.answerQuery?.(query) ?? new Uint8Array(0);
      socket.write(frameHeader(answer.length));
      socket.end(answer);
      return undefined;
    }
    const hello = decodeHello(frame);
    const { clusterId, id } = this.options;
    const refusal = refusalOf(hello, { clusterId, id, removed: this.removed });
    const answer = encodeAnswer(refusal ?? '');
    socket.write(frameHeader(answer.length));
    if (refusal !== undefined) {
      const where = `${socket.remoteAddress}:${socket.remotePort}`;
      this.linkOptions.log('error', `refused member ${hello.from} at ${where}: ${refusal}`);
      socket.end(answer);
      return undefined;
    }
    socket.write(answer);
    // A member that dials again has lost its old connection, even if nobody noticed here yet.
    this.accepted.get(hello.from)?.destroy();
    this.accepted.set(hello.from, socket);
    return hello.from;
  }

  private take(socket: Socket, from: NodeId, frame: Uint8Array): void {
    if (frame.length === 0) {
      socket.write(PING);
      return;
    }
    const message = decodePeerMessage(frame, checksum);
    const { from: sender, to } = message.kind === 'raft' ? message.message : message;
    if (sender === from && to === this.options.id) return this.receive(message);
    const text = `member ${from} sent a message from ${sender} to ${to}; dropped`;
    this.linkOptions.log('warn', text);
  }
}

/** The platform's: the same function as the portable one, several times faster. */
function checksum(bytes: Uint8Array, previous: number): number {
  return crc32(bytes, previous);
}

function sameAddress(a: PeerAddress, b: PeerAddress): boolean {
  const show = ({ host, port, tls = false, others = [] }: PeerAddress): string =>
    JSON.stringify([host, port, tls, others]);
  return show(a) === show(b);
}

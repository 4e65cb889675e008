/**
 * The one outgoing connection to a peer: dials, introduces itself, sends, and dials again when it
 * breaks, ever less often. Messages wait in two queues bounded in bytes, Raft messages before
 * snapshot chunks, so that a snapshot on its way never delays heartbeats by more than a chunk.
 * Messages stay objects until the socket can take them: entries are shared with the log, and a
 * slow peer holds no encoded copy of them.
 *
 *   waiting -> dialling -> greeting -> ready -> (broken) waiting ...            any -> closed
 */
import type { NodeId } from '../raft/types';
import type { Runtime, Timer } from '../runtime/runtime';
import type { Checksum } from '../storage/crc32';
import { bytesOf, encodeFrame, peerMessageBytes } from './codec';
import { FRAME_HEADER_BYTES, FrameParser, frameHeader, PING } from './frames';
import { decodeAnswer, encodeHello, HANDSHAKE_BYTES_MAX, REMOVED_REFUSAL } from './handshake';
import type { PeerMessage } from './transport';

/** What a socket may hold besides the kernel's buffer: enough to keep it busy for a turn. */
export const SOCKET_BYTES_MAX = 256 * 1024;

export interface PeerEndpoint {
  readonly host: string;
  readonly port: number;
  /** Dialled with TLS. Default false. */
  readonly tls?: boolean | undefined;
}

export interface PeerAddress extends PeerEndpoint {
  readonly id: NodeId;
  /** More ways to reach it: each dial takes the next one. */
  readonly others?: readonly PeerEndpoint[] | undefined;
}

/** What a link needs of a socket. */
export interface Wire {
  /** Bytes that wait in the process. */
  readonly writableLength: number;
  /** Bytes ever given to `write`. */
  readonly bytesWritten: number;
  write(bytes: Uint8Array): unknown;
  cork(): void;
  uncork(): void;
  destroy(): unknown;
}

export interface WireEvents {
  readonly connected: () => void;
  readonly drained: () => void;
  readonly data: (chunk: Uint8Array) => void;
  /** It failed or was closed; may come more than once. */
  readonly ended: (reason: string) => void;
}

export interface LinkOptions {
  readonly runtime: Runtime;
  readonly clusterId: string;
  readonly id: NodeId;
  readonly frameBytesMax: number;
  readonly raftQueueBytesMax: number;
  readonly snapshotQueueBytesMax: number;
  readonly reconnectDelayMs: number;
  readonly reconnectDelayMaxMs: number;
  readonly idleTimeoutMs: number;
  readonly log: (level: 'info' | 'warn' | 'error', text: string) => void;
  readonly unreachable: (peer: NodeId) => void;
  /** Events come later, never within this call. */
  readonly connect: (endpoint: PeerEndpoint, events: WireEvents) => Wire;
  /** A peer says that this member was removed. */
  readonly removed: () => void;
  readonly checksum: Checksum;
}

/** Messages in order with their cost in bytes. */
class ByteQueue {
  private messages: PeerMessage[] = [];
  private head = 0;
  bytes = 0;

  constructor(private readonly bytesMax: number) {}

  get empty(): boolean {
    return this.head === this.messages.length;
  }

  /** False when it is full; an empty queue takes any one message. */
  push(message: PeerMessage): boolean {
    const cost = peerMessageBytes(message);
    if (!this.empty && this.bytes + cost > this.bytesMax) return false;
    this.messages.push(message);
    this.bytes += cost;
    return true;
  }

  shift(): PeerMessage {
    const message = this.messages[this.head++]!;
    this.bytes -= peerMessageBytes(message);
    if (this.empty) this.clear();
    else if (this.head >= 256) {
      this.messages = this.messages.slice(this.head);
      this.head = 0;
    }
    return message;
  }

  clear(): void {
    this.messages = [];
    this.head = 0;
    this.bytes = 0;
  }
}

export class PeerLink {
  private state: 'waiting' | 'dialling' | 'greeting' | 'ready' | 'closed' = 'waiting';
  private wire: Wire | undefined;
  private timer: Timer | undefined;
  private readonly raftQueue: ByteQueue;
  private readonly snapshotQueue: ByteQueue;
  private pumpPlanned = false;
  private delayMs: number;
  /** Something came back, or the kernel took more bytes, since the last probe. */
  private heardAtMs = 0;
  private takenBytes = 0;
  private lastTrouble = '';
  /** Bytes that went out on connections that are gone. */
  private sentBefore = 0;
  private dials = 0;
  private readySinceMs: number | undefined;

  constructor(
    readonly peer: PeerAddress,
    private readonly options: LinkOptions,
  ) {
    this.raftQueue = new ByteQueue(options.raftQueueBytesMax);
    this.snapshotQueue = new ByteQueue(options.snapshotQueueBytesMax);
    this.delayMs = options.reconnectDelayMs;
  }

  get ready(): boolean {
    return this.state === 'ready';
  }

  /** How long messages have been leaving without a break; undefined while they do not. */
  get readyForMs(): number | undefined {
    if (this.state !== 'ready' || this.readySinceMs === undefined) return undefined;
    return this.options.runtime.nowMs() - this.readySinceMs;
  }

  /** Bytes that wait here: in the queues and in the socket. */
  get queuedBytes(): number {
    const inSocket = this.wire?.writableLength ?? 0;
    return this.raftQueue.bytes + this.snapshotQueue.bytes + inSocket;
  }

  /** Bytes sent since this link was made. */
  get sentBytes(): number {
    return this.sentBefore + (this.wire?.bytesWritten ?? 0);
  }

  dial(): void {
    const parser = new FrameParser(HANDSHAKE_BYTES_MAX);
    // A broken link has let go of its wire: what that one still says is of no interest.
    const ifCurrent = (run: () => void): void => {
      if (wire === this.wire) run();
    };
    this.dials++;
    const wire = this.options.connect(this.endpoint, {
      connected: () => ifCurrent(() => this.greet(wire)),
      drained: () => ifCurrent(() => this.pump()),
      data: (chunk) => ifCurrent(() => this.hear(parser, chunk)),
      ended: (reason) => ifCurrent(() => this.broken(reason)),
    });
    this.wire = wire;
    this.state = 'dialling';
    this.setTimer(this.options.idleTimeoutMs, () => this.broken('no answer'));
  }

  /** False when the message was dropped: not connected, or its queue is full. */
  send(message: PeerMessage): boolean {
    if (this.state !== 'ready') return false;
    const queue = message.kind === 'snapshotChunk' ? this.snapshotQueue : this.raftQueue;
    if (!queue.push(message)) return false;
    if (!this.pumpPlanned) {
      // Everything that is sent in this turn leaves in as few packets as possible.
      this.pumpPlanned = true;
      this.options.runtime.defer(() => {
        this.pumpPlanned = false;
        this.pump();
      });
    }
    return true;
  }

  close(): void {
    this.state = 'closed';
    this.letGo();
  }

  private greet(wire: Wire): void {
    const { clusterId, id } = this.options;
    const hello = encodeHello({ clusterId, from: id, to: this.peer.id });
    this.state = 'greeting';
    wire.write(frameHeader(hello.length));
    wire.write(hello);
  }

  private hear(parser: FrameParser, chunk: Uint8Array): void {
    this.heardAtMs = this.options.runtime.nowMs();
    try {
      parser.push(chunk, (frame) => {
        if (this.state === 'greeting') this.welcomed(decodeAnswer(frame));
      });
    } catch (error) {
      this.broken((error as Error).message);
    }
  }

  private welcomed(refusal: string | undefined): void {
    if (refusal !== undefined) {
      if (refusal === REMOVED_REFUSAL) this.options.removed();
      this.delayMs = this.options.reconnectDelayMaxMs;
      return this.broken(`it refuses: ${refusal}`, 'error');
    }
    this.state = 'ready';
    this.readySinceMs = this.options.runtime.nowMs();
    this.delayMs = this.options.reconnectDelayMs;
    this.lastTrouble = '';
    this.options.log('info', `connected to member ${this.peer.id} at ${this.address}`);
    this.probe();
  }

  /** Three times within the time limit; a peer that neither answers nor takes bytes is gone. */
  private probe(): void {
    const { idleTimeoutMs, runtime } = this.options;
    const wire = this.wire!;
    const taken = wire.bytesWritten - wire.writableLength;
    const now = runtime.nowMs();
    if (taken > this.takenBytes + PING.length) this.heardAtMs = now;
    this.takenBytes = taken;
    if (now - this.heardAtMs >= idleTimeoutMs) return this.broken(`silent for ${idleTimeoutMs} ms`);
    wire.write(PING);
    this.setTimer(idleTimeoutMs / 3, () => this.probe());
  }

  private pump(): void {
    const { wire } = this;
    if (this.state !== 'ready' || wire === undefined) return;
    wire.cork();
    while (wire.writableLength < SOCKET_BYTES_MAX) {
      const queue = this.raftQueue.empty ? this.snapshotQueue : this.raftQueue;
      if (queue.empty) break;
      this.write(wire, queue.shift());
    }
    wire.uncork();
  }

  private write(wire: Wire, message: PeerMessage): void {
    const { frameBytesMax, log, unreachable, checksum } = this.options;
    const parts = encodeFrame(message, checksum);
    const length = bytesOf(parts) - FRAME_HEADER_BYTES;
    if (length > frameBytesMax) {
      log('error', `a ${message.kind} of ${length} bytes; at most ${frameBytesMax} can be sent`);
      return unreachable(this.peer.id);
    }
    for (const part of parts) wire.write(part);
  }

  private broken(trouble: string, level: 'warn' | 'error' = 'warn'): void {
    if (this.state === 'closed') return;
    this.letGo();
    this.state = 'waiting';
    this.options.unreachable(this.peer.id);
    const text = `no connection to member ${this.peer.id} at ${this.address}: ${trouble}`;
    if (text !== this.lastTrouble) this.options.log(level, text);
    this.lastTrouble = text;
    // Half fixed, half random: members that lost the same peer do not come back in step.
    const { runtime, reconnectDelayMaxMs } = this.options;
    const delayMs = this.delayMs / 2 + runtime.random(Math.ceil(this.delayMs / 2) + 1);
    this.delayMs = Math.min(this.delayMs * 2, reconnectDelayMaxMs);
    this.setTimer(delayMs, () => this.dial());
  }

  private letGo(): void {
    this.timer?.cancel();
    this.timer = undefined;
    const { wire } = this;
    this.sentBefore = this.sentBytes;
    this.wire = undefined;
    wire?.destroy();
    this.raftQueue.clear();
    this.snapshotQueue.clear();
    this.takenBytes = 0;
  }

  /** The one of the last dial. */
  private get endpoint(): PeerEndpoint {
    const all = [this.peer, ...(this.peer.others ?? [])];
    return all[Math.max(0, this.dials - 1) % all.length]!;
  }

  private get address(): string {
    return `${this.endpoint.host}:${this.endpoint.port}`;
  }

  private setTimer(delayMs: number, run: () => void): void {
    this.timer?.cancel();
    this.timer = this.options.runtime.after(delayMs, run);
  }
}

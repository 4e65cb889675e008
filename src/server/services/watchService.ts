/**
 * The Watch service: carries responses from the hub of watches to the streams of clients.
 *
 * What a client does not take stays in the hub, bounded: nothing is taken from it while the
 * connection holds enough, in bytes (gRPC itself would take sixteen responses, however large).
 * Neither are requests read then, so answers to them can not pile up either. Once a
 * second all streams are looked at: watches that asked for it are told of progress at each
 * interval, and streams that require a leader end when there was none for three looks.
 */
import type { ServerDuplexStream, UntypedServiceImplementation } from '@grpc/grpc-js';
import {
  WatchCreateRequest_FilterType,
  type WatchCreateRequest,
  type WatchRequest as WireRequest,
  WatchService as WatchDefinition,
} from '../../api';
import type { WatchRequest } from '../../kv/watch';
import type { WatchStream } from '../../kv/watchStream';
import { serviceRefusals, toGrpcStatus } from '../errors';
import { NotServed } from '../notServed';
import type { WatchBackend } from './backend';
import { toKey, toNumber } from './fromWire';
import { checkMember, encoded, encodedHeaderAt, type ServiceContext } from './handler';
import { WatchWriter } from './watchWriter';

/** The service's methods; responses are encoded before they come to gRPC. */
export const watchMethods = { watch: encoded(WatchDefinition.watch) } as const;

type Call = ServerDuplexStream<WireRequest, Buffer>;

export interface WatchTiming {
  /** Time between two progress notifications. Default 10 minutes, as etcd. */
  readonly progressIntervalMs?: number;
}

const lookMs = 1000;
const looksWithoutLeaderMax = 3;
const progressIntervalMsDefault = 10 * 60 * 1000;

export class WatchService {
  private readonly open = new Set<OpenStream>();
  private readonly clock: NodeJS.Timeout;
  private readonly progressLooks: number;
  private looks = 0;
  private pumping = false;
  private readonly writer = new WatchWriter();

  constructor(
    private readonly context: ServiceContext,
    private readonly hub: WatchBackend,
    timing: WatchTiming,
  ) {
    const interval = timing.progressIntervalMs ?? progressIntervalMsDefault;
    this.progressLooks = Math.max(1, Math.round(interval / lookMs));
    this.clock = setInterval(() => this.look(), lookMs);
    this.clock.unref();
  }

  readonly handlers: UntypedServiceImplementation = {
    watch: (call: Call) => this.accept(call),
  };

  /** Ends all streams and the clock. Clients take up their watches at another member. */
  close(): void {
    clearInterval(this.clock);
    const stopped = new NotServed('stopped', true, 'the member stops');
    for (const stream of [...this.open]) stream.end(stopped);
  }

  private accept(call: Call): void {
    try {
      checkMember(this.context, call.metadata, {});
    } catch (error) {
      call.emit('error', toGrpcStatus(error));
      return;
    }
    const stream: OpenStream = new OpenStream(this.context, this.hub, this.writer, call, {
      roomMade: () => this.pump(),
      closed: () => this.open.delete(stream),
    });
    this.open.add(stream);
  }

  /** Lets watches that are behind catch up, one read a turn, until there is no room for more. */
  private pump(): void {
    if (this.pumping || !this.hub.pumpDue) return;
    this.pumping = true;
    setImmediate(() => {
      this.pumping = false;
      try {
        this.hub.pump();
      } catch (error) {
        this.context.onDefect(error);
        for (const stream of [...this.open]) stream.end(error);
        return;
      }
      this.pump();
    });
  }

  private look(): void {
    this.looks++;
    const leaderless = !this.context.backend.hasLeader;
    for (const stream of [...this.open]) stream.look(leaderless);
    if (this.looks % this.progressLooks === 0) this.hub.notifyProgress();
    // A snapshot may have put watches behind without anybody making room.
    this.pump();
  }
}

interface StreamEvents {
  readonly roomMade: () => void;
  readonly closed: () => void;
}

class OpenStream {
  private readonly stream: WatchStream;
  private readonly requiresLeader: boolean;
  private looksWithoutLeader = 0;

  constructor(
    private readonly context: ServiceContext,
    hub: WatchBackend,
    private readonly writer: WatchWriter,
    private readonly call: Call,
    private readonly events: StreamEvents,
  ) {
    this.requiresLeader = call.metadata.get('hasleader')[0] === 'true';
    this.stream = hub.open(() => this.flush());
    call.on('data', (request: WireRequest) => this.handle(request));
    // The client is done asking, hence with its watches.
    call.on('end', () => this.end());
    call.on('cancelled', () => this.closeWatches());
    call.on('error', () => this.closeWatches());
    call.on('close', () => this.closeWatches());
  }

  look(leaderless: boolean): void {
    this.looksWithoutLeader = leaderless ? this.looksWithoutLeader + 1 : 0;
    if (this.requiresLeader && this.looksWithoutLeader >= looksWithoutLeaderMax) {
      this.end(serviceRefusals.noLeader());
    }
  }

  /** Ends the stream, with the status of the error if there is one. */
  end(error?: unknown): void {
    this.closeWatches();
    if (error === undefined) this.call.end();
    else this.call.emit('error', toGrpcStatus(error));
  }

  private handle({ requestUnion }: WireRequest): void {
    switch (requestUnion?.$case) {
      case 'createRequest':
        this.stream.create(watchFromWire(requestUnion.value));
        break;
      case 'cancelRequest':
        this.stream.cancel(requestUnion.value.watchId);
        break;
      case 'progressRequest':
        this.stream.requestProgress();
        break;
      case undefined:
        // An empty request means nothing; etcd passes over it too.
        break;
    }
    this.events.roomMade();
  }

  private flush(): void {
    let taken = false;
    while (!this.stream.full) {
      const response = this.stream.take();
      if (response === undefined) break;
      taken = true;
      const header = encodedHeaderAt(this.context, response.revision);
      const encoded = this.writer.encode(header, response);
      this.stream.sending(encoded.length);
      this.call.write(encoded, () => this.sent(encoded.length));
    }
    if (this.stream.full) this.call.pause();
    if (taken) this.events.roomMade();
  }

  private sent(bytes: number): void {
    const wasFull = this.stream.full;
    this.stream.sent(bytes);
    if (!wasFull || this.stream.full) return;
    this.call.resume();
    this.flush();
  }

  private closeWatches(): void {
    this.stream.close();
    this.events.closed();
  }
}

function watchFromWire(request: WatchCreateRequest): WatchRequest {
  return {
    key: toKey(request.key),
    rangeEnd: toKey(request.rangeEnd),
    startRevision: toNumber(request.startRevision),
    progressNotify: request.progressNotify,
    // A filter that does not exist filters nothing, as in etcd.
    noPut: request.filters.includes(WatchCreateRequest_FilterType.NOPUT),
    noDelete: request.filters.includes(WatchCreateRequest_FilterType.NODELETE),
    prevKv: request.prevKv,
    watchId: request.watchId,
    fragment: request.fragment,
  };
}

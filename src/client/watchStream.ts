/**
 * A stream of watches, exactly as it comes: no resuming, no reordering, no merging.
 *
 * Etcd's own clients reopen a broken watch and hide the break; a test needs to see it. Here every
 * response is handed on as received and the end of the stream is reported once, with its cause.
 */
import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import type { WatchCreateRequest, WatchRequest } from '../api';
import { type WatchResponse } from '../api';
import { failureCode, type FailureCode } from './outcome';
import { toBuffer, type Bytes } from './requests';

export interface WatchInit {
  readonly key: Bytes;
  /** Default: the single key. `FROM_KEY`: everything from `key` on. */
  readonly rangeEnd?: Bytes;
  /** First revision to see; default 0: whatever comes after the creation. */
  readonly startRevision?: number;
  /** The server tells its revision from time to time when nothing happens. */
  readonly progressNotify?: boolean;
  readonly prevKv?: boolean;
  readonly fragment?: boolean;
  /** Event types to leave out. */
  readonly without?: readonly ('put' | 'delete')[];
  /** Default 0: the server picks one. */
  readonly watchId?: bigint;
}

/** Why a stream is over. `cancelled` without an error: by its own `close`. */
export interface WatchEnd {
  readonly code: FailureCode | 'ok';
  readonly error: string;
}

export interface WatchHandlers {
  /** Every response in order: created, canceled, progress, events. */
  onResponse(response: WatchResponse): void;
  /** Once; nothing comes after it. */
  onEnd(end: WatchEnd): void;
}

export function watchCreateRequest(init: WatchInit): WatchCreateRequest {
  return {
    key: toBuffer(init.key),
    rangeEnd: toBuffer(init.rangeEnd),
    startRevision: BigInt(init.startRevision ?? 0),
    progressNotify: init.progressNotify ?? false,
    filters: (init.without ?? []).map((type) => (type === 'put' ? 0 : 1)),
    prevKv: init.prevKv ?? false,
    watchId: init.watchId ?? 0n,
    fragment: init.fragment ?? false,
  };
}

export class WatchStream {
  private ended = false;

  constructor(
    private readonly stream: ClientDuplexStream<WatchRequest, WatchResponse>,
    handlers: WatchHandlers,
  ) {
    const end = (cause: WatchEnd) => {
      if (this.ended) return;
      this.ended = true;
      handlers.onEnd(cause);
    };
    stream.on('data', (response: WatchResponse) => {
      if (!this.ended) handlers.onResponse(response);
    });
    stream.on('error', (error: ServiceError) => {
      end({ code: failureCode(error.code), error: error.details });
    });
    stream.on('end', () => end({ code: 'ok', error: 'ended by the server' }));
  }

  /** Asks for a watch on this stream; the answer has `created` and its `watchId`. */
  create(watch: WatchInit): void {
    this.send({ $case: 'createRequest', value: watchCreateRequest(watch) });
  }

  cancel(watchId: bigint): void {
    this.send({ $case: 'cancelRequest', value: { watchId } });
  }

  /** Asks for the revision up to which this stream has delivered everything. */
  requestProgress(): void {
    this.send({ $case: 'progressRequest', value: {} });
  }

  /** Sends a raw request: for what `create` cannot say. */
  send(requestUnion: WatchRequest['requestUnion']): void {
    if (!this.ended) this.stream.write({ requestUnion });
  }

  /** Reads nothing more, as a client that is busy; the server feels it when buffers are full. */
  pause(): void {
    this.stream.pause();
  }

  resume(): void {
    this.stream.resume();
  }

  /** Ends the stream from this side; `onEnd` follows. */
  close(): void {
    this.stream.cancel();
  }
}

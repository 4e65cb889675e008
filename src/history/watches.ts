/**
 * What watches delivered: the request of each and its responses in the order of their arrival.
 *
 * A watch is no operation: it has no moment at which it took effect, so no linearizability check
 * judges it. The rules in `models/etcdRules` hold it against the full history of the store.
 */

export type WatchFilter = 'noput' | 'nodelete';

export interface WatchRequest {
  readonly key: string;
  /** Absent is the single key, "\0" everything from the key on, else the range [key, end). */
  readonly end?: string;
  /** The first revision wanted; 0 or absent: from now on. */
  readonly revision?: number;
  readonly prevKv?: boolean;
  readonly progressNotify?: boolean;
  readonly filters?: readonly WatchFilter[];
}

/** The state of a key before an event; what was not recorded is absent. */
export interface PreviousValue {
  readonly value: string;
  readonly mod?: number;
  readonly version?: number;
}

export interface WatchEvent {
  readonly type: 'put' | 'delete';
  readonly key: string;
  /** Of a put. */
  readonly value?: string;
  readonly rev: number;
  /** Of a put: the version of the key and the revision of its creation; absent if not recorded. */
  readonly version?: number;
  readonly create?: number;
  /** Whether the put created the key; absent when not recorded. */
  readonly isCreate?: boolean;
  readonly prev?: PreviousValue;
}

export interface WatchResponse {
  /** Revision in the header. */
  readonly rev: number;
  readonly events: readonly WatchEvent[];
  /** A progress notification: all events up to the header's revision have been delivered. */
  readonly isProgress?: boolean;
  /** Whether more events of the same revision follow in the next response. */
  readonly isFragment?: boolean;
  /** The watch ended; `compacted` is the revision it could not start below. */
  readonly isCanceled?: boolean;
  readonly compacted?: number;
  /** Nanoseconds on the clock of the run. */
  readonly time?: number;
  readonly error?: string;
}

export interface WatchLog {
  /** Who watched: a client and, where known, the number of its watch. */
  readonly name: string;
  readonly member?: string;
  /** Nanoseconds at which it was asked for. */
  readonly call?: number;
  readonly request: WatchRequest;
  /** Revision in the answer to its creation: what follows it must come, whatever was asked for. */
  readonly created?: number;
  readonly responses: readonly WatchResponse[];
}

/** Whether a key lies in what was asked for. */
export function covers(
  request: { readonly key: string; readonly end?: string },
  key: string,
): boolean {
  const { key: from, end } = request;
  if (end === undefined || end === '') return key === from;
  return key >= from && (end === '\0' || key < end);
}

/** The end of the range that holds all keys with a prefix. */
export function prefixEnd(prefix: string): string {
  for (let i = prefix.length - 1; i >= 0; i--) {
    const code = prefix.charCodeAt(i);
    if (code < 0xffff) return prefix.slice(0, i) + String.fromCharCode(code + 1);
  }
  return '\0';
}

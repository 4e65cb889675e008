/** What `bench:server` measures: requests as bytes, made before the clock starts. */
import { PutRequest, RangeRequest } from '../../src/api';
import { frame } from './grpcConnection';

export const KEYS = 10_000;
const KIB = 1024;
const MIB = 1024 * KIB;

/** Calls that `clients` send one after the other, each the next when it has its answer. */
export interface UnaryCase {
  readonly kind: 'unary';
  readonly clients: number;
  readonly path: string;
  /** Framed requests; clients pick among them. */
  readonly requests: () => readonly Buffer[];
}

/** Watchers of one key, and puts to it; an operation is an event delivered to one watcher. */
export interface WatchCase {
  readonly kind: 'watch';
  readonly streams: number;
  readonly watchersPerStream: number;
  /** Puts that are not yet with all watchers. */
  readonly putsInFlight: number;
}

export type Case = UnaryCase | WatchCase;

export const PUT = '/etcdserverpb.KV/Put';
export const RANGE = '/etcdserverpb.KV/Range';

/** Keys sort as their numbers, so that a range of n keys has exactly n. */
export function keyOf(number: number): Buffer {
  return Buffer.from(`bench/${String(number).padStart(8, '0')}`);
}

export function putRequest(key: Buffer, value: Buffer): Buffer {
  const request = PutRequest.create({ key, value });
  return frame(PutRequest.encode(request).finish());
}

function puts(keys: number, bytes: number): readonly Buffer[] {
  const value = Buffer.alloc(bytes, 'v');
  return Array.from({ length: keys }, (_, i) => putRequest(keyOf(i), value));
}

function ranges(keys: number, serializable: boolean): readonly Buffer[] {
  return Array.from({ length: 1000 }, (_, i) => {
    const first = Math.floor((i * (KEYS - keys)) / 1000);
    const request = RangeRequest.create({
      key: keyOf(first),
      rangeEnd: keys === 1 ? Buffer.alloc(0) : keyOf(first + keys),
      serializable,
    });
    return frame(RangeRequest.encode(request).finish());
  });
}

function put(clients: number, keys: number, bytes: number): UnaryCase {
  return { kind: 'unary', clients, path: PUT, requests: () => puts(keys, bytes) };
}

function read(clients: number, keys: number, serializable: boolean): UnaryCase {
  return { kind: 'unary', clients, path: RANGE, requests: () => ranges(keys, serializable) };
}

/** All keys once, so that reads find something. */
export const FILL: UnaryCase = put(64, KEYS, KIB);

export const CASES: Readonly<Record<string, Case>> = {
  'put-1KiB-1': put(1, KEYS, KIB),
  'put-1KiB-16': put(16, KEYS, KIB),
  'put-1KiB-64': put(64, KEYS, KIB),
  'put-1KiB-256': put(256, KEYS, KIB),
  'put-1MiB-4': put(4, 8, MIB),
  'read-linearizable-64': read(64, 1, false),
  'read-serializable-64': read(64, 1, true),
  'range-1000': read(4, 1000, false),
  'watch-fanout-1000': { kind: 'watch', streams: 10, watchersPerStream: 100, putsInFlight: 4 },
};

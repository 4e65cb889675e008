/**
 * Watch fan-out: many watchers of one key, a few puts under way at any time.
 *
 * The value of a put is its number, so that each event tells when its put was sent. Responses
 * are not decoded but walked through: a decoder that makes objects would be what is measured.
 */
import { WatchRequest } from '../../src/api';
import { keyOf, PUT, putRequest, type WatchCase } from './cases';
import { frame, type GrpcConnection } from './grpcConnection';
import type { JobResult, Meter } from './load';

const WATCH = '/etcdserverpb.Watch/Watch';
const NUMBER_BYTES = 8;

/** Calls `visit` for each field of a protobuf message with where its content begins and ends. */
function eachField(
  bytes: Buffer,
  start: number,
  end: number,
  visit: (field: number, from: number, to: number) => void,
): void {
  let at = start;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  };
  while (at < end) {
    const tag = varint();
    const wire = tag & 7;
    const from = at;
    if (wire === 0) varint();
    else if (wire === 2) {
      const length = varint();
      visit(tag >>> 3, at, at + length);
      at += length;
      continue;
    } else throw new Error(`a field of wire type ${wire} in a watch response`);
    visit(tag >>> 3, from, at);
  }
}

/** What is told of a response: that a watch was created, and the number in each event. */
export interface WatchVisitor {
  readonly created: () => void;
  readonly event: (number: number) => void;
}

export function readWatchResponse(bytes: Buffer, visitor: WatchVisitor): void {
  eachField(bytes, 0, bytes.length, (field, from, to) => {
    if (field === 3 && bytes[from] === 1) visitor.created();
    if (field !== 11) return;
    eachField(bytes, from, to, (eventField, kvFrom, kvTo) => {
      if (eventField !== 2) return;
      eachField(bytes, kvFrom, kvTo, (kvField, valueFrom) => {
        if (kvField === 5) visitor.event(bytes.readDoubleLE(valueFrom));
      });
    });
  });
}

function createRequest(key: Buffer): Buffer {
  const value = { key, rangeEnd: Buffer.alloc(0), startRevision: 0n };
  const request = WatchRequest.fromPartial({ requestUnion: { $case: 'createRequest', value } });
  return frame(WatchRequest.encode(request).finish());
}

export function fanOut(
  meter: Meter,
  { streams, watchersPerStream, putsInFlight }: WatchCase,
  links: readonly GrpcConnection[],
): Promise<JobResult> {
  const watchers = streams * watchersPerStream;
  const key = keyOf(0);
  return new Promise((resolve, reject) => {
    let created = 0;
    let sent = 0;
    /** When each put was sent, and how many watchers have yet to see it. */
    const waiting = new Map<number, { readonly startMs: number; missing: number }>();
    const put = (): void => {
      const number = sent++;
      const startMs = performance.now();
      if (startMs > meter.until) return finish();
      waiting.set(number, { startMs, missing: watchers });
      const value = Buffer.alloc(NUMBER_BYTES);
      value.writeDoubleLE(number);
      links[number % links.length]!.unary(PUT, putRequest(key, value), (error) => {
        if (error !== undefined) reject(error);
      });
    };
    const finish = (): void => {
      if (waiting.size === 0) resolve(meter.result());
    };
    const visitor: WatchVisitor = {
      created: () => {
        if (++created === watchers) for (let i = 0; i < putsInFlight; i++) put();
      },
      event: (number) => {
        const item = waiting.get(number);
        if (item === undefined) return reject(new Error(`an event of put ${number} too many`));
        meter.done(item.startMs);
        if (--item.missing > 0) return;
        waiting.delete(number);
        put();
      },
    };
    for (let i = 0; i < streams; i++) {
      const stream = links[i % links.length]!.open(
        WATCH,
        (message) => readWatchResponse(message, visitor),
        reject,
      );
      for (let n = 0; n < watchersPerStream; n++) stream.write(createRequest(key));
    }
  });
}

/** The hand-written encoders give, byte for byte, what the generated ones give. */
import fc from 'fast-check';
import {
  PutRequest,
  PutResponse,
  RangeResponse,
  ResponseHeader,
  WatchResponse as WireWatchResponse,
} from '../../api';
import type { KeyValue, KvEvent } from '../../kv/types';
import { response } from '../../kv/watch';
import { eventToWire, putToWire, rangeToWire } from './toWire';
import { WatchWriter } from './watchWriter';
import { decodePutRequest } from './wireReader';
import { AnswerBuffers, RangeWriter } from './rangeWriter';
import { encodePut, HeaderWriter } from './wireWriter';

const number = fc.oneof(fc.constant(0), fc.nat(200), fc.maxSafeNat());
const id = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 20 }),
  fc.integer({ min: 100, max: 20_000 }).map((length) => new Uint8Array(length).fill(7)),
);

const keyValue: fc.Arbitrary<KeyValue> = fc.record({
  key: fc.uint8Array({ maxLength: 300 }).map((key) => Buffer.from(key).toString('latin1')),
  createRevision: number,
  modRevision: number,
  version: number,
  value: bytes,
  lease: fc.oneof(fc.constant(0n), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
});
const maybeKeyValue = fc.option(keyValue, { nil: undefined });

const header = fc
  .tuple(id, id, number, number)
  .map(([clusterId, memberId, revision, raftTerm]) => ({
    encoded: new HeaderWriter(clusterId, memberId).at(revision, raftTerm),
    wire: {
      clusterId,
      memberId,
      revision: BigInt(revision),
      raftTerm: BigInt(raftTerm),
    } satisfies ResponseHeader,
  }));

function expectSame(encoded: Buffer, generated: { finish(): Uint8Array }): void {
  expect(encoded.equals(generated.finish())).toBe(true);
}

/** Messages as clients send them, cut short or with a byte changed. */
const putMessage = fc
  .record({
    key: fc.uint8Array({ maxLength: 20 }).map((key) => Buffer.from(key)),
    value: bytes.map((value) => Buffer.from(value)),
    lease: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    prevKv: fc.boolean(),
    ignoreValue: fc.boolean(),
    ignoreLease: fc.boolean(),
  })
  .map((request) => Buffer.from(PutRequest.encode(request).finish()));

function outcomeOf(decode: (message: Uint8Array) => PutRequest, message: Uint8Array): unknown {
  try {
    return decode(message);
  } catch (error) {
    return (error as Error).message;
  }
}

describe('the decoder of puts', () => {
  const expectSameOutcome = (message: Uint8Array): void =>
    expect(outcomeOf(decodePutRequest, message)).toEqual(
      outcomeOf((bytes) => PutRequest.decode(bytes), message),
    );

  it('reads what the generated one reads', () => {
    fc.assert(fc.property(putMessage, expectSameOutcome));
  });

  it('reads or refuses damaged and foreign bytes as the generated one does', () => {
    const damaged = fc
      .tuple(putMessage, fc.nat(40), fc.integer({ min: 0, max: 255 }), fc.nat(40))
      .map(([message, at, byte, cut]) => {
        if (at < message.length) message[at] = byte;
        return message.subarray(0, Math.max(0, message.length - cut));
      });
    const foreign = fc.uint8Array({ maxLength: 30 });
    fc.assert(fc.property(fc.oneof(damaged, foreign), expectSameOutcome), { numRuns: 1000 });
  });
});

describe('the encoders of answers', () => {
  it('write puts as the generated ones do', () => {
    fc.assert(
      fc.property(header, maybeKeyValue, ({ encoded, wire }, prevKv) => {
        const result = { kind: 'put', prevKv } as const;
        expectSame(encodePut(encoded, result), PutResponse.encode(putToWire(wire, result)));
      }),
    );
  });

  it('write ranges as the generated ones do, in buffers that other answers were in', () => {
    const buffers = new AnswerBuffers();
    const kvs = fc.array(keyValue);
    fc.assert(
      fc.property(
        header,
        fc.array(fc.record({ kvs, given: kvs, more: fc.boolean(), count: number })),
        fc.boolean(),
        ({ encoded, wire }, answers, areReused) => {
          const writers = answers.map(({ kvs, given, ...result }) => {
            const writer = new RangeWriter(areReused ? buffers : undefined);
            // What was begun and not finished leaves nothing behind.
            for (const taken of [given, kvs]) {
              writer.begin();
              for (const kv of taken) writer.add(kv);
            }
            writer.finish(encoded, result);
            return writer;
          });
          answers.forEach(({ kvs, more, count }, i) => {
            const result = { kind: 'range', kvs, more, count } as const;
            const generated = RangeResponse.encode(rangeToWire(wire, result));
            expectSame(writers[i]!.handOver(), generated);
          });
        },
      ),
    );
  });

  it('keep a few buffers of answers, none of them large', () => {
    const buffers = new AnswerBuffers();
    const [first, ...others] = Array.from({ length: 6 }, () => buffers.take());
    buffers.give(Buffer.alloc(2 * 2 ** 20 + 1));
    expect(buffers.take()).toHaveLength(64 * 1024);
    for (const buffer of others) buffers.give(buffer);
    buffers.give(first!);
    const again = Array.from({ length: 5 }, () => buffers.take());
    expect(again.filter((buffer) => others.includes(buffer))).toHaveLength(4);
    expect(again).not.toContain(first);
  });

  it('write watch responses as the generated ones do, again and again', () => {
    const event: fc.Arbitrary<KvEvent> = fc.record({
      type: fc.constantFrom('put', 'delete'),
      kv: keyValue,
      prevKv: maybeKeyValue,
    });
    const control = fc.record({
      created: fc.boolean(),
      canceled: fc.boolean(),
      compactRevision: number,
      cancelReason: fc.constantFrom('', 'mvcc: watcher range is empty'),
      fragment: fc.boolean(),
    });
    const watchId = fc.bigInt({ min: -1n, max: 2n ** 63n - 1n });
    fc.assert(
      fc.property(
        header,
        fc.array(event, { minLength: 1 }),
        fc.array(fc.tuple(watchId, control, fc.boolean()), { minLength: 1 }),
        ({ encoded, wire }, events, watchers) => {
          const writer = new WatchWriter();
          for (const [watch, more, wantsPrevious] of watchers) {
            const wanted = wantsPrevious
              ? events
              : events.map((each) => ({ ...each, prevKv: undefined }));
            const given = response(watch, 1, { ...more, events: wanted });
            const generated = WireWatchResponse.encode({
              header: wire,
              watchId: watch,
              ...more,
              compactRevision: BigInt(more.compactRevision),
              events: wanted.map(eventToWire),
            });
            expectSame(writer.encode(encoded, given), generated);
          }
        },
      ),
    );
  });

  it('make a header anew when the revision or the term is another', () => {
    const headers = new HeaderWriter(1n, 2n);
    const seen = [
      [7, 1],
      [7, 1],
      [8, 1],
      [8, 2],
    ].map(([revision, term]) => ResponseHeader.decode(headers.at(revision!, term!)));
    expect(seen.map(({ revision, raftTerm }) => [revision, raftTerm])).toEqual([
      [7n, 1n],
      [7n, 1n],
      [8n, 1n],
      [8n, 2n],
    ]);
  });
});

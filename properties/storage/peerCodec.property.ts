/**
 * Peer messages survive the wire unchanged, and no bytes whatever hurt the decoder: it answers
 * with a message or a CodecError, and takes memory in proportion to what it was given.
 */
import fc from 'fast-check';
import type { Entry, EntryType, Message, MessageType } from '../../src/raft/types';
import { CodecError, decodePeerMessage, encodePeerMessage } from '../../src/transport/codec';
import { crc32 } from '../../src/storage/crc32';
import { FrameParser, frameHeader } from '../../src/transport/frames';
import type { PeerMessage } from '../../src/transport/transport';

const number = fc.oneof(fc.nat(300), fc.maxSafeNat());
const ids = fc.array(number, { maxLength: 5 });
const metadata = fc.record({
  index: number,
  term: number,
  conf: fc.record({
    voters: ids,
    learners: ids,
    votersOutgoing: ids,
    learnersNext: ids,
    autoLeave: fc.boolean(),
  }),
});
const data = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 2000 }));
const entry: fc.Arbitrary<Entry> = fc.record({
  term: number,
  index: number,
  type: fc.constantFrom<EntryType>('normal', 'change', 'changeV2'),
  data,
});
const types: readonly MessageType[] = [
  'propose',
  'append',
  'appendResponse',
  'vote',
  'voteResponse',
  'preVote',
  'preVoteResponse',
  'heartbeat',
  'heartbeatResponse',
  'snapshot',
  'readIndex',
  'readIndexResponse',
  'transferLeader',
  'timeoutNow',
  'forgetLeader',
  'persisted',
  'applied',
];
const message: fc.Arbitrary<Message> = fc.record({
  type: fc.constantFrom(...types),
  from: number,
  to: number,
  term: number,
  logTerm: number,
  index: number,
  entries: fc.array(entry, { maxLength: 5 }),
  commit: number,
  reject: fc.boolean(),
  rejectHint: number,
  context: number,
  transfer: fc.boolean(),
  snapshot: fc.option(metadata, { nil: undefined }),
});
const peerMessage: fc.Arbitrary<PeerMessage> = fc.oneof(
  fc.record({ kind: fc.constant('raft' as const), message }),
  fc
    .record({
      kind: fc.constant('snapshotChunk' as const),
      from: number,
      to: number,
      term: number,
      snapshot: metadata,
      offset: fc.nat(),
      totalBytes: fc.nat(),
      data,
      crc: fc.nat(0xffffffff),
    })
    .map((chunk) => ({ ...chunk, totalBytes: chunk.totalBytes + chunk.offset + 2000 })),
  fc.record({
    kind: fc.constant('snapshotAck' as const),
    from: number,
    to: number,
    term: number,
    index: number,
    offset: number,
    done: fc.boolean(),
  }),
  fc.record({
    kind: fc.constantFrom('call' as const, 'answer' as const),
    from: number,
    to: number,
    id: number,
    body: fc.uint8Array({ maxLength: 100 }),
  }),
  fc.record({
    kind: fc.constant('leaseQuestion' as const),
    from: number,
    to: number,
    term: number,
    sequence: number,
    ask: fc.constantFrom('renew' as const, 'timeToLive' as const),
    id: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  }),
  fc.record({
    kind: fc.constant('leaseAnswer' as const),
    from: number,
    to: number,
    sequence: number,
    outcome: fc.constantFrom('known' as const, 'missing' as const, 'retry' as const),
    grantedSeconds: number,
    remainingSeconds: number,
  }),
);

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Bytes with a checksum that fits, so that the decoder looks at them. */
function sealed(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  if (copy.length >= 4) new DataView(copy.buffer).setUint32(0, crc32(copy.subarray(4)), true);
  return copy;
}

function decodesOrRefuses(bytes: Uint8Array): void {
  try {
    const found = decodePeerMessage(bytes);
    // Whatever was understood means the same when it is said again.
    expect(decodePeerMessage(joined(encodePeerMessage(found)))).toEqual(found);
  } catch (error) {
    expect(error).toBeInstanceOf(CodecError);
  }
}

describe('the peer codec', () => {
  test('gives back every message as it was', () => {
    fc.assert(
      fc.property(peerMessage, (sent) => {
        expect(decodePeerMessage(joined(encodePeerMessage(sent)))).toEqual(sent);
      }),
      { numRuns: 500 },
    );
  });

  test('passes large data on without copying it', () => {
    const data = new Uint8Array(100_000);
    const entries: Entry[] = [{ term: 1, index: 1, type: 'normal', data }];
    const sent = { ...fc.sample(message, 1)[0]!, entries };
    expect(encodePeerMessage({ kind: 'raft', message: sent })).toContain(data);
  });

  test('a heartbeat takes at most 24 bytes', () => {
    const heartbeat: Message = {
      type: 'heartbeat',
      from: 1,
      to: 2,
      term: 12,
      logTerm: 0,
      index: 0,
      entries: [],
      commit: 1_000_000,
      reject: false,
      rejectHint: 0,
      context: 70_000,
      transfer: false,
      snapshot: undefined,
    };
    const parts = encodePeerMessage({ kind: 'raft', message: heartbeat });
    expect(joined(parts).length).toBeLessThanOrEqual(24);
  });

  test('refuses every message with a byte changed, cut off or added', () => {
    fc.assert(
      fc.property(peerMessage, fc.nat(), fc.integer({ min: 1, max: 255 }), (sent, at, change) => {
        const bytes = joined(encodePeerMessage(sent));
        const changed = bytes.slice();
        changed[at % bytes.length]! ^= change;
        expect(() => decodePeerMessage(changed)).toThrow(CodecError);
        expect(() => decodePeerMessage(bytes.subarray(0, at % bytes.length))).toThrow(CodecError);
        expect(() => decodePeerMessage(joined([bytes, Uint8Array.of(0)]))).toThrow(CodecError);
      }),
    );
  });

  test('answers garbage of any kind, with a fitting checksum or not', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodesOrRefuses(bytes);
        decodesOrRefuses(sealed(bytes));
        // Behind a good beginning: checksum, version, kind.
        for (const kind of [0, 1, 2, 3, 4, 5, 6]) {
          decodesOrRefuses(sealed(joined([Uint8Array.of(0, 0, 0, 0, 1, kind), bytes])));
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('answers changed messages whose checksum was mended', () => {
    fc.assert(
      fc.property(peerMessage, fc.array(fc.tuple(fc.nat(), fc.nat(255))), (sent, changes) => {
        const bytes = joined(encodePeerMessage(sent));
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        decodesOrRefuses(sealed(bytes));
      }),
      { numRuns: 1000 },
    );
  });

  test('a count that cannot be true is refused before anything is allocated', () => {
    const lie = [0, 0, 0, 0, 1, 0, 1, 0x40, 1, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
    expect(() => decodePeerMessage(sealed(Uint8Array.from(lie)))).toThrow('fit at most');
  });
});

describe('frames', () => {
  test('come out whole, however the stream was cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 60 })),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        (frames, cuts) => {
          const stream = joined(frames.flatMap((frame) => [frameHeader(frame.length), frame]));
          const parser = new FrameParser(60);
          const found: number[][] = [];
          for (let at = 0, n = 0; at < stream.length; n++) {
            const end = at + cuts[n % cuts.length]!;
            parser.push(stream.subarray(at, end), (frame) => found.push([...frame]));
            at = end;
          }
          expect(found).toEqual(frames.map((frame) => [...frame]));
        },
      ),
    );
  });

  test('a frame longer than allowed is refused as soon as its length is known', () => {
    const parser = new FrameParser(100);
    expect(() => parser.push(frameHeader(101), () => undefined)).toThrow('at most 100');
  });
});

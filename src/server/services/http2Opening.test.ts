import { connect, constants } from 'node:http2';
import fc from 'fast-check';
import { startGrpcServer } from './grpcServer';
import { Http2Opening } from './http2Opening';
import { SoloBackend } from './testing/soloBackend';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

function frame(type: number, flags: number, payload: readonly number[] = []): Buffer {
  return Buffer.from([
    0,
    payload.length >> 8,
    payload.length & 255,
    type,
    flags,
    0,
    0,
    0,
    0,
    ...payload,
  ]);
}

const text = (value: string): number[] => [value.length, ...Buffer.from(value)];
const settings = frame(4, 0, [0, 3, 0, 0, 0, 100]);
const acknowledgement = frame(4, 1);
const url = 'http://127.0.0.1:2379';
/** POST, a table size, a header with a name of its own, the authority, a header behind it. */
const block = (authority: string): number[] => [
  ...[0x83, 0x3f, 0xe1, 0x1f, 0x40, ...text('te'), ...text('trailers')],
  ...[0x41, ...text(authority), 0x0f, 0x0d, ...text('7')],
];
const request = frame(1, 4, block(url));
const mended = frame(1, 4, block('m'));

/** What is handed over of a stream that comes in these pieces, and what was replied. */
function open(pieces: readonly Buffer[]): { handOver: Buffer | undefined; reply: Buffer } {
  const opening = new Http2Opening();
  const replies: Buffer[] = [];
  let handOver: Buffer | undefined;
  for (const piece of pieces) {
    // What comes after the hand-over does not come here.
    if (handOver !== undefined) handOver = Buffer.concat([handOver, piece]);
    else {
      const step = opening.feed(piece);
      replies.push(step.reply);
      handOver = step.handOver;
    }
  }
  return { handOver, reply: Buffer.concat(replies) };
}

describe('the opening of an HTTP/2 connection', () => {
  it.each([
    ['before', [PREFACE, settings, acknowledgement, request]],
    ['after', [PREFACE, settings, request, acknowledgement]],
  ])('hands the request on, mended, with the acknowledgement %s it', (_, frames) => {
    const expected = Buffer.concat([PREFACE, settings, mended]);
    const whole = Buffer.concat(frames);
    for (let at = 0; at <= whole.length; at++) {
      const { handOver, reply } = open([whole.subarray(0, at), whole.subarray(at)]);
      expect(handOver).toEqual(expected);
      expect(reply).toHaveLength(0);
    }
    const later = Buffer.from('more');
    expect(open([whole, later]).handOver).toEqual(Buffer.concat([expected, later]));
  });

  it('lasts until there are both a request and an acknowledgement, and answers pings', () => {
    expect(open([PREFACE, settings, acknowledgement]).handOver).toBeUndefined();
    expect(open([PREFACE, settings, request]).handOver).toBeUndefined();
    const ping = [1, 2, 3, 4, 5, 6, 7, 8];
    const { reply, handOver } = open([PREFACE, settings, frame(6, 0, ping)]);
    expect(reply).toEqual(frame(6, 1, ping));
    expect(handOver).toBeUndefined();
  });

  it('mends requests with padding and a priority, and leaves those without an authority', () => {
    const begin = [PREFACE, settings, acknowledgement];
    const padded = (authority: string) =>
      frame(1, 0x2c, [2, 0, 0, 0, 0, 9, ...block(authority), 0, 0]);
    const after = (whole: Buffer) =>
      open([...begin, whole]).handOver!.subarray(PREFACE.length + settings.length);
    expect(after(padded(url))).toEqual(padded('m'));
    const without = frame(1, 4, [0x83, 0x86]);
    expect(after(without)).toEqual(without);
    const cutOff = frame(1, 4, [0x41, 0x7f]);
    expect(after(cutOff)).toEqual(cutOff);
  });

  it('takes no more room in the table of headers than the client counts', () => {
    const begin = [PREFACE, settings, acknowledgement];
    for (const authority of ['a', 'a:1', 'etcd', url]) {
      const { handOver } = open([...begin, frame(1, 4, block(authority))]);
      expect(handOver!.length).toBeLessThanOrEqual(
        PREFACE.length + settings.length + 9 + block(authority).length,
      );
    }
    // There is nothing to mend in an empty one, and nothing shorter.
    const empty = frame(1, 4, block(''));
    expect(open([...begin, empty]).handOver).toEqual(Buffer.concat([PREFACE, settings, empty]));
  });

  it('ends for what only the real server can refuse', () => {
    const huge = Buffer.from([0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0]);
    expect(open([PREFACE, huge]).handOver).toEqual(Buffer.concat([PREFACE, huge]));
    const flood = Array.from({ length: 20 }, () => frame(0, 0, new Array<number>(8_000).fill(0)));
    expect(open([PREFACE, ...flood]).handOver).toBeDefined();
  });

  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 })), (pieces) => {
        open([PREFACE, settings, acknowledgement, ...pieces.map((bytes) => Buffer.from(bytes))]);
        const blocks = pieces.map((bytes) => frame(1, 4, [...bytes]));
        open([PREFACE, settings, acknowledgement, ...blocks]);
      }),
    );
  });

  it('lets a client name a URL as the authority, as etcdctl 3.4 does', async () => {
    const server = await startGrpcServer(new SoloBackend(), { host: '127.0.0.1', port: 0 });
    const session = connect(`http://127.0.0.1:${server.port}`);
    const call = (path: string) =>
      new Promise<unknown>((resolve, reject) => {
        const stream = session.request({
          ':method': 'POST',
          ':path': path,
          ':authority': url,
          'content-type': 'application/grpc',
          te: 'trailers',
        });
        stream.on('error', reject);
        stream.on('response', (headers) => resolve(headers[constants.HTTP2_HEADER_STATUS]));
        stream.resume();
        stream.end(Buffer.alloc(5));
      });
    expect(await call('/etcdserverpb.Maintenance/Status')).toBe(200);
    session.close();
    await server.close();
  });
});

/**
 * As little of a gRPC client as a load generator can do with: requests that are encoded already
 * on one HTTP/2 connection, answers that are looked at only as far as their status.
 *
 * A full client would take as much processor time as the store it measures. Whatever is not an
 * answer with status 0 ends the measurement: a figure must not count refusals.
 */
import {
  connect,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
} from 'node:http2';

const WINDOW_BYTES = 16 * 1024 * 1024;
const FRAME_HEADER_BYTES = 5;

/** A message with the five bytes that gRPC puts before it: not compressed, its length. */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(FRAME_HEADER_BYTES + message.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, FRAME_HEADER_BYTES);
  return framed;
}

/** Cuts what arrives on a stream into messages. */
export class FrameReader {
  private rest: Buffer | undefined;

  push(chunk: Buffer, onMessage: (message: Buffer) => void): void {
    let bytes = this.rest === undefined ? chunk : Buffer.concat([this.rest, chunk]);
    while (bytes.length >= FRAME_HEADER_BYTES) {
      const end = FRAME_HEADER_BYTES + bytes.readUInt32BE(1);
      if (bytes.length < end) break;
      onMessage(bytes.subarray(FRAME_HEADER_BYTES, end));
      bytes = bytes.subarray(end);
    }
    this.rest = bytes.length === 0 ? undefined : bytes;
  }
}

export class GrpcConnection {
  private constructor(
    private readonly session: ClientHttp2Session,
    private readonly authority: string,
  ) {}

  static open(url: string): Promise<GrpcConnection> {
    return new Promise((resolve, reject) => {
      const session = connect(url, { settings: { initialWindowSize: WINDOW_BYTES } });
      session.once('error', reject);
      session.once('connect', () => {
        session.setLocalWindowSize(WINDOW_BYTES);
        resolve(new GrpcConnection(session, new URL(url).host));
      });
    });
  }

  /** One call; `done` hears undefined, or why there is no answer. */
  unary(path: string, framed: Buffer, done: (error: Error | undefined) => void): void {
    const stream = this.request(path);
    const settled = once(path, done);
    // A call that is refused at once has its status in the headers, without trailers.
    stream.on('response', (headers) => settled.status(headers));
    stream.on('trailers', (headers: IncomingHttpHeaders) => settled.status(headers));
    stream.on('error', (error: Error) => settled.failed(error));
    stream.on('close', () => settled.failed(new Error('closed without a status')));
    stream.resume();
    stream.end(framed);
  }

  /** A stream in both directions; `onMessage` gets each message, `failed` why it ended. */
  open(
    path: string,
    onMessage: (message: Buffer) => void,
    failed: (error: Error) => void,
  ): ClientHttp2Stream {
    const stream = this.request(path);
    const reader = new FrameReader();
    stream.on('data', (chunk: Buffer) => reader.push(chunk, onMessage));
    stream.on('error', failed);
    stream.on('trailers', (headers: IncomingHttpHeaders) =>
      failed(new Error(`${path} ended with status ${statusOf(headers)}`)),
    );
    return stream;
  }

  close(): void {
    this.session.destroy();
  }

  private request(path: string): ClientHttp2Stream {
    return this.session.request({
      ':method': 'POST',
      ':path': path,
      ':scheme': 'http',
      ':authority': this.authority,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
  }
}

/** Absent in the headers of a call that goes on. */
function statusOf(headers: IncomingHttpHeaders): string | undefined {
  const status = headers['grpc-status'];
  return typeof status === 'string' ? status : undefined;
}

interface Settled {
  status(headers: IncomingHttpHeaders): void;
  failed(error: Error): void;
}

function once(path: string, done: (error: Error | undefined) => void): Settled {
  let isDone = false;
  const finish = (error: Error | undefined): void => {
    if (isDone) return;
    isDone = true;
    done(error);
  };
  return {
    status: (headers) => {
      const status = statusOf(headers);
      if (status === '0') finish(undefined);
      else if (status !== undefined) finish(new Error(`${path} ended with status ${status}`));
    },
    failed: (error) => finish(new Error(`${path}: ${error.message}`)),
  };
}

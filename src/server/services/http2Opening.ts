/**
 * The first frames of an HTTP/2 connection, read here before Node's own implementation takes over.
 *
 * Clients of etcd 3.4 (etcdctl too) name a whole URL as the authority of a request when they talk
 * to one endpoint: `endpoint status`, `endpoint hashkv`, `defrag`, `move-leader`. etcd takes that;
 * Node resets the stream with PROTOCOL_ERROR, and nothing can tell it not to. Such clients open a
 * connection for the request, so it is enough to mend the first one: its authority, which no
 * service looks at, is replaced.
 *
 * To see the first request, which a client sends only after the server's settings, empty settings
 * go out from here. Invariant: what is handed on begins like a fresh connection; above all, the
 * client's acknowledgement of these settings is not in it.
 */

const PREFACE_BYTES = 24;
const FRAME_HEAD_BYTES = 9;
/** The largest frame before settings allow larger ones. */
const FRAME_BYTES_MAX = 16_384;
const Type = { headers: 1, settings: 4, ping: 6 } as const;
const Flag = { ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;
/** Index of `:authority` in the static table of HPACK. */
const AUTHORITY = 1;
/**
 * As short as can be: the server counts it in its table of headers where the client counts the
 * longer one, and must never drop an entry before the client does.
 */
const MENDED = Buffer.concat([Buffer.from([1]), Buffer.from('m')]);

/** What a client may send before its first request ends: more than its flow control lets it. */
const OPENING_BYTES_MAX = 128 * 1024;

export const EMPTY_SETTINGS: Buffer = frame(Type.settings, 0, Buffer.alloc(0));

export interface Step {
  /** To be written to the client now. */
  readonly reply: Buffer;
  /** What the real server is to read first; undefined while the opening lasts. */
  readonly handOver: Buffer | undefined;
}

/** Fed with all that a client sends, from the first byte on. `EMPTY_SETTINGS` went out before. */
export class Http2Opening {
  private unread = Buffer.alloc(0);
  private readonly kept: Buffer[] = [];
  private keptBytes = 0;
  private reply: Buffer[] = [];
  private hasPreface = false;
  private hasRequest = false;
  private isAcknowledged = false;

  feed(bytes: Buffer): Step {
    this.unread = Buffer.concat([this.unread, bytes]);
    this.reply = [];
    const isOver = this.readFrames();
    const reply = Buffer.concat(this.reply);
    return { reply, handOver: isOver ? Buffer.concat([...this.kept, this.unread]) : undefined };
  }

  /** True when the opening is over: a request was seen, or what came is for others to refuse. */
  private readFrames(): boolean {
    if (!this.hasPreface) {
      if (this.unread.length < PREFACE_BYTES) return false;
      this.keep(this.take(PREFACE_BYTES));
      this.hasPreface = true;
    }
    while (!(this.hasRequest && this.isAcknowledged)) {
      if (this.unread.length < FRAME_HEAD_BYTES) return false;
      const length = this.unread.readUIntBE(0, 3);
      if (length > FRAME_BYTES_MAX || this.keptBytes > OPENING_BYTES_MAX) return true;
      if (this.unread.length < FRAME_HEAD_BYTES + length) return false;
      this.read(this.take(FRAME_HEAD_BYTES + length));
    }
    return true;
  }

  private read(whole: Buffer): void {
    const type = whole[3];
    const flags = whole[4]!;
    const isAck = (flags & Flag.ack) !== 0;
    if (type === Type.settings && isAck && !this.isAcknowledged) {
      this.isAcknowledged = true;
    } else if (type === Type.ping && !isAck) {
      this.reply.push(frame(Type.ping, Flag.ack, whole.subarray(FRAME_HEAD_BYTES)));
    } else if (type === Type.headers && !this.hasRequest) {
      this.hasRequest = true;
      this.keep(withMendedAuthority(whole));
    } else {
      this.keep(whole);
    }
  }

  private keep(bytes: Buffer): void {
    this.kept.push(bytes);
    this.keptBytes += bytes.length;
  }

  private take(length: number): Buffer {
    const taken = this.unread.subarray(0, length);
    this.unread = this.unread.subarray(length);
    return taken;
  }
}

/** A frame of the connection itself (stream 0). */
function frame(type: number, flags: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  return Buffer.concat([head, payload]);
}

/** The frame with another authority, or as it is if there is none in it. */
function withMendedAuthority(whole: Buffer): Buffer {
  const flags = whole[4]!;
  if ((flags & Flag.endHeaders) === 0) return whole;
  const isPadded = (flags & Flag.padded) !== 0;
  const begin = FRAME_HEAD_BYTES + (isPadded ? 1 : 0) + ((flags & Flag.priority) !== 0 ? 5 : 0);
  const end = whole.length - (isPadded ? (whole[FRAME_HEAD_BYTES] ?? 0) : 0);
  const place = authorityIn(whole, begin, end);
  if (place === undefined) return whole;
  const mended = Buffer.concat([whole.subarray(0, place.from), MENDED, whole.subarray(place.to)]);
  mended.writeUIntBE(mended.length - FRAME_HEAD_BYTES, 0, 3);
  return mended;
}

/**
 * Where the value of a literal `:authority` stands in a header block (RFC 7541, section 6). Only
 * the shape of the block is read, so no table is needed; what has no shape is left to others.
 */
function authorityIn(
  bytes: Buffer,
  begin: number,
  end: number,
): { readonly from: number; readonly to: number } | undefined {
  let at = begin;
  while (at < end) {
    const first = bytes[at]!;
    const isIndexed = (first & 0x80) !== 0;
    const isTableSize = (first & 0xe0) === 0x20;
    const prefixBits = isIndexed ? 7 : (first & 0x40) !== 0 ? 6 : isTableSize ? 5 : 4;
    const index = integerAt(bytes, at, prefixBits);
    at = index.next;
    if (isIndexed || isTableSize) continue;
    if (index.value === 0) at = afterString(bytes, at);
    const to = afterString(bytes, at);
    if (to > end) return undefined;
    if (index.value === AUTHORITY) return to === at + 1 ? undefined : { from: at, to };
    at = to;
  }
  return undefined;
}

function afterString(bytes: Buffer, at: number): number {
  const length = integerAt(bytes, at, 7);
  return length.next + length.value;
}

/** An integer of HPACK whose first bits share a byte (RFC 7541, section 5.1). */
function integerAt(
  bytes: Buffer,
  at: number,
  prefixBits: number,
): { readonly value: number; readonly next: number } {
  const max = 2 ** prefixBits - 1;
  let value = (bytes[at] ?? 0) & max;
  let next = at + 1;
  if (value < max) return { value, next };
  for (let factor = 1; next < bytes.length && factor < 2 ** 28; factor *= 128) {
    const byte = bytes[next++]!;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) break;
  }
  return { value, next };
}

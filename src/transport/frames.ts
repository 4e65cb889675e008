/**
 * Frames on a stream: a length (u32, little-endian) and that many bytes. An empty frame is a
 * ping, and its own answer. The parser keeps only bytes that arrived, so a length that lies costs
 * its sender a connection and the receiver nothing.
 */
import { CodecError } from './byteCodec';

export const FRAME_HEADER_BYTES = 4;
export const PING = new Uint8Array(FRAME_HEADER_BYTES);

export function frameHeader(length: number): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES);
  new DataView(bytes.buffer).setUint32(0, length, true);
  return bytes;
}

export class FrameParser {
  private chunks: Uint8Array[] = [];
  /** Bytes in `chunks`. */
  private held = 0;

  /** `frameBytesMax` may be raised once the sender is known. */
  constructor(public frameBytesMax: number) {}

  /**
   * Takes what arrived and hands each complete frame on; those within one chunk are views of it.
   * Throws CodecError when a frame is announced that is longer than allowed.
   */
  push(chunk: Uint8Array, onFrame: (frame: Uint8Array) => void): void {
    this.chunks.push(chunk);
    this.held += chunk.length;
    while (this.held >= FRAME_HEADER_BYTES) {
      const length = this.peekLength();
      if (length > this.frameBytesMax) {
        throw new CodecError(`a frame of ${length} bytes; at most ${this.frameBytesMax} allowed`);
      }
      if (this.held < FRAME_HEADER_BYTES + length) return;
      this.take(FRAME_HEADER_BYTES);
      onFrame(this.take(length));
    }
  }

  private peekLength(): number {
    const first = this.chunks[0]!;
    const bytes = first.length >= FRAME_HEADER_BYTES ? first : this.gather(FRAME_HEADER_BYTES);
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  }

  /** The first `length` bytes, copied together. */
  private gather(length: number): Uint8Array {
    // Every byte is written below.
    const bytes = Buffer.allocUnsafeSlow(length);
    let at = 0;
    for (const chunk of this.chunks) {
      const piece = chunk.subarray(0, length - at);
      bytes.set(piece, at);
      at += piece.length;
      if (at === length) break;
    }
    return bytes;
  }

  private take(length: number): Uint8Array {
    const first = this.chunks[0];
    const inOne = first !== undefined && first.length >= length;
    const bytes = inOne ? first.subarray(0, length) : this.gather(length);
    this.held -= length;
    let left = length;
    let whole = 0;
    while (whole < this.chunks.length && this.chunks[whole]!.length <= left) {
      left -= this.chunks[whole++]!.length;
    }
    if (whole > 0) this.chunks.splice(0, whole);
    if (left > 0) this.chunks[0] = this.chunks[0]!.subarray(left);
    return bytes;
  }
}

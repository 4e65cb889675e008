/**
 * The answer to a range request, encoded while the range is read: a value goes from where the
 * store has it to where the answer has it, and nothing is allocated for it in between.
 *
 * Answers are written into buffers that are used again and again: fresh memory for each, freed by
 * the collector some time later, cost more than reading the range. Invariant: a buffer is in the
 * hands of one answer, from `begin` until `handOver` has given its bytes to somebody who copies
 * them at once. An answer that nobody takes leaves its buffer to the collector.
 */
import type { KeySink } from '../../kv';
import type { KeyValue } from '../../kv/types';
import { WireWriter, writeKeyValue } from './wireWriter';

/** Of a buffer that is new. */
const INITIAL_BYTES = 64 * 1024;
/** Larger ones are not kept. */
const KEPT_BYTES_MAX = 2 * 1024 * 1024;
const KEPT_MAX = 4;
/** For the header, which is known when the rest is written. Four numbers of ten bytes at most. */
const HEADER_BYTES_MAX = 64;

/** Buffers between one answer and the next. */
export class AnswerBuffers {
  private readonly kept: Buffer[] = [];

  take(): Buffer {
    return this.kept.pop() ?? Buffer.allocUnsafeSlow(INITIAL_BYTES);
  }

  give(buffer: Buffer): void {
    if (buffer.length <= KEPT_BYTES_MAX && this.kept.length < KEPT_MAX) this.kept.push(buffer);
  }
}

export class RangeWriter implements KeySink {
  private writer: WireWriter | undefined;
  private from = HEADER_BYTES_MAX;

  /** Without buffers it has one of its own: for the answer of one key. */
  constructor(private readonly buffers: AnswerBuffers | undefined) {}

  begin(): void {
    this.writer ??= new WireWriter(this.buffers?.take());
    this.writer.moveTo(HEADER_BYTES_MAX);
  }

  add(kv: KeyValue): void {
    writeKeyValue(this.writer!, 2, kv);
  }

  /** What follows the keys, and the header before them. */
  finish(
    header: Buffer,
    { more, count }: { readonly more: boolean; readonly count: number },
  ): void {
    const writer = this.writer!;
    writer.flag(3, more);
    writer.number(4, count);
    const head = new WireWriter(HEADER_BYTES_MAX);
    head.message(1, header);
    const bytes = head.finish();
    this.from = HEADER_BYTES_MAX - bytes.length;
    writer.backing.set(bytes, this.from);
  }

  /** The answer, to be copied at once: its buffer is for the next one. */
  handOver(): Buffer {
    const writer = this.writer!;
    this.writer = undefined;
    this.buffers?.give(writer.backing);
    return writer.finish(this.from);
  }
}

/**
 * The receiving end of a snapshot (see `snapshot.ts` for the format): chunks in, a filled store
 * out, bounded memory in between.
 *
 * Nothing is believed. Lengths are limited, keys must ascend, every record must carry the hash
 * of its own content, and at the end the sums over all of them, the number of keys, changes,
 * leases and attachments must be what the counters say. Any damage is a DamagedBytes error that
 * closes the half-filled store; the state machine keeps what it had.
 */

import { ByteReader, DamagedBytes } from './bytes';
import { equalLanes } from './contentHash';
import {
  decodeCounters,
  decodeSlowCounters,
  encodeCounters,
  encodeSlowCounters,
  readLanes,
} from './counters';
import type { Counters, SlowCounters } from './counters';
import { COUNTERS_KEY, SLOW_COUNTERS_KEY } from './layout';
import type { Durability, OrderedStore, StoreOp } from './orderedStore';
import { PendingBytes } from './pendingBytes';
import { SNAPSHOT_MAGIC, StreamChecksum } from './snapshot';
import { SnapshotContent } from './snapshotContent';

export interface RestorerOptions {
  /** The largest key or value accepted. Default 64 MiB. */
  readonly entryBytesMax?: number;
}

const ENTRY_BYTES_MAX = 64 * 2 ** 20;
const BATCH_BYTES = 256 * 1024;
/** More than any head or end of a snapshot takes. */
const FRAME_BYTES_MAX = 4096;

interface Head {
  readonly counters: Counters;
  readonly slow: SlowCounters;
}

type Phase = 'open' | 'ended' | 'complete' | 'closed';

export class Restorer {
  private phase: Phase = 'open';
  private readonly pending = new PendingBytes();
  private checksum: StreamChecksum | undefined = undefined;
  private readonly entryBytesMax: number;
  private head: Head | undefined = undefined;
  private content: SnapshotContent | undefined = undefined;
  private lastKey = '';
  private ops: StoreOp[] = [];
  private opBytes = 0;

  /** `onAdopt` is called once, when `target` holds the whole state. */
  constructor(
    private readonly target: OrderedStore,
    private readonly onAdopt: () => void,
    options: RestorerOptions = {},
  ) {
    this.entryBytesMax = options.entryBytesMax ?? ENTRY_BYTES_MAX;
    if (target.size !== 0) {
      throw new Error(`a snapshot is restored into an empty store, this one has ${target.size}`);
    }
  }

  /** Of the store that is being filled: who feeds a restorer must not outrun it. */
  get durability(): Durability | undefined {
    return this.target.durability;
  }

  /** The next bytes of the stream, cut anywhere. Throws DamagedBytes. */
  write(chunk: Uint8Array): void {
    this.guarded(() => {
      if (this.phase === 'ended' && chunk.length > 0) {
        throw new DamagedBytes(`${chunk.length} bytes behind the end of the snapshot`);
      }
      this.pending.push(chunk);
      while (this.phase === 'open' && this.takeFrame());
      if (this.phase === 'ended' && this.pending.length > 0) {
        throw new DamagedBytes(`${this.pending.length} bytes behind the end of the snapshot`);
      }
    });
  }

  /** Replaces the state, if all of it came and is right. Throws DamagedBytes. */
  finish(): void {
    this.complete();
    this.adopt();
  }

  /** The first half of `finish`: the store is filled, the state is still as it was. */
  complete(): void {
    this.guarded(() => {
      if (this.phase !== 'ended') {
        const count = this.checksum?.count ?? 0;
        throw new DamagedBytes(`the snapshot breaks off after ${count} entries`);
      }
      const { counters, slow } = this.head!;
      const bytes = this.content!.verify(counters, slow);
      this.ops.push(
        { key: COUNTERS_KEY, value: encodeCounters({ ...counters, bytes }) },
        { key: SLOW_COUNTERS_KEY, value: encodeSlowCounters(slow) },
      );
      this.flush();
    });
    this.phase = 'complete';
  }

  /** The second half: takes no time. */
  adopt(): void {
    if (this.phase !== 'complete') throw new Error('this restorer has nothing to be adopted');
    this.phase = 'closed';
    this.onAdopt();
  }

  /** Gives up; the state stays as it was. Idempotent. */
  abort(): void {
    if (this.phase === 'closed') return;
    this.phase = 'closed';
    this.target.close();
  }

  private guarded(run: () => void): void {
    if (this.phase !== 'open' && this.phase !== 'ended') {
      throw new Error('this restorer has finished or failed');
    }
    try {
      run();
    } catch (error) {
      this.abort();
      throw error;
    }
  }

  /** False when more bytes are needed. */
  private takeFrame(): boolean {
    if (this.head === undefined) return this.takeHead();
    const frame = this.pending.peekPair(this.entryBytesMax);
    if (frame === undefined) return false;
    if (frame.key === '') return this.takeEnd();
    this.takeEntry(frame.key, frame.value);
    this.pending.drop(frame.length);
    return true;
  }

  private takeHead(): boolean {
    const found = this.tryRead((r) => {
      const magic = r.string();
      if (magic !== SNAPSHOT_MAGIC) {
        throw new DamagedBytes(`not a snapshot: it begins with ${JSON.stringify(magic)}`);
      }
      return { counters: decodeCounters(r.bytes()), slow: decodeSlowCounters(r.bytes()) };
    });
    if (found === undefined) return false;
    if (found.value.slow.cursor !== undefined) throw new DamagedBytes('a snapshot with a cursor');
    this.head = found.value;
    this.checksum = new StreamChecksum(found.bytes);
    this.content = new SnapshotContent(found.value.slow.compacted);
    return true;
  }

  private takeEnd(): boolean {
    const found = this.tryRead((r) => {
      r.string();
      return { count: r.varint(), sum: readLanes(r) };
    });
    if (found === undefined) return false;
    const { count, sum } = this.checksum!;
    if (found.value.count !== count || !equalLanes(found.value.sum, sum)) {
      throw new DamagedBytes(`the checksum of the snapshot's ${count} entries does not fit`);
    }
    this.phase = 'ended';
    return false;
  }

  /** Reads a short frame; undefined when it is not all there yet. */
  private tryRead<T>(read: (r: ByteReader) => T) {
    const bytes = this.pending.peek(FRAME_BYTES_MAX);
    const r = new ByteReader(bytes);
    try {
      const value = read(r);
      this.pending.drop(r.offset);
      return { value, bytes: bytes.subarray(0, r.offset) };
    } catch (error) {
      if (!(error instanceof DamagedBytes) || bytes.length >= FRAME_BYTES_MAX) throw error;
      return undefined;
    }
  }

  private takeEntry(key: string, window: Uint8Array): void {
    if (key <= this.lastKey)
      throw new DamagedBytes(`entry ${this.checksum!.count} is out of order`);
    this.lastKey = key;
    const value = window.slice();
    this.checksum!.add(key, value);
    const derived = this.content!.add(key, value);
    this.ops.push({ key, value });
    if (derived !== undefined) this.ops.push(derived);
    this.opBytes += key.length + value.length;
    if (this.opBytes >= BATCH_BYTES) this.flush();
  }

  private flush(): void {
    this.target.batch(this.ops);
    this.ops = [];
    this.opBytes = 0;
  }
}

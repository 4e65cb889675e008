/**
 * Reads a log back from its segments.
 *
 * Every segment but the newest was durable to its last byte when the next one was begun, so
 * anything unreadable there is corruption. In the newest one an unreadable place is a torn tail,
 * to be cut, unless a record behind it vouches that the place was durable: then acknowledged
 * entries are damaged, and the log is refused with the file and the offset. Cutting there would
 * silently take back what other members count on.
 *
 * A power failure may bring back some removed segments and not others: only the unbroken run
 * that ends with the newest one counts. Whether it holds every live entry is checked at the end.
 * Nothing is cut or removed before that: a refused log stays as it was found.
 */
import type { HardState, SnapshotMetadata } from '../raft/types';
import { getUint64, viewOf } from './bytes';
import { decodeConf, sameConf } from './confCodec';
import type { Checksum } from './crc32';
import type { Disk } from './disk';
import { CorruptionError } from './errors';
import { LogState } from './logState';
import type { RecordHeader } from './record';
import { entryTypeOf, RECORD_HEADER_BYTES, RECORD_TYPES } from './record';
import type { Segment } from './segment';
import { decodeSegmentPayload, FORMAT_VERSION, segmentNumberOf, segmentPath } from './segment';
import { SegmentScanner } from './segmentScanner';

export interface RecoveredLog {
  readonly state: LogState;
  /** Oldest first; the last one is written to. */
  readonly segments: Segment[];
}

/** A record of a batch whose end is not yet seen; entries keep their place, not their payload. */
interface PendingRecord {
  readonly header: RecordHeader;
  readonly offset: number;
  readonly payload: Uint8Array | undefined;
}

/** Undefined when there is no log in the directory, or one that never became durable. */
export function recoverLog(
  disk: Disk,
  directory: string,
  checksum: Checksum,
): RecoveredLog | undefined {
  const recovery = new Recovery(disk, checksum);
  const numbers = recovery.unbrokenRun(directory);
  try {
    numbers.forEach((number, i) => {
      const isLast = i === numbers.length - 1;
      recovery.replay(number, segmentPath(directory, number), isLast);
    });
    return recovery.finish(directory);
  } catch (error) {
    for (const segment of recovery.segments) segment.file.close();
    throw error;
  }
}

class Recovery {
  readonly segments: Segment[] = [];
  private state: LogState | undefined;
  /** Cuts and removals, done once the log is known to be good. */
  private readonly repairs: (() => void)[] = [];

  constructor(
    private readonly disk: Disk,
    private readonly checksum: Checksum,
  ) {}

  /** Numbers of the newest segments without a gap, ascending; older ones are to be removed. */
  unbrokenRun(directory: string): readonly number[] {
    const numbers = this.disk
      .list(directory)
      .map(segmentNumberOf)
      .filter((number) => number !== undefined)
      .sort((a, b) => a - b);
    let start = Math.max(0, numbers.length - 1);
    while (start > 0 && numbers[start - 1] === numbers[start]! - 1) start--;
    for (const number of numbers.slice(0, start)) {
      this.repairs.push(() => this.disk.remove(segmentPath(directory, number)));
    }
    return numbers.slice(start);
  }

  replay(number: number, path: string, isLast: boolean): void {
    const file = this.disk.open(path);
    const segment: Segment = { number, path, file, synced: 0 };
    this.segments.push(segment);
    const scanner = new SegmentScanner(file, number, this.checksum);
    const good = this.replayBatches(segment, scanner);
    if (good === file.size && good > 0) {
      segment.synced = isLast ? 0 : good;
      return;
    }
    if (!isLast) throw new CorruptionError(path, good, 'unreadable in a closed segment');
    const witness = scanner.findWitness(good);
    if (witness !== undefined) {
      const reason = `unreadable, though the record at byte ${witness} says it was durable`;
      throw new CorruptionError(path, good, reason);
    }
    if (good === 0) this.dropUnborn(segment);
    else this.repairs.push(() => file.truncate(good));
  }

  /** Everything live must be there, and the newest segment durable before more is appended. */
  finish(directory: string): RecoveredLog | undefined {
    const { state, segments } = this;
    const missing = (state?.entries.first ?? 1) - 1;
    if (state !== undefined && missing > state.baseIndex) {
      const reason = `entries ${state.baseIndex + 1} to ${missing} are in no segment`;
      throw new CorruptionError(segments[0]!.path, 0, reason);
    }
    for (const repair of this.repairs) repair();
    const last = segments[segments.length - 1];
    if (state === undefined || last === undefined) return undefined;
    last.file.syncNow();
    last.synced = last.file.size;
    this.disk.syncDirectoryNow(directory);
    return { state, segments };
  }

  /** Returns the offset behind the last complete batch. */
  private replayBatches(segment: Segment, scanner: SegmentScanner): number {
    let pending: PendingRecord[] = [];
    let good = 0;
    let offset = 0;
    for (;;) {
      const record = scanner.recordAt(offset);
      if (record === undefined) return good;
      const { header, payload } = record;
      const kept = entryTypeOf(header.type) === undefined ? payload.slice() : undefined;
      pending.push({ header, offset, payload: kept });
      offset += record.payload.length + RECORD_HEADER_BYTES;
      if (!header.endOfBatch) continue;
      if (good === 0) this.begin(segment, pending);
      else this.applyBatch(this.state!, segment, pending);
      pending = [];
      good = offset;
    }
  }

  /** A segment whose first batch never became durable holds nothing that anybody relies on. */
  private dropUnborn(segment: Segment): void {
    if (segment.number > 1 && this.state === undefined) {
      throw new CorruptionError(segment.path, 0, 'the only segment has no readable beginning');
    }
    this.segments.pop();
    segment.file.close();
    this.repairs.push(() => this.disk.remove(segment.path));
  }

  private begin(segment: Segment, batch: readonly PendingRecord[]): void {
    const { path, number } = segment;
    const refuse = (reason: string): never => {
      throw new CorruptionError(path, 0, reason);
    };
    const [first, base, snapshot, hard] = batch;
    const facts = first?.payload && decodeSegmentPayload(first.payload);
    if (batch.length !== 4 || first?.header.type !== RECORD_TYPES.segment || !facts) {
      return refuse('it does not begin with a segment header');
    }
    if (facts.version !== FORMAT_VERSION) {
      return refuse(`format version ${facts.version}; this program reads ${FORMAT_VERSION}`);
    }
    if (first.header.index !== number) {
      return refuse(`it says it is segment ${first.header.index}, its name says ${number}`);
    }
    const baseIndex = base!.header.index;
    const baseTerm = base!.header.term;
    const metadata = snapshotOf(segment, snapshot!);
    const said = new LogState(baseIndex, baseTerm, metadata, facts.lastIndex);
    said.hard = hardOf(segment, hard!);
    const before = this.segments[this.segments.length - 2];
    if (before === undefined || this.state === undefined) {
      this.state = said;
      return;
    }
    if (before.file.size !== facts.sizeBefore) {
      const reason = `${before.file.size} bytes long; the next segment says ${facts.sizeBefore}`;
      throw new CorruptionError(before.path, before.file.size, reason);
    }
    if (!agree(this.state, said)) {
      refuse('its header differs from what the segments before it say');
    }
  }

  private applyBatch(state: LogState, segment: Segment, batch: readonly PendingRecord[]): void {
    const check = (offset: number, problem: string | undefined): void => {
      if (problem !== undefined) throw new CorruptionError(segment.path, offset, problem);
    };
    for (const record of batch) {
      const { header, offset } = record;
      const { index, term, length } = header;
      switch (header.type) {
        case RECORD_TYPES.hard: {
          const hard = hardOf(segment, record);
          check(offset, state.hardProblem(hard));
          state.hard = hard;
          break;
        }
        case RECORD_TYPES.snapshot: {
          check(offset, state.snapshotProblem(index));
          state.snapshot = snapshotOf(segment, record);
          break;
        }
        case RECORD_TYPES.install: {
          const metadata = snapshotOf(segment, record);
          check(offset, state.installProblem(metadata));
          state.install(metadata);
          break;
        }
        case RECORD_TYPES.compact:
          check(offset, state.compactProblem(index));
          state.compact(index, term);
          break;
        case RECORD_TYPES.segment:
          check(offset, 'a segment header in the middle of a segment');
          break;
        default:
          check(offset, state.entryProblem(index, term));
          state.addEntry(index, term, segment.number, offset, length);
      }
    }
    check(batch[0]!.offset, state.commitProblem());
  }
}

function hardOf(segment: Segment, record: PendingRecord): HardState {
  const { header, payload, offset } = record;
  const vote = payload?.length === 8 ? getUint64(viewOf(payload), 0) : undefined;
  if (header.type !== RECORD_TYPES.hard || vote === undefined) {
    throw new CorruptionError(segment.path, offset, 'not a hard state');
  }
  return { term: header.term, vote, commit: header.index };
}

function snapshotOf(segment: Segment, record: PendingRecord): SnapshotMetadata {
  const conf = record.payload && decodeConf(record.payload);
  if (conf === undefined) {
    throw new CorruptionError(segment.path, record.offset, 'not a snapshot record');
  }
  return { index: record.header.index, term: record.header.term, conf };
}

function agree(a: LogState, b: LogState): boolean {
  return (
    a.baseIndex === b.baseIndex &&
    a.baseTerm === b.baseTerm &&
    a.lastIndex === b.lastIndex &&
    a.hard.term === b.hard.term &&
    a.hard.vote === b.hard.vote &&
    a.hard.commit === b.hard.commit &&
    a.snapshot.index === b.snapshot.index &&
    a.snapshot.term === b.snapshot.term &&
    sameConf(a.snapshot.conf, b.snapshot.conf)
  );
}

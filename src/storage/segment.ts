/**
 * A segment's first batch: everything a recovery needs to start there, so that older segments
 * can be removed. It also names the exact size of the segment before it: a closed segment was
 * durable to its last byte, and one that is shorter has lost something.
 *
 *   segment   index = number; payload: version u32, size of the segment before u32, lastIndex u64
 *   compact   the base
 *   snapshot  the newest snapshot
 *   hard      the hard state
 */
import type { HardState, SnapshotMetadata } from '../raft/types';
import type { NewRecord } from './batch';
import { getUint64, putUint64, viewOf, writeUint64 } from './bytes';
import { encodeConf } from './confCodec';
import type { DiskFile } from './disk';
import type { LogState } from './logState';
import { RECORD_TYPES } from './record';

export const FORMAT_VERSION = 1;
const SEGMENT_PAYLOAD_BYTES = 16;

/** An open segment; `synced` bytes of it are durable. */
export interface Segment {
  readonly number: number;
  readonly path: string;
  readonly file: DiskFile;
  synced: number;
}

const NAME = /^([0-9a-f]{13})\.wal$/;

export function segmentPath(directory: string, number: number): string {
  return `${directory}/${number.toString(16).padStart(13, '0')}.wal`;
}

/** Undefined for a name that is no segment's. */
export function segmentNumberOf(name: string): number | undefined {
  const match = NAME.exec(name);
  return match === null ? undefined : parseInt(match[1]!, 16);
}

export function hardRecord(hard: HardState): NewRecord {
  const payload = new Uint8Array(8);
  writeUint64(payload, 0, hard.vote);
  return { type: RECORD_TYPES.hard, index: hard.commit, term: hard.term, payload };
}

export function snapshotRecord(
  type: typeof RECORD_TYPES.snapshot | typeof RECORD_TYPES.install,
  metadata: SnapshotMetadata,
): NewRecord {
  const { index, term, conf } = metadata;
  return { type, index, term, payload: encodeConf(conf) };
}

export function compactRecord(index: number, term: number): NewRecord {
  return { type: RECORD_TYPES.compact, index, term, payload: new Uint8Array(0) };
}

export function headerBatch(number: number, sizeBefore: number, state: LogState): NewRecord[] {
  const payload = new Uint8Array(SEGMENT_PAYLOAD_BYTES);
  const view = viewOf(payload);
  view.setUint32(0, FORMAT_VERSION, true);
  view.setUint32(4, sizeBefore, true);
  putUint64(view, 8, state.lastIndex);
  return [
    { type: RECORD_TYPES.segment, index: number, term: 0, payload },
    compactRecord(state.baseIndex, state.baseTerm),
    snapshotRecord(RECORD_TYPES.snapshot, state.snapshot),
    hardRecord(state.hard),
  ];
}

export interface SegmentFacts {
  readonly version: number;
  readonly sizeBefore: number;
  readonly lastIndex: number;
}

export function decodeSegmentPayload(payload: Uint8Array): SegmentFacts | undefined {
  if (payload.length !== SEGMENT_PAYLOAD_BYTES) return undefined;
  const view = viewOf(payload);
  const lastIndex = getUint64(view, 8);
  if (lastIndex === undefined) return undefined;
  return { version: view.getUint32(0, true), sizeBefore: view.getUint32(4, true), lastIndex };
}

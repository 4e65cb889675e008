/**
 * Where the state machine is: indices, revisions and hash sums, stored beside the data.
 *
 * They lie in two entries. `Counters` change with every command and travel in its batch, so the
 * applied index and what it stands for can never part; `SlowCounters` change with compactions
 * leases and membership only. The content hash of what is alive is `written - deadAtCompacted`.
 */

import { ByteReader, ByteWriter } from './bytes';
import { ZERO_LANES } from './contentHash';
import type { Lanes } from './contentHash';
import { COUNTERS_KEY, SLOW_COUNTERS_KEY } from './layout';
import type { OrderedReader } from './orderedStore';
import type { Revision } from './types';
import type { Index } from '../raft/types';

export interface Counters {
  readonly appliedIndex: Index;
  readonly revision: Revision;
  /** Live keys. */
  readonly keys: number;
  /** Bytes of keys and values in the store, what compaction has still to drop included. */
  readonly bytes: number;
  /** Sum of the hashes of all versions ever written. */
  readonly written: Lanes;
  /** Of these, what a compaction at `revision` lets go of. */
  readonly dead: Lanes;
  /** What a compaction at `revision + 1` will let go of besides: tombstones, mostly. */
  readonly deadNext: Lanes;
}

export interface SlowCounters {
  /** -1 until the first compaction, as in etcd. */
  readonly compacted: Revision;
  readonly deadAtCompacted: Lanes;
  /** Where dropping old versions goes on; undefined when nothing is left to drop. */
  readonly cursor: string | undefined;
  readonly leases: number;
  readonly leaseSum: Lanes;
  /** Hash of the membership and the alarms. */
  readonly cluster: Lanes;
}

export const FIRST_COUNTERS: Counters = {
  appliedIndex: 0,
  revision: 1,
  keys: 0,
  bytes: 0,
  written: ZERO_LANES,
  dead: ZERO_LANES,
  deadNext: ZERO_LANES,
};

export const FIRST_SLOW_COUNTERS: SlowCounters = {
  compacted: -1,
  deadAtCompacted: ZERO_LANES,
  cursor: undefined,
  leases: 0,
  leaseSum: ZERO_LANES,
  cluster: ZERO_LANES,
};

/** The same counters after an entry that changed nothing else; for each such entry of the log. */
export function countersAt(before: Counters, appliedIndex: number): Counters {
  const { revision, keys, bytes, written, dead, deadNext } = before;
  return { appliedIndex, revision, keys, bytes, written, dead, deadNext };
}

/** For the counters, which are written with every command. */
const scratch = new ByteWriter(128);

export function encodeCounters(counters: Counters): Uint8Array {
  const w = scratch.reset();
  w.varint(counters.appliedIndex);
  w.varint(counters.revision);
  w.varint(counters.keys);
  w.varint(counters.bytes);
  writeLanes(w, counters.written);
  writeLanes(w, counters.dead);
  writeLanes(w, counters.deadNext);
  return w.finish();
}

export function decodeCounters(bytes: Uint8Array): Counters {
  const r = new ByteReader(bytes);
  const counters = {
    appliedIndex: r.varint(),
    revision: r.varint(),
    keys: r.varint(),
    bytes: r.varint(),
    written: readLanes(r),
    dead: readLanes(r),
    deadNext: readLanes(r),
  };
  r.finish();
  return counters;
}

export function encodeSlowCounters(counters: SlowCounters): Uint8Array {
  const w = new ByteWriter();
  w.signed(counters.compacted);
  writeLanes(w, counters.deadAtCompacted);
  w.string(counters.cursor ?? '');
  w.varint(counters.leases);
  writeLanes(w, counters.leaseSum);
  writeLanes(w, counters.cluster);
  return w.finish();
}

export function decodeSlowCounters(bytes: Uint8Array): SlowCounters {
  const r = new ByteReader(bytes);
  const compacted = r.signed();
  const deadAtCompacted = readLanes(r);
  const cursor = r.string();
  const leases = r.varint();
  const leaseSum = readLanes(r);
  const cluster = readLanes(r);
  r.finish();
  return {
    compacted,
    deadAtCompacted,
    cursor: cursor === '' ? undefined : cursor,
    leases,
    leaseSum,
    cluster,
  };
}

export function loadCounters(reader: OrderedReader): Counters {
  const bytes = reader.get(COUNTERS_KEY);
  return bytes === undefined ? FIRST_COUNTERS : decodeCounters(bytes);
}

export function loadSlowCounters(reader: OrderedReader): SlowCounters {
  const bytes = reader.get(SLOW_COUNTERS_KEY);
  return bytes === undefined ? FIRST_SLOW_COUNTERS : decodeSlowCounters(bytes);
}

export function writeLanes(w: ByteWriter, lanes: Lanes): void {
  w.varint(lanes.low);
  w.varint(lanes.high);
}

export function readLanes(r: ByteReader): Lanes {
  return { low: r.varint(), high: r.varint() };
}

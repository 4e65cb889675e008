/**
 * The content of a state, added up entry by entry so that it can be compared with what the
 * counters promise: hash sums, numbers of keys, changes, leases and attachments, and the
 * membership.
 * A snapshot whose bytes are all right but whose content is not its machine's is found out here,
 * and so is a state that was damaged where it lies.
 */

import { DamagedBytes } from './bytes';
import { addLanes, equalLanes, subtractLanes, ZERO_LANES } from './contentHash';
import type { Lanes } from './contentHash';
import type { Counters, SlowCounters } from './counters';
import {
  ATTACHMENTS,
  CHANGE_BYTES_MIN,
  CHANGES,
  CLUSTER,
  encodeNewest,
  hashOfRecord,
  isLeased,
  isTombstone,
  isVersionOf,
  LEASES,
  leaseOfDigits,
  newestKey,
  prefixOfVersion,
  recordIsSound,
  revisionOfVersion,
  VERSIONS,
} from './layout';
import { decodeLease, hashOfLease } from './leaseTable';
import { decodeCluster, hashOfCluster } from './membership';
import type { StoreOp } from './orderedStore';
import { snapshotFilter } from './snapshot';

export class SnapshotContent {
  private prefix = '';
  private sum: Lanes = ZERO_LANES;
  private bytes = 0;
  private keys = 0;
  private leasedKeys = 0;
  private attachments = 0;
  private versionsToWatch = 0;
  private changes = 0;
  private leases = 0;
  private leaseSum: Lanes = ZERO_LANES;
  private cluster: Lanes = ZERO_LANES;
  private readonly filter;

  constructor(private readonly compacted: number) {
    this.filter = snapshotFilter(compacted);
  }

  /** Returns the entry that follows from this one and is not in a snapshot, if there is any. */
  add(key: string, value: Uint8Array): StoreOp | undefined {
    let derived: StoreOp | undefined;
    switch (key.charAt(0)) {
      case VERSIONS:
        if (this.addVersion(key, value)) {
          derived = { key: newestKey(this.prefix), value: encodeNewest(key, value) };
        }
        break;
      case CHANGES:
        if (value.length < CHANGE_BYTES_MIN || key.length !== 12) throw wrong('change', key);
        this.changes++;
        this.bytes += key.length + value.length;
        break;
      case ATTACHMENTS:
        this.attachments++;
        break;
      case CLUSTER:
        if (key !== CLUSTER) throw wrong('membership', key);
        this.cluster = hashOfCluster(decodeCluster(value));
        break;
      case LEASES: {
        if (key.length !== 9) throw wrong('lease', key);
        const lease = decodeLease(leaseOfDigits(key.slice(1)), value);
        this.leases++;
        this.leaseSum = addLanes(this.leaseSum, hashOfLease(lease));
      }
    }
    if (!this.filter(key, value)) throw wrong('entry that is compacted', key);
    return derived;
  }

  /** Returns the bytes of the content. */
  verify(counters: Counters, slow: SlowCounters): number {
    const live = subtractLanes(counters.written, slow.deadAtCompacted);
    const checks: readonly (readonly [string, boolean])[] = [
      ['hash of the content', equalLanes(this.sum, live)],
      ['number of keys', this.keys === counters.keys],
      ['number of changes', this.changes === this.versionsToWatch],
      ['number of leases', this.leases === slow.leases],
      ['hash of the leases', equalLanes(this.leaseSum, slow.leaseSum)],
      ['hash of the membership', equalLanes(this.cluster, slow.cluster)],
      ['number of attached keys', this.attachments === this.leasedKeys],
    ];
    for (const [what, holds] of checks) {
      if (!holds) throw new DamagedBytes(`the ${what} is not what the counters say`);
    }
    return this.bytes;
  }

  /** True for the newest version of a live key. */
  private addVersion(key: string, record: Uint8Array): boolean {
    if (key.length < 13 || !recordIsSound(key, record)) throw wrong('version', key);
    let isNewest = false;
    if (this.prefix === '' || !isVersionOf(key, this.prefix)) {
      this.prefix = prefixOfVersion(key);
      if (!isTombstone(record)) {
        isNewest = true;
        this.keys++;
        if (isLeased(record)) this.leasedKeys++;
      }
    }
    if (revisionOfVersion(key) >= this.compacted) this.versionsToWatch++;
    this.sum = addLanes(this.sum, hashOfRecord(record));
    this.bytes += key.length + record.length;
    return isNewest;
  }
}

function wrong(what: string, key: string): DamagedBytes {
  return new DamagedBytes(`a damaged ${what} under the key ${JSON.stringify(key)}`);
}

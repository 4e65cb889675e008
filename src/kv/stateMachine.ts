/**
 * The etcd v3 state machine: commands in log order in, results and events out.
 *
 * Deterministic: two machines that applied the same commands answer alike and hash alike,
 * whatever their stores, their compaction progress and their restarts. Every command is one
 * atomic batch of the store that carries the applied index along; a command at or below that
 * index is skipped, so replaying a log is harmless. A refused command has no effect but the
 * index.
 */

import { COMPACTION_START, compactionStep, sumsAt } from './compaction';
import { Hasher, lanesToNumber, subtractLanes } from './contentHash';
import { encodeCounters, encodeSlowCounters, loadCounters, loadSlowCounters } from './counters';
import type { Counters, SlowCounters } from './counters';
import { readHistory } from './history';
import type { HistoryOptions, HistoryPage } from './history';
import { CLUSTER, CONF_KEY, COUNTERS_KEY, leaseKey, SLOW_COUNTERS_KEY } from './layout';
import { encodeLease, findLease, keysOfLease, listLeases, replaceInSum } from './leaseTable';
import {
  carryOut as carryOutOnCluster,
  changeMembership,
  EMPTY_CLUSTER,
  encodeCluster,
  hashOfCluster,
  loadCluster,
  membershipRefusal,
} from './membership';
import type { ClusterState } from './membership';
import { MemoryStore } from './memoryStore';
import { NewestCache } from './newestCache';
import { decodeConf, encodeConf } from './confCodec';
import type { Durability, OrderedStore, StoreOp } from './orderedStore';
import { assertNewestIndexed } from './newestCursor';
import { RangeCounts, RangeReading } from './rangeReading';
import { readRange } from './reads';
import type { KeySink } from './reads';
import { refusals } from './refusals';
import { Restorer } from './restorer';
import { StoreSnapshot } from './snapshot';
import type { SnapshotSource } from './snapshot';
import { alarmRefusal } from './space';
import { StateAudit } from './stateAudit';
import { checkRevision, readActions, runTxn, sourceAt } from './txn';
import type { TxnActions } from './txn';
import { NO_LEASE, Refused } from './types';
import type {
  Applied,
  Command,
  CommandResult,
  Key,
  LeaseCheckpoint,
  LeaseId,
  LeaseState,
  MembershipChange,
  RangeRequest,
  RangeResult,
  Revision,
  TxnRequest,
  TxnResult,
} from './types';
import { checkDeleteRange, checkLeaseGrant, checkPut, checkRange, checkTxn } from './validate';
import { WriteSet } from './writeSet';
import type { ConfState, Index } from '../raft/types';

export interface StateMachineOptions {
  /** Where the state lives; what it already holds is taken up. Default: a new MemoryStore. */
  readonly store?: OrderedStore;
  /** Makes the empty store that a snapshot is restored into. Default: a new MemoryStore. */
  readonly makeStore?: () => OrderedStore;
  /**
   * Changes that a compaction looks at with each applied command, besides as many as the command
   * makes: no load may leave old versions faster than they go. Default 16; 0: none at all.
   */
  readonly compactionChangesPerCommand?: number;
}

export class StateMachine {
  private store: OrderedStore;
  private counters: Counters;
  private slow: SlowCounters;
  private clusterState: ClusterState;
  private readonly makeStore: () => OrderedStore;
  private readonly changesPerCommand: number;
  private readonly newest = new NewestCache();
  private readonly hasher = new Hasher();
  private readonly counts = new RangeCounts();
  private previousWanted: () => boolean = () => true;

  constructor(options: StateMachineOptions = {}) {
    this.makeStore = options.makeStore ?? (() => new MemoryStore());
    this.store = options.store ?? new MemoryStore();
    this.changesPerCommand = options.compactionChangesPerCommand ?? 16;
    this.counters = loadCounters(this.store);
    this.slow = loadSlowCounters(this.store);
    this.clusterState = loadCluster(this.store);
    if (this.keyCount > 0) assertNewestIndexed(this.store);
  }

  get appliedIndex(): Index {
    return this.counters.appliedIndex;
  }

  get revision(): Revision {
    return this.counters.revision;
  }

  /** -1 before the first compaction. */
  get compactedRevision(): Revision {
    return this.slow.compacted;
  }

  /** Bytes of keys and values in the store, old versions included. Approximates the state. */
  get bytes(): number {
    return this.counters.bytes;
  }

  /** Live keys. */
  get keyCount(): number {
    return this.counters.keys;
  }

  get leaseCount(): number {
    return this.slow.leases;
  }

  /** Old versions are still to be dropped: see `compactStep`. */
  get compactionPending(): boolean {
    return this.slow.cursor !== undefined;
  }

  /** Members, removed ids and alarms. */
  get cluster(): ClusterState {
    return this.clusterState;
  }

  /** The core's configuration as of the last change that was applied, if the store has seen one. */
  get conf(): ConfState | undefined {
    const bytes = this.store.get(CONF_KEY);
    return bytes === undefined ? undefined : decodeConf(bytes);
  }

  /** How what was applied becomes durable; undefined where it does not survive the process. */
  get durability(): Durability | undefined {
    return this.store.durability;
  }

  /** Applies the command of entry `index`. Undefined when that index was applied before. */
  apply(command: Command, index: Index): Applied | undefined {
    if (index <= this.appliedIndex) return undefined;
    const writes = new WriteSet(this.store, this.counters, this.newest, {
      readsItself: command.kind === 'txn',
      previousWanted: this.previousWanted(),
    });
    const slow = this.slow;
    const cluster = this.clusterState;
    try {
      const refusal = alarmRefusal(cluster, command);
      if (refusal !== undefined) throw refusal;
      const result = this.carryOut(command, writes);
      this.write(writes.ops, writes.after(index), slow);
      for (const version of writes.versions) this.newest.set(version);
      return { result, revision: this.revision, events: writes.events };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.slow = slow;
      this.clusterState = cluster;
      this.skip(index);
      return { result: error, revision: this.revision, events: [] };
    }
  }

  /**
   * Whether events have to carry previous values: reading those is most of what an overwrite or
   * a delete of something large costs. Until this is called they do.
   */
  askForPrevious(wanted: () => boolean): void {
    this.previousWanted = wanted;
  }

  /** Passes over an entry that is no command of ours: a leader's first, a membership change. */
  skip(index: Index): void {
    if (index <= this.appliedIndex) return;
    this.write([], { ...this.counters, appliedIndex: index }, this.slow);
  }

  /** Why a membership change would be refused as the next entry, or undefined. */
  membershipRefusal(change: MembershipChange): Refused | undefined {
    return membershipRefusal(this.clusterState, change);
  }

  /**
   * Takes note of the membership entry at `index`: the change, if there was one and it was not
   * refused, and the core's configuration after it.
   */
  applyMembership(index: Index, change: MembershipChange | undefined, conf: ConfState): void {
    if (index <= this.appliedIndex) return;
    const slow = this.slow;
    const ops: StoreOp[] = [{ key: CONF_KEY, value: encodeConf(conf) }];
    if (change !== undefined) this.putCluster(changeMembership(this.clusterState, change), ops);
    this.write(ops, { ...this.counters, appliedIndex: index }, slow);
  }

  /** Takes note of the core's configuration without a change: the store has lost it in a copy. */
  rememberConf(conf: ConfState): void {
    this.write([{ key: CONF_KEY, value: encodeConf(conf) }], this.counters, this.slow, 0);
  }

  /** Replaces members and removed ids, and takes all alarms back: for a state that is restored. */
  resetCluster(members: ClusterState['members']): void {
    const slow = this.slow;
    const ops: StoreOp[] = [{ key: CONF_KEY, value: undefined }];
    this.putCluster({ ...EMPTY_CLUSTER, members }, ops);
    this.write(ops, this.counters, slow, 0);
  }

  /** Throws Refused. */
  range(request: RangeRequest): RangeResult {
    checkRange(request);
    checkRevision(this.base(), request.revision);
    return readRange(sourceAt(this.base(), request.revision), request);
  }

  /**
   * The same, a part at a time; the first part has to be read at once. What a sink takes is not in
   * the result. Throws Refused.
   */
  startRange(request: RangeRequest, sink?: KeySink): RangeReading {
    checkRange(request);
    checkRevision(this.base(), request.revision);
    const { store, revision, keyCount, counts } = this;
    return new RangeReading(store, request, revision, keyCount, counts, sink);
  }

  /** A transaction that only reads (see `isReadOnlyTxn`), without the log. Throws Refused. */
  readTxn(request: TxnRequest): TxnResult {
    checkTxn(request, Infinity);
    return runTxn(this.base(), readActions(this.base()), request);
  }

  /**
   * Events from a revision on, in pages of whole revisions. Throws Refused when the revision is
   * compacted; a revision in the future is an empty page.
   */
  history(from: Revision, options: HistoryOptions = {}): HistoryPage {
    if (from < this.slow.compacted) throw refusals.compacted();
    return readHistory(this.store, this.base(), from, options);
  }

  lease(id: LeaseId): LeaseState | undefined {
    return findLease(this.store, id);
  }

  /** All leases, ordered by id. */
  leases(): readonly LeaseState[] {
    return listLeases(this.store);
  }

  /** The keys attached to a lease, in order. */
  leaseKeys(id: LeaseId): readonly Key[] {
    return keysOfLease(this.store, id);
  }

  /**
   * Content hash of the whole state: everything alive, revisions and leases. Equal on machines
   * that applied the same commands, in O(1).
   */
  hash(): number {
    const live = subtractLanes(this.counters.written, this.slow.deadAtCompacted);
    const { revision } = this.counters;
    const { compacted, leases, leaseSum, cluster } = this.slow;
    this.hasher
      .reset()
      .number(revision)
      .number(compacted + 1)
      .number(leases);
    return lanesToNumber(this.hasher.lanes(live).lanes(leaseSum).lanes(cluster).finish());
  }

  /** Content hash of the keys alone, as they were at a revision. Throws Refused like a range. */
  hashKv(revision: Revision = 0): number {
    checkRevision(this.base(), revision);
    const at = revision <= 0 ? this.revision : revision;
    const written = at === this.revision ? this.counters.written : sumsAt(this.store, at).written;
    const live = subtractLanes(written, this.slow.deadAtCompacted);
    this.hasher
      .reset()
      .number(at)
      .number(this.slow.compacted + 1);
    return lanesToNumber(this.hasher.lanes(live).finish());
  }

  /** Drops old versions, looking at no more than `changesMax` changes. True while more is due. */
  compactStep(changesMax = 1000): boolean {
    if (this.compactionPending) this.write([], this.counters, this.slow, changesMax);
    return this.compactionPending;
  }

  /** The state as it is now, to be read while commands go on; must be released. */
  snapshot(): SnapshotSource {
    return new StoreSnapshot(this.store.view(), this.counters, this.slow);
  }

  /** Begins to read the whole state as it is now and to compare it with its counters. */
  audit(): StateAudit {
    return new StateAudit(this.store.view(), this.counters, this.slow);
  }

  /** Takes a snapshot in; the state changes when it is complete and sound, and not before. */
  restorer(target: OrderedStore = this.makeStore()): Restorer {
    return new Restorer(target, () => {
      const old = this.store;
      this.store = target;
      this.counters = loadCounters(target);
      this.slow = loadSlowCounters(target);
      this.clusterState = loadCluster(target);
      this.newest.clear();
      old.close();
    });
  }

  close(): void {
    this.store.close();
  }

  private base() {
    return { store: this.store, revision: this.revision, compacted: this.slow.compacted };
  }

  private carryOut(command: Command, writes: WriteSet): CommandResult {
    switch (command.kind) {
      case 'put':
        checkPut(command.request);
        return writes.put(command.request);
      case 'deleteRange':
        checkDeleteRange(command.request);
        return writes.deleteRange(command.request);
      case 'txn':
        checkTxn(command.request, Infinity);
        return runTxn(this.base(), this.actionsOn(writes), command.request);
      case 'compact':
        return this.compact(command.request.revision);
      case 'leaseGrant':
        return this.grant(command.id, command.ttlSeconds, writes);
      case 'leaseRevoke':
        return this.revoke(command.id, writes);
      case 'leaseCheckpoint':
        return this.checkpoint(command.checkpoints, writes);
      case 'memberAttributes':
      case 'alarm': {
        const { state, result } = carryOutOnCluster(this.clusterState, command);
        this.putCluster(state, writes.ops);
        return result;
      }
    }
  }

  private actionsOn(writes: WriteSet): TxnActions {
    return {
      put: (request) => writes.put(request),
      deleteRange: (request) => writes.deleteRange(request),
      range: (request) =>
        request.revision > 0
          ? readRange(sourceAt(this.base(), request.revision), request)
          : readRange(writes, request),
    };
  }

  private compact(revision: Revision): CommandResult {
    if (revision <= this.slow.compacted) throw refusals.compacted();
    if (revision > this.revision) throw refusals.futureRevision();
    this.slow = {
      ...this.slow,
      compacted: revision,
      deadAtCompacted: sumsAt(this.store, revision).dead,
      cursor: COMPACTION_START,
    };
    return { kind: 'compact' };
  }

  private grant(id: LeaseId, ttlSeconds: number, writes: WriteSet): CommandResult {
    checkLeaseGrant(ttlSeconds);
    if (id === NO_LEASE) throw refusals.leaseNotFound();
    if (findLease(this.store, id) !== undefined) throw refusals.leaseExists();
    this.putLease(undefined, { id, ttlSeconds, remainingSeconds: 0 }, writes);
    return { kind: 'lease', id, ttlSeconds };
  }

  private revoke(id: LeaseId, writes: WriteSet): CommandResult {
    const lease = findLease(this.store, id);
    if (lease === undefined) throw refusals.leaseNotFound();
    for (const key of keysOfLease(this.store, id)) writes.deleteKey(key);
    this.putLease(lease, undefined, writes);
    return { kind: 'lease', id, ttlSeconds: lease.ttlSeconds };
  }

  /** Leases that are gone meanwhile are passed over; the last word on a lease counts. */
  private checkpoint(checkpoints: readonly LeaseCheckpoint[], writes: WriteSet): CommandResult {
    const remaining = new Map(checkpoints.map((each) => [each.id, each.remainingSeconds]));
    for (const [id, remainingSeconds] of remaining) {
      const lease = findLease(this.store, id);
      if (lease !== undefined) this.putLease(lease, { ...lease, remainingSeconds }, writes);
    }
    return { kind: 'lease', id: NO_LEASE, ttlSeconds: 0 };
  }

  private putLease(
    before: LeaseState | undefined,
    after: LeaseState | undefined,
    writes: WriteSet,
  ): void {
    const key = leaseKey((after ?? before)!.id);
    writes.ops.push({ key, value: after === undefined ? undefined : encodeLease(after) });
    const leases =
      this.slow.leases + (after === undefined ? 0 : 1) - (before === undefined ? 0 : 1);
    this.slow = { ...this.slow, leases, leaseSum: replaceInSum(this.slow.leaseSum, before, after) };
  }

  private putCluster(state: ClusterState, ops: StoreOp[]): void {
    this.clusterState = state;
    this.slow = { ...this.slow, cluster: hashOfCluster(state) };
    ops.push({ key: CLUSTER, value: encodeCluster(state) });
  }

  /** One batch: the changes, a step of the compaction under way, and the counters. */
  private write(
    ops: StoreOp[],
    counters: Counters,
    slowBefore: SlowCounters,
    changesMax = this.changesPerCommand && this.changesPerCommand + ops.length,
  ): void {
    this.counters = counters;
    if (this.slow.cursor !== undefined && changesMax > 0) {
      const { compacted, cursor } = this.slow;
      const step = compactionStep(this.store, compacted, cursor, changesMax);
      for (const op of step.ops) ops.push(op);
      for (const prefix of step.goneKeys) this.newest.forget(prefix);
      this.counters = { ...counters, bytes: counters.bytes - step.bytes };
      this.slow = { ...this.slow, cursor: step.cursor };
    }
    ops.push({ key: COUNTERS_KEY, value: encodeCounters(this.counters) });
    if (this.slow !== slowBefore) {
      ops.push({ key: SLOW_COUNTERS_KEY, value: encodeSlowCounters(this.slow) });
    }
    this.store.batch(ops);
  }
}

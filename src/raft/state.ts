/**
 * The state of one node, and the outboxes its behaviour writes to.
 *
 * Behaviour lives beside it, one file for each part of the algorithm, as functions of this
 * state: roles.ts, election.ts, proposals.ts, replication.ts, follower.ts, transfer.ts,
 * reads.ts, configuration.ts. Only node.ts is for callers.
 */
import type {
  ConfState,
  Entry,
  Index,
  Message,
  MessageType,
  NodeId,
  RaftOptions,
  ReadState,
  Role,
  Term,
} from './types';
import { NOBODY } from './types';
import { fail } from './assert';
import { decodeChange } from './changeCodec';
import { RaftLog } from './log';
import { changeConf, normalizeConf } from './membership';
import { emptyMessage, type Draft } from './message';
import { ReadQueue } from './readQueue';
import type { Trace } from './trace';
import { Tracker } from './tracker';

const MIB = 1024 * 1024;
/** Entries read at once when a start scans the log. */
const SCAN_BYTES = MIB;

/** The options with all defaults filled in. */
export interface Settings {
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  readonly random: (n: number) => number;
  readonly preVote: boolean;
  readonly checkQuorum: boolean;
  readonly leaseReads: boolean;
  readonly nowMs: () => number;
  /** How long a heartbeat round that a quorum answered protects reads. */
  readonly leaseMs: number;
  readonly stepDownOnRemoval: boolean;
  readonly allowSelfRemoval: boolean;
  readonly validateChanges: boolean;
  readonly forwardProposals: boolean;
  readonly applyUnstable: boolean;
  readonly maxMessageBytes: number;
  readonly maxUncommittedBytes: number;
  readonly maxApplyingBytes: number;
  readonly maxPendingReads: number;
}

function settingsOf(options: RaftOptions): Settings {
  const { electionTicks, heartbeatTicks } = options;
  if (heartbeatTicks < 1) fail(`heartbeatTicks ${heartbeatTicks} is below 1`);
  if (electionTicks <= heartbeatTicks) {
    fail(`electionTicks ${electionTicks} must exceed heartbeatTicks ${heartbeatTicks}`);
  }
  const checkQuorum = options.checkQuorum ?? true;
  const leaseReads = options.readOnly === 'lease';
  if (leaseReads && !checkQuorum) fail('lease reads need checkQuorum');
  if (leaseReads && (options.nowMs === undefined || options.electionTimeoutMs === undefined)) {
    fail('lease reads need nowMs and electionTimeoutMs');
  }
  const drift = options.leaseDrift ?? 0.1;
  if (!(drift >= 0 && drift < 1)) fail(`leaseDrift ${drift} is outside [0, 1)`);
  // A follower's first tick may come right after it heard from the leader.
  const shortestShare = (electionTicks - 1) / electionTicks;
  return {
    electionTicks,
    heartbeatTicks,
    random: options.random,
    preVote: options.preVote ?? true,
    checkQuorum,
    leaseReads,
    nowMs: options.nowMs ?? (() => 0),
    leaseMs: (options.electionTimeoutMs ?? 0) * shortestShare * (1 - drift),
    stepDownOnRemoval: options.stepDownOnRemoval ?? true,
    allowSelfRemoval: options.allowSelfRemoval ?? false,
    validateChanges: options.validateChanges ?? true,
    forwardProposals: options.forwardProposals ?? true,
    applyUnstable: options.applyUnstable ?? false,
    maxMessageBytes: options.maxMessageBytes ?? MIB,
    maxUncommittedBytes: options.maxUncommittedBytes ?? 64 * MIB,
    maxApplyingBytes: options.maxApplyingBytes ?? 16 * MIB,
    maxPendingReads: options.maxPendingReads ?? 65_536,
  };
}

export class RaftState {
  readonly id: NodeId;
  readonly settings: Settings;
  readonly trace: Trace | undefined;
  readonly log: RaftLog;
  readonly tracker: Tracker;
  readonly reads: ReadQueue;

  term: Term;
  vote: NodeId;
  leader: NodeId = NOBODY;
  role: Role = 'follower';

  /** Ticks since the election timer was reset. */
  electionElapsed = 0;
  heartbeatElapsed = 0;
  /** The election timeout drawn for this round, in [electionTicks, 2 * electionTicks). */
  electionTimeout = 0;
  /** Ticks since a leader may have counted on this node's lease; only lease reads need it. */
  ticksSinceLeader: number;
  readonly votes = new Map<NodeId, boolean>();

  /** Who leadership is being transferred to, or NOBODY. */
  transferee: NodeId = NOBODY;
  /** Somebody was told to campaign at once in this term, so the lease protects nothing. */
  leaseBroken = false;
  /** Index of the newest change this leader may not have applied; no other before that. */
  pendingChangeIndex: Index = 0;
  /** Data bytes of entries of this leader's term that are not applied. */
  uncommittedBytes = 0;
  /** Index of the first entry of this leader's term: a quorum at or past it commits. */
  termStart: Index = 0;
  /** Index of the change or snapshot that the active configuration reflects. */
  confIndex: Index;
  /**
   * The configuration as of the last change that the apply lane applied. It falls behind the
   * active one only while a snapshot is being written that items of the apply lane precede.
   */
  appliedConf: ConfState;
  appliedConfIndex: Index;

  /** A member needs a snapshot and the log has none that serves. */
  snapshotWanted = false;
  /** Messages that may leave at once. */
  send: Message[] = [];
  /** Messages that promise something: they leave when the persist lane is done. */
  afterPersist: Message[] = [];
  readStates: ReadState[] = [];

  constructor(options: RaftOptions) {
    if (!Number.isSafeInteger(options.id) || options.id <= 0) fail(`id ${options.id} is no id`);
    this.id = options.id;
    this.settings = settingsOf(options);
    this.trace = options.trace;
    this.log = new RaftLog(options.log, this.settings.maxApplyingBytes, options.trace);
    this.tracker = new Tracker(
      options.maxInflightMessages ?? 256,
      options.maxInflightBytes ?? 8 * MIB,
    );
    this.reads = new ReadQueue(this.settings.random);
    const { hard, conf, confIndex } = options.log.initialState();
    // What is in a snapshot was committed, whether or not the commit index was written after it.
    const commit = Math.max(hard.commit, options.log.snapshot()?.index ?? 0);
    this.log.resume(commit, options.applied ?? 0);
    this.term = hard.term;
    this.vote = hard.vote;
    // A node that was up before may have answered a leader that still counts on its lease.
    this.ticksSinceLeader = hard.term === 0 ? Infinity : 0;
    this.confIndex = this.log.applied;
    this.appliedConf = confAt(this.log, normalizeConf(conf), confIndex ?? this.log.applied);
    this.appliedConfIndex = this.log.applied;
    this.installConf(this.appliedConf, []);
  }

  /** Makes a configuration active; members that are new start at the end of the log. */
  installConf(conf: ConfState, added: readonly NodeId[]): void {
    this.tracker.install(conf, added, Math.max(this.log.lastIndex, 1));
    this.trace?.({ kind: 'switchedConfiguration', conf });
  }

  /** A message from this node, of its term. */
  draft(type: MessageType, to: NodeId): Draft {
    return emptyMessage(type, this.id, to, this.term);
  }

  /** Whether this node may lead: a member that votes, with no snapshot half installed. */
  get promotable(): boolean {
    const own = this.tracker.get(this.id);
    return own !== undefined && !own.learner && this.log.unstable.snapshot === undefined;
  }

  /** Whether the leader's own term has a committed entry: only then is its commit index true. */
  get committedInTerm(): boolean {
    return this.log.committed >= this.termStart;
  }

  /** Acknowledges to `leader` that everything up to `index` is in the log. */
  acknowledge(leader: NodeId, index: Index): void {
    const message = this.draft('appendResponse', leader);
    message.index = index;
    this.afterPersist.push(message);
  }

  /** Forgets the bytes of entries that were applied; those of earlier terms never counted. */
  releaseUncommitted(entries: readonly Entry[]): void {
    if (this.uncommittedBytes === 0) return;
    for (const entry of entries) {
      if (entry.term === this.term) this.uncommittedBytes -= entry.data.length;
    }
    if (this.uncommittedBytes < 0) fail(`${this.uncommittedBytes} uncommitted bytes`);
  }
}

/** The configuration at the applied index: that of `confIndex` with the changes since. */
function confAt(log: RaftLog, conf: ConfState, confIndex: Index): ConfState {
  let current = conf;
  let low = confIndex + 1;
  while (low <= log.applied) {
    const entries = log.slice(low, log.applied + 1, SCAN_BYTES);
    if (entries === undefined) fail(`entry ${low} is gone, the configuration is of ${confIndex}`);
    for (const entry of entries) {
      const change = entry.type === 'normal' ? undefined : decodeChange(entry.data);
      const result = change && changeConf(current, change);
      if (result?.ok) current = result.conf;
    }
    low += entries.length;
  }
  return current;
}

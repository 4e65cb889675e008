/**
 * One member of a simulated cluster: the real driver, log, snapshots and state machine on a
 * simulated disk, clock and network. It can lose power, be killed, stand still and start again.
 *
 * The disk is what lives on between incarnations; everything else is new after a start, as it is
 * for a process. The taps on the log are the simulator's only window into a member besides its
 * public state: they see what is written and what is synced, and change nothing.
 */
import { MemoryTables, OverlayStore, StateMachine, WatchHub } from '../kv';
import type { Applied, MemberRecord } from '../kv';
import type { ConfState, Entry, Index, Message, NodeId, Role, Term } from '../raft/types';
import { bootstrapLog, isNewLog } from '../server/bootstrap';
import { Driver } from '../server/driver';
import { LogStore } from '../storage/logStore';
import type { LogWork } from '../storage/logStore';
import { SnapshotStore } from '../storage/snapshotStore';
import type { PeerMessage } from '../transport/transport';
import type { MemberState, MemberView } from './invariants';
import { damageDisk, LogWitness } from './logWitness';
import type { DamageSpot } from './logWitness';
import type { DiskPlan, MemberPlan } from './plan';
import type { Prng } from './prng';
import type { Scheduler } from './scheduler';
import { SimDisk } from './simDisk';
import { SimTransport } from './simNetwork';
import type { SimNetwork } from './simNetwork';
import { SimClock, SimRuntime } from './simRuntime';
import type { ProcessObserver } from './simRuntime';

/** What a member tells the world about, besides the events of its process. */
export interface MemberObserver extends ProcessObserver {
  appending(member: NodeId, work: LogWork, previousTerm: Term | undefined): void;
  synced(member: NodeId): void;
  applied(member: NodeId, entry: Entry, outcome: Applied | undefined): void;
  installed(member: NodeId, index: Index): void;
  delivered(member: NodeId, message: PeerMessage): void;
  /** It heard that it is no member any more, and has ended itself. */
  removed(member: NodeId): void;
  /** The driver gave up, or could not start. */
  failed(member: NodeId, error: unknown): void;
}

export interface SimMemberParts {
  readonly id: NodeId;
  /** Who a new log begins with; undefined: a spare, which begins with nobody and is told. */
  readonly conf: ConfState | undefined;
  /** The members of a new cluster as records, when its membership is to change. */
  readonly founders: readonly MemberRecord[];
  readonly plan: MemberPlan;
  readonly disk: DiskPlan;
  readonly clockRate: number;
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly observer: MemberObserver;
  /** Random streams: of the disk, and of each new process. */
  readonly diskRandom: Prng;
  readonly processRandom: Prng;
}

/** Small segments, so that a short run crosses their boundaries. */
const SEGMENT_BYTES_MAX = 16 * 1024;
/** A small cache, so that a lagging follower's entries come from the disk. */
const CACHE_BYTES_MAX = 32 * 1024;
/** Little of the state waits in memory, so that a short run has transactions under way. */
const FLUSH_BYTES = 4 * 1024;

interface MutableState {
  role: Role;
  term: Term;
  commitIndex: Index;
  lastIndex: Index;
  appliedIndex: Index;
  revision: number;
}

export class SimMember implements MemberView {
  readonly id: NodeId;
  readonly disk: SimDisk;
  private readonly tables: MemoryTables;
  /** Undefined while the member is down. */
  driver: Driver | undefined;
  log: LogStore | undefined;
  runtime: SimRuntime | undefined;
  /** Everything up to here is synced. */
  stableIndex: Index = 0;
  /** The term that is synced. */
  stableTerm: Term = 0;
  /** How often it was started. */
  incarnations = 0;
  /** Added to the time of every sync. */
  extraSyncMs = 0;
  readonly clock: SimClock;
  /** Of the running process; its clients come and go (see watchers.ts). */
  watches: WatchHub | undefined;
  /** Its log was damaged, so it may refuse to start; having done so it is lost. */
  wasDamaged = false;
  isLost = false;
  /** Nobody runs it: a spare that was not added yet, or a member that was removed. */
  isAway: boolean;
  /** Failures of the disk that it has already been excused for. */
  failuresExcused = 0;

  private current: MutableState = newState();
  private previous: MutableState = newState();
  private hasPrevious = false;
  private witness: LogWitness | undefined;

  constructor(private readonly parts: SimMemberParts) {
    this.id = parts.id;
    this.isAway = parts.conf === undefined;
    this.clock = new SimClock(parts.scheduler, parts.clockRate);
    this.disk = new SimDisk({
      schedule: (delayMs, run) => this.afterDisk(delayMs, run),
      random: (n) => parts.diskRandom.below(n),
      syncDelayMs: parts.disk.syncUsMin / 1000,
    });
    this.tables = new MemoryTables((run) => this.afterTransaction(run));
  }

  get isUp(): boolean {
    return this.driver !== undefined;
  }

  get canStart(): boolean {
    return !this.isLost && !this.isAway;
  }

  /** Of a running member. */
  get conf(): ConfState {
    return this.driver!.node.conf;
  }

  get isPaused(): boolean {
    return this.runtime?.isPaused ?? false;
  }

  get now(): MemberState {
    return this.current;
  }

  get before(): MemberState | undefined {
    return this.hasPrevious ? this.previous : undefined;
  }

  termAt(index: Index): Term | undefined {
    return this.driver?.node.termAt(index);
  }

  /** Starts a process on what the disk holds. */
  start(): void {
    const { id, observer, network, processRandom, scheduler } = this.parts;
    this.incarnations++;
    this.hasPrevious = false;
    const runtime = new SimRuntime(id, scheduler, processRandom, observer, this.clock);
    this.runtime = runtime;
    try {
      const log = this.openLog();
      const transport = new SimTransport(id, network, runtime, (message) =>
        observer.delivered(id, message),
      );
      const machine = this.openState();
      const watches = newWatchHub(machine, runtime);
      this.driver = new Driver({
        options: { ...this.parts.plan, id },
        log,
        snapshots: SnapshotStore.open(this.disk, 'snapshots'),
        machine,
        transport,
        runtime,
        hooks: {
          applied: (entry, outcome) => {
            observer.applied(id, entry, outcome);
            if (outcome === undefined || outcome.events.length === 0) return;
            watches.publish(outcome.revision, outcome.events);
          },
          installed: (index) => {
            observer.installed(id, index);
            watches.restored();
          },
          removed: () => observer.removed(id),
          failed: (error) => observer.failed(id, error),
        },
      });
      // What the newest snapshot brought back was applied by nobody.
      watches.restored();
      this.watches = watches;
      network.connect(id, transport);
      this.driver.start();
    } catch (error) {
      // The process ended as it started: what a failed sync left goes with it.
      this.kill();
      observer.failed(id, error);
      return;
    }
    this.refresh();
  }

  /** Power failure: what was not synced is lost, torn or kept, as the disk's stream draws. */
  crash(): void {
    this.down();
    this.disk.crash();
    this.disk.reopen();
  }

  /** The process dies; what it wrote stays with the operating system. */
  kill(): void {
    this.down();
    this.disk.kill();
  }

  /** A place in the log that a later durable record vouches for; undefined: none yet. */
  damageableSpot(place: number): DamageSpot | undefined {
    return this.witness?.spot(place);
  }

  /** Damages the log of a member that is down. */
  damage(spot: DamageSpot, how: 'flip' | 'misdirect'): void {
    this.wasDamaged = true;
    damageDisk(this.disk, spot, how);
  }

  /** Reads the member's state after an event; true when it differs from the one before. */
  refresh(): boolean {
    const driver = this.driver;
    if (driver === undefined) return false;
    const { node, machine } = driver;
    const old = this.current;
    if (
      this.hasPrevious &&
      old.role === node.role &&
      old.term === node.term &&
      old.commitIndex === node.commitIndex &&
      old.lastIndex === node.lastIndex &&
      old.appliedIndex === machine.appliedIndex &&
      old.revision === machine.revision
    ) {
      return false;
    }
    const fresh = this.previous;
    fresh.role = node.role;
    fresh.term = node.term;
    fresh.commitIndex = node.commitIndex;
    fresh.lastIndex = node.lastIndex;
    fresh.appliedIndex = machine.appliedIndex;
    fresh.revision = machine.revision;
    this.previous = old;
    this.current = fresh;
    return true;
  }

  /** The change that `refresh` found was looked at. */
  settle(): void {
    this.hasPrevious = true;
  }

  private down(): void {
    this.runtime?.kill();
    this.parts.network.connect(this.id, undefined);
    this.driver = undefined;
    this.log = undefined;
    this.watches = undefined;
  }

  /**
   * Members with odd ids have a state that is durable by itself, some way behind the log; the
   * others have it in memory and go by snapshots. Each has to get along with the other.
   */
  private openState(): StateMachine {
    if (this.id % 2 === 0) return new StateMachine();
    const options = {
      flushBytes: FLUSH_BYTES,
      failed: (error: Error): void => this.driver?.fail(error),
    };
    return new StateMachine({
      store: new OverlayStore(this.tables.open(), options),
      // Filled in one go, and synced piece by piece: it must not begin a transaction meanwhile.
      makeStore: () => new OverlayStore(this.tables.create(), { failed: options.failed }),
    });
  }

  private openLog(): LogStore {
    const { id, conf, founders, observer } = this.parts;
    const log = LogStore.open(this.disk, 'wal', {
      ...(conf !== undefined && founders.length === 0 && { bootstrap: conf }),
      segmentBytesMax: SEGMENT_BYTES_MAX,
      cacheBytesMax: CACHE_BYTES_MAX,
    });
    if (conf !== undefined && founders.length > 0 && isNewLog(log)) this.found(log, founders);
    const append = log.append.bind(log);
    const sync = log.sync.bind(log);
    const witness = new LogWitness(this.disk, 'wal');
    this.witness = witness;
    log.append = (work) => {
      const first = work.entries?.[0];
      const previousTerm = first === undefined ? undefined : previousTermOf(log, work, first);
      observer.appending(id, work, previousTerm);
      append(work);
      witness.appended();
    };
    log.sync = (done) => {
      const covered = log.lastIndex();
      const { term } = log.hardState;
      const synced = witness.syncing();
      sync((error) => {
        // The disk knows better than whoever takes a failed sync for a success.
        if (error === undefined && !this.disk.poisoned) {
          synced();
          this.stableIndex = Math.min(covered, log.lastIndex());
          this.stableTerm = term;
          observer.synced(id);
        }
        done(error);
      });
    };
    this.stableIndex = log.lastIndex();
    this.stableTerm = log.hardState.term;
    this.log = log;
    return log;
  }

  /** Slower than a sync of the log, and as long every time: a draw here would move the others. */
  private afterTransaction(run: () => void): void {
    const { syncUsMax, transactionMs = (3 * syncUsMax) / 1000 } = this.parts.disk;
    this.runtime?.after(transactionMs + this.extraSyncMs, run);
  }

  /** Begins the log of a new cluster, and waits for the disk in place. */
  private found(log: LogStore, founders: readonly MemberRecord[]): void {
    bootstrapLog(log, founders, () => undefined);
    for (const name of this.disk.list('wal')) {
      const file = this.disk.open(`wal/${name}`);
      file.syncNow();
      file.close();
    }
  }

  private afterDisk(delayMs: number, run: () => void): void {
    const { syncUsMin, syncUsMax } = this.parts.disk;
    const jitterUs = this.parts.diskRandom.below(syncUsMax - syncUsMin + 1);
    this.runtime?.after(delayMs + jitterUs / 1000 + this.extraSyncMs, run);
  }
}

/** The log as the work leaves it decides: a snapshot in the same work comes first. */
function previousTermOf(log: LogStore, work: LogWork, first: Entry): Term | undefined {
  if (work.snapshot !== undefined && work.snapshot.index === first.index - 1) {
    return work.snapshot.term;
  }
  return log.term(first.index - 1);
}

/** Small limits, so that slow watchers fall behind and have to catch up from history. */
function newWatchHub(machine: StateMachine, runtime: SimRuntime): WatchHub {
  let scheduled = false;
  const hub = new WatchHub(machine, {
    streamEventsMax: 4,
    catchUpRevisions: 3,
    catchUpWatchers: 2,
    onPumpDue: () => {
      if (scheduled) return;
      scheduled = true;
      runtime.defer(pump);
    },
  });
  const pump = (): void => {
    scheduled = false;
    if (!hub.pump()) return;
    scheduled = true;
    runtime.defer(pump);
  };
  return hub;
}

function newState(): MutableState {
  return { role: 'follower', term: 0, commitIndex: 0, lastIndex: 0, appliedIndex: 0, revision: 0 };
}

/** A message of the consensus core, when the envelope carries one. */
export function coreMessage(message: PeerMessage): Message | undefined {
  return message.kind === 'raft' ? message.message : undefined;
}

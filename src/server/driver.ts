/**
 * One member: drives the consensus core, its log, its state machine and its peers.
 *
 * The driver is the caller that src/raft/README.md describes. It knows devices only by their
 * interfaces and works with callbacks, never promises, so the very same class runs in the
 * simulator and for real. All work of one turn (messages, proposals, reads, a tick) goes into
 * the core first; one `drain` at the end of the turn takes what is ready and feeds the three
 * lanes. Nothing here waits between taking work from the core and queuing it.
 */
import { decodeCommand, type Command, type MembershipChange, type StateMachine } from '../kv';
import { RaftNode } from '../raft';
import type { ConfState, Entry, Message, NodeId, PersistWork, Ready, Term } from '../raft/types';
import type { Runtime, Timer } from '../runtime/runtime';
import type { LogStore } from '../storage/logStore';
import type { PeerMessage, Transport } from '../transport/transport';
import { ApplyLane } from './applyLane';
import { coreLog } from './coreLog';
import { Defragmenter, type DefragmentDone } from './defragmenter';
import { resolveDriverOptions, type ResolvedDriverOptions } from './driverOptions';
import type { DriverHooks, DriverLoad, DriverParts, DriverStatus } from './driverParts';
import { LeaderTransfers } from './leaderTransfers';
import { Leases } from './leases';
import { MembershipChanges, type MembershipOutcome } from './membershipChanges';
import { notProposed } from './notProposed';
import { NotServed } from './notServed';
import { PeerCalls } from './peerCalls';
import { PersistLane } from './persistLane';
import { Proposals, type ProposalOutcome } from './proposals';
import { ReadBarriers, type ReadOutcome } from './readBarriers';
import { recoverState } from './recovery';
import { SnapshotInstaller } from './snapshotInstaller';
import { SnapshotReceiver } from './snapshotReceiver';
import { SnapshotSender } from './snapshotSender';
import { SnapshotTaker, type SnapshotRequestDone } from './snapshotTaker';

export type { DriverHooks, DriverLoad, DriverParts, DriverStatus };

export class Driver {
  readonly node: RaftNode;
  readonly machine: StateMachine;
  readonly calls: PeerCalls;
  readonly leases: Leases;
  private readonly options: ResolvedDriverOptions;
  private readonly log: LogStore;
  private readonly runtime: Runtime;
  private readonly transport: Transport;
  private readonly hooks: DriverHooks;
  private readonly proposals: Proposals;
  private readonly reads: ReadBarriers;
  private readonly membership: MembershipChanges;
  private readonly transfers: LeaderTransfers;
  private readonly persistLane: PersistLane;
  private readonly applyLane: ApplyLane;
  private readonly sender: SnapshotSender;
  private readonly receiver: SnapshotReceiver;
  private readonly taker: SnapshotTaker;
  private readonly defragmenter: Defragmenter;
  private readonly installer: SnapshotInstaller;
  private conf: ConfState;
  private timer: Timer | undefined;
  private drainScheduled = false;
  private stopped = false;
  private hasFailed = false;
  // One closure each for the life of the member: turns come by the hundred thousand.
  private readonly drainTurn = (): void => {
    this.drainScheduled = false;
    this.guard(this.drain, undefined);
  };
  private readonly proposeBatch = (batch: readonly Uint8Array[]): NotServed | undefined =>
    notProposed(this.node.propose(batch), this.options.maxUncommittedBytes);
  private readonly askForRead = (token: number): void => void this.node.readIndex(token);

  constructor(parts: DriverParts) {
    const options = resolveDriverOptions(parts.options);
    const { log, snapshots, machine, transport, runtime } = parts;
    this.options = options;
    this.log = log;
    this.machine = machine;
    this.transport = transport;
    this.runtime = runtime;
    this.hooks = parts.hooks ?? {};
    recoverState(log, snapshots, machine);
    this.node = new RaftNode({
      ...options,
      log: coreLog(log, machine, snapshots),
      applied: machine.appliedIndex,
      random: (n) => runtime.random(n),
      readOnly: options.leaseReads ? 'lease' : 'safe',
      nowMs: () => runtime.nowMs(),
      electionTimeoutMs: options.tickMs * options.electionTicks,
    });
    this.conf = this.node.conf;
    this.proposals = new Proposals(options.id, options, runtime);
    this.reads = new ReadBarriers(options, runtime);
    this.membership = new MembershipChanges({ node: this.node, machine, runtime, options });
    this.transfers = new LeaderTransfers(this.node, runtime, options);
    this.calls = new PeerCalls({
      id: options.id,
      runtime,
      timeoutMs: options.requestTimeoutMs,
      send: (message) => transport.send(message.to, message),
    });
    this.leases = new Leases(options, {
      node: this.node,
      machine,
      runtime,
      propose: (command, term, done) => this.submit(command, done, term),
      readBarrier: (done) => this.readBarrier(done),
      send: (message) => transport.send(message.to, message),
    });
    const failed = (error: unknown): void => this.fail(error);
    const step = (message: Message): void => this.guard(this.step, message);
    this.persistLane = new PersistLane(log, {
      install: (work) => this.install(work),
      installed: () => this.installer.settle(),
      acknowledge: (ack) => this.guard(this.acknowledge, ack),
      synced: (durationMs) => this.hooks.synced?.(durationMs),
      nowMs: () => runtime.nowMs(),
      failed,
    });
    this.applyLane = new ApplyLane(runtime, options.applyBatchEntries, {
      apply: (entry) => this.apply(entry),
      acknowledge: step,
      isHeld: () => this.defragmenter.isCopying || (machine.durability?.backlogged ?? false),
      // At the end of a copy the lane is resumed anyway.
      whenFree: (run) => {
        if (!this.defragmenter.isCopying) machine.durability?.whenDrained(run);
      },
      failed,
    });
    this.sender = new SnapshotSender(options.id, snapshots, runtime, options, {
      send: (chunk) => transport.send(chunk.to, chunk),
      report: (to, ok) => {
        this.node.reportSnapshot(to, ok);
        if (ok && this.sender.active === 0) this.taker.sent();
        this.scheduleDrain();
      },
    });
    this.installer = new SnapshotInstaller(machine, snapshots, runtime, failed);
    this.defragmenter = new Defragmenter(
      machine,
      runtime,
      () => this.conf,
      () => {
        this.taker.replaced();
        this.applyLane.resume();
      },
    );
    this.receiver = new SnapshotReceiver(snapshots, {
      send: (ack) => transport.send(ack.to, ack),
      prepare: (snapshot, done) => this.installer.prepare(snapshot, done),
      deliver: step,
      failed,
    });
    this.taker = new SnapshotTaker(log, snapshots, machine, runtime, options, {
      conf: () => this.conf,
      holdIndex: () => this.sender.holdIndex(),
      failed,
    });
  }

  start(): void {
    this.transport.onMessage((message) => this.guard(this.receive, message));
    this.transport.onUnreachable((peer) => {
      if (this.stopped) return;
      this.node.reportUnreachable(peer);
      this.scheduleDrain();
    });
    this.scheduleTick();
    this.scheduleDrain();
  }

  /** Stops for good. Waiting requests are told; nothing is written any more. */
  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.timer?.cancel();
    this.persistLane.stop();
    this.applyLane.stop();
    this.sender.stop();
    this.receiver.stop();
    this.installer.stop();
    this.taker.stop();
    this.defragmenter.cancel('the member is stopping');
    this.proposals.stop(new NotServed('stopped', false, 'the member is stopping'));
    this.leases.stop(new NotServed('stopped', false, 'the member is stopping'));
    this.reads.stop(new NotServed('stopped', true, 'the member is stopping'));
    this.transfers.stop(new NotServed('stopped', false, 'the member is stopping'));
    this.membership.stop((certain) => new NotServed('stopped', certain, 'the member is stopping'));
    this.calls.stop();
  }

  /** Proposes a command; `done` is called once, when it is applied here or given up. */
  propose(command: Command, done: (outcome: ProposalOutcome) => void): void {
    this.submit(command, done, undefined);
  }

  /** Proposes a change of the membership; `done` is called once. */
  changeMembership(change: MembershipChange, done: (outcome: MembershipOutcome) => void): void {
    if (this.stopped) {
      done(new NotServed('stopped', true, 'the member is stopped'));
      return;
    }
    this.membership.propose(change, done);
    this.scheduleDrain();
  }

  /** Hands leadership to a voter; `done` is called with undefined once it leads. */
  transferLeader(to: NodeId, done: (outcome: ReadOutcome) => void): void {
    if (this.stopped) {
      done(new NotServed('stopped', true, 'the member is stopped'));
      return;
    }
    this.transfers.start(to, done);
    this.scheduleDrain();
  }

  /** Calls `done` with a stored snapshot of everything that is applied now. */
  requestSnapshot(done: SnapshotRequestDone): void {
    if (this.stopped) done(undefined);
    else this.taker.request(done);
  }

  /** Gives unused space of the state back; nothing is applied meanwhile. */
  defragment(done: DefragmentDone): void {
    if (this.stopped) done(new Error('the member is stopped'));
    else this.defragmenter.start(done);
  }

  /** Calls `done` with undefined once a linearizable read may be served from `machine`. */
  readBarrier(done: (outcome: ReadOutcome) => void): void {
    if (this.stopped) {
      done(new NotServed('stopped', true, 'the member is stopped'));
      return;
    }
    this.reads.add(done);
    this.scheduleDrain();
  }

  status(): DriverStatus {
    return {
      id: this.options.id,
      leader: this.node.leader,
      role: this.node.role,
      term: this.node.term,
      lastIndex: this.node.lastIndex,
      commitIndex: this.node.commitIndex,
      appliedIndex: this.machine.appliedIndex,
      revision: this.machine.revision,
      logBytes: this.log.bytes,
      stateBytes: this.machine.bytes,
      failed: this.hasFailed,
    };
  }

  load(): DriverLoad {
    const { node, proposals, options, sender } = this;
    const { waitingBytesMax, maxUncommittedBytes, maxApplyingBytes, snapshotChunkBytes } = options;
    const chunks = sender.active * snapshotChunkBytes;
    return {
      proposalsPending: proposals.waiting.count,
      proposalsFailed: proposals.failed,
      // What this member proposed is in its uncommitted tail too, if it leads.
      inflightBytes:
        Math.max(proposals.waiting.bytes, node.uncommittedBytes) + node.applyingBytes + chunks,
      inflightBytesMax: Math.max(waitingBytesMax, maxUncommittedBytes) + maxApplyingBytes + chunks,
      isInstalling: this.receiver.isInstalling,
    };
  }

  /** What became of the snapshots that were sent to a member. */
  snapshotsTo(id: NodeId): { readonly sent: number; readonly failed: number; sending: boolean } {
    return { ...this.sender.outcomesOf(id), sending: this.sender.isSendingTo(id) };
  }

  private submit(
    command: Command,
    done: (outcome: ProposalOutcome) => void,
    leaderTerm: Term | undefined,
  ): void {
    if (this.stopped) done(new NotServed('stopped', true, 'the member is stopped'));
    else if (this.proposals.add(command, done, leaderTerm)) this.scheduleDrain();
  }

  /** Whatever goes wrong in here ends this member in order, and nothing else in the process. */
  private guard<Argument>(run: (argument: Argument) => void, argument: Argument): void {
    if (this.stopped) return;
    try {
      run(argument);
    } catch (error) {
      this.fail(error);
    }
  }

  private readonly receive = (message: PeerMessage): void => {
    if (message.kind === 'raft') {
      // The bytes of a snapshot come as chunks; its bare announcement means nothing here.
      if (message.message.type !== 'snapshot') this.node.step(message.message);
    } else if (message.kind === 'snapshotChunk') {
      if (message.term >= this.node.term) this.receiver.receive(message, this.node.commitIndex);
    } else if (message.kind === 'snapshotAck') {
      this.sender.acknowledged(message);
    } else if (message.kind === 'call' || message.kind === 'answer') {
      this.calls.receive(message);
    } else {
      this.leases.receive(message);
    }
    this.scheduleDrain();
  };

  private scheduleTick(): void {
    this.timer = this.runtime.after(this.options.tickMs, () => {
      // One tick per firing: after a long stall the core must not campaign before it has read
      // what arrived meanwhile.
      this.scheduleTick();
      this.guard(this.tick, undefined);
    });
  }

  private readonly tick = (): void => {
    const now = this.runtime.nowMs();
    this.node.tick();
    if (this.node.role !== 'leader') this.sender.stop();
    this.sender.tick(now, (id) => this.node.progressOf(id)?.matchIndex ?? 0);
    this.proposals.tick(now);
    this.reads.tick(now, this.askForRead);
    this.membership.tick(now);
    this.transfers.tick(now);
    this.calls.tick(now);
    this.leases.tick(now);
    if (this.node.snapshotWanted) this.taker.wanted();
    this.taker.compact();
    this.applyLane.between(() => this.machine.compactStep(this.options.compactedPerTick));
    this.scheduleDrain();
  };

  private scheduleDrain(): void {
    if (this.drainScheduled || this.stopped) return;
    this.drainScheduled = true;
    this.runtime.defer(this.drainTurn);
  }

  private readonly drain = (): void => {
    const { role, term } = this.node;
    const leadingTerm = role === 'leader' ? term : undefined;
    this.proposals.flush(leadingTerm, this.proposeBatch);
    this.reads.flush(this.askForRead);
    while (this.node.hasReady && !this.stopped) this.handle(this.node.ready());
    this.persistLane.run();
  };

  private handle(ready: Ready): void {
    if (ready.soft !== undefined) {
      this.leases.leaderChanged();
      this.hooks.leaderChanged?.(ready.soft, this.node.term);
    }
    for (const message of ready.send) {
      if (message.type === 'snapshot') {
        this.sender.start(message);
        this.taker.transferBegan(message.snapshot!.index);
      } else this.transport.send(message.to, { kind: 'raft', message });
    }
    if (ready.persist !== undefined) this.persistLane.push(ready.persist);
    if (ready.apply !== undefined) this.applyLane.push(ready.apply);
    if (ready.reads.length > 0) this.reads.confirm(ready.reads, this.machine.appliedIndex);
  }

  private readonly step = (message: Message): void => {
    if (this.stopped) return;
    this.node.step(message);
    this.scheduleDrain();
  };

  /**
   * An answer given in a term that this member has left meanwhile is dropped: a newer leader may
   * have replaced the very entries it vouches for, within the same sync, and then it would
   * promise what the disk no longer holds.
   */
  private readonly acknowledge = (ack: Message): void => {
    if (ack.to === this.options.id) this.step(ack);
    else if (ack.term >= this.node.term) {
      this.transport.send(ack.to, { kind: 'raft', message: ack });
    }
  };

  private apply(entry: Entry): void {
    const { appliedIndex } = this.machine;
    if (entry.index <= appliedIndex) return;
    if (entry.index !== appliedIndex + 1) {
      throw new Error(`entry ${entry.index} is to be applied to a state at ${appliedIndex}`);
    }
    if (entry.type !== 'normal') {
      this.conf = this.membership.apply(entry);
      this.leases.applied(entry.term);
      this.hooks.applied?.(entry, undefined);
      this.membershipChanged();
    } else if (entry.data.length === 0) {
      this.machine.skip(entry.index);
      this.leases.applied(entry.term);
      this.hooks.applied?.(entry, undefined);
    } else {
      const { origin, sequence, command } = decodeCommand(entry.data);
      const outcome = this.machine.apply(command, entry.index);
      this.leases.applied(entry.term, command, outcome);
      this.hooks.applied?.(entry, outcome);
      if (outcome !== undefined) this.proposals.applied(origin, sequence, outcome);
    }
    this.reads.applied(entry.index);
    this.taker.applied(entry.data.length);
  }

  private install(work: PersistWork): void {
    const snapshot = work.snapshot!;
    this.defragmenter.cancel('a snapshot of the leader replaces the state');
    this.installer.install(snapshot);
    this.taker.replaced();
    this.applyLane.resume();
    this.conf = snapshot.conf;
    this.leases.restored();
    this.hooks.installed?.(snapshot.index);
    this.membershipChanged();
    this.reads.applied(snapshot.index);
  }

  private membershipChanged(): void {
    const { cluster } = this.machine;
    this.hooks.membershipChanged?.(cluster);
    if (!cluster.removed.includes(this.options.id)) return;
    // Later: whoever asked for the removal is answered first.
    this.runtime.defer(() => {
      if (this.stopped) return;
      this.stop();
      this.hooks.removed?.();
    });
  }

  /** Ends the member: something it can't do without has failed. */
  fail(error: unknown): void {
    if (this.stopped) return;
    this.hasFailed = true;
    this.stop();
    this.hooks.failed?.(error);
  }
}

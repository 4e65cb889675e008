/**
 * A group of cores over MemoryLogs whose every move is a choice: which message arrives, is lost
 * or doubled, which disk or state machine gets on, who crashes. Choices are plain numbers, so
 * that fast-check can shrink a run.
 *
 * The disk of a node is its MemoryLog: what its persist lane has not written yet is lost in a
 * crash, with all acknowledgements that waited for it. The state machine is durable.
 */
import type {
  ApplyWork,
  ConfState,
  Entry,
  Index,
  Message,
  NodeId,
  PersistWork,
  RaftOptions,
} from '../../src/raft/types';
import { EMPTY_CONF, MemoryLog, RaftNode } from '../../src/raft';
import { Oracle } from './oracle';

/** What varies from run to run, besides the choices. */
export interface ClusterOptions {
  readonly voters: number;
  /** Further nodes that are members only if a change adds them. */
  readonly spares: number;
  readonly preVote: boolean;
  readonly checkQuorum: boolean;
  readonly tiny: boolean;
  /** Begin at a snapshot, or with an empty log and a configuration that stands in no entry. */
  readonly fromSnapshot: boolean;
}

interface Member {
  readonly id: NodeId;
  readonly log: MemoryLog;
  node: RaftNode;
  readonly persist: PersistWork[];
  readonly apply: ApplyWork[];
  applied: Index;
  conf: ConfState;
}

const ELECTION_TICKS = 5;

export class Cluster {
  readonly members: Member[] = [];
  readonly oracle = new Oracle();
  network: Message[] = [];
  private tokens = 0;
  private proposals = 0;
  private draws = 1;

  constructor(private readonly options: ClusterOptions) {
    const voters = range(options.voters);
    const conf = { ...EMPTY_CONF, voters };
    for (const id of range(options.voters + options.spares)) {
      const first = voters.includes(id) ? conf : EMPTY_CONF;
      const log = new MemoryLog(first);
      if (options.fromSnapshot && first === conf) log.applySnapshot({ index: 1, term: 1, conf });
      const applied = log.lastIndex();
      const start = log.initialState().conf;
      const member = { id, log, persist: [], apply: [], applied, conf: start };
      this.members.push({ ...member, node: this.start(id, log, applied) });
    }
  }

  tick(at: number): void {
    this.pick(at).node.tick();
  }

  campaign(at: number): void {
    this.pick(at).node.campaign();
  }

  propose(at: number): void {
    const data = Uint8Array.from([++this.proposals & 255, this.proposals >> 8]);
    this.pick(at).node.propose([data]);
  }

  read(at: number): void {
    const token = ++this.tokens;
    const { id, node } = this.pick(at);
    const seen = Math.max(...this.members.map((member) => member.node.commitIndex));
    if (node.readIndex(token) === 'accepted') this.oracle.readStarted(id, token, seen);
  }

  transfer(at: number): void {
    const target = this.pick(Math.floor(at / this.members.length)).id;
    this.pick(at).node.transferLeader(target);
  }

  change(at: number): void {
    const types = ['addVoter', 'addLearner', 'remove'] as const;
    const count = 1 + (at % 2);
    const changes = range(count).map((n) => ({
      type: types[Math.floor(at / (3 * n)) % 3]!,
      id: 1 + (Math.floor(at / (7 * n)) % this.members.length),
    }));
    const transition = at % 5 === 0 ? 'explicit' : 'auto';
    const leave = at % 3 === 0;
    this.pick(at).node.proposeChange({
      transition: leave ? 'auto' : transition,
      changes: leave ? [] : changes,
      context: new Uint8Array(0),
    });
  }

  /** Hands out work; it waits in the lanes. */
  ready(at: number): void {
    const member = this.pick(at);
    if (member.node.hasReady) this.drain(member);
  }

  /** The disk writes the oldest item, and what waited for it leaves. */
  persist(at: number): void {
    const member = this.pick(at);
    const work = member.persist.shift();
    if (work === undefined) return;
    const { log } = member;
    if (work.snapshot !== undefined) {
      log.applySnapshot(work.snapshot);
      member.applied = Math.max(member.applied, work.snapshot.index);
      member.conf = work.snapshot.conf;
    }
    if (work.hard !== undefined) {
      this.oracle.hardState(member.id, work.hard);
      log.setHardState(work.hard);
    }
    log.append(work.entries);
    for (const ack of work.acks) {
      if (ack.to === member.id) member.node.step(ack);
      else this.network.push(ack);
    }
  }

  /** The state machine applies the oldest item. */
  apply(at: number): void {
    const member = this.pick(at);
    const work = member.apply.shift();
    if (work === undefined) return;
    for (const entry of work.entries) this.applyEntry(member, entry);
    member.node.step(work.ack);
  }

  deliver(at: number): void {
    const message = this.take(at);
    if (message !== undefined) this.receive(message);
  }

  duplicate(at: number): void {
    if (this.network.length === 0) return;
    this.receive(this.network[at % this.network.length]!);
  }

  drop(at: number): void {
    const message = this.take(at);
    if (message === undefined) return;
    const sender = this.members[message.from - 1]!.node;
    if (message.type === 'snapshot') sender.reportSnapshot(message.to, false);
    else if (at % 2 === 0) sender.reportUnreachable(message.to);
  }

  crash(at: number): void {
    const member = this.pick(at);
    member.persist.length = 0;
    member.apply.length = 0;
    member.log.setConf(member.conf);
    this.oracle.restarted(member.id);
    member.node = this.start(member.id, member.log, member.applied);
  }

  /** Takes a snapshot of the applied state and drops the log before it. */
  compact(at: number): void {
    const member = this.pick(at);
    if (member.applied < member.log.firstIndex()) return;
    member.log.createSnapshot(member.applied, member.conf);
    member.log.compact(member.applied - (at % 3));
  }

  /** Runs everything in order, with ticks, until nothing is left to do between two of them. */
  run(ticks: number): void {
    for (let i = 0; i < ticks; i++) {
      for (let at = 0; at < this.members.length; at++) this.tick(at);
      for (let busy = true; busy;) {
        busy = this.network.length > 0;
        const batch = this.network;
        this.network = [];
        for (const message of batch) this.receive(message);
        for (const member of this.members) {
          const at = member.id - 1;
          while (member.node.hasReady || member.persist.length + member.apply.length > 0) {
            this.ready(at);
            this.persist(at);
            this.apply(at);
            busy = true;
          }
        }
      }
      this.check();
    }
  }

  /** All invariants that can be seen from outside, now. */
  check(): void {
    for (const { id, node } of this.members) this.oracle.observe(id, node);
  }

  checkLogs(): void {
    this.oracle.checkLogs(this.members.map(({ node }) => node));
  }

  private start(id: NodeId, log: MemoryLog, applied: Index): RaftNode {
    const { tiny, preVote, checkQuorum } = this.options;
    const limits: Partial<RaftOptions> = tiny
      ? { maxMessageBytes: 40, maxInflightMessages: 2, maxInflightBytes: 80, maxApplyingBytes: 1 }
      : {};
    return new RaftNode({
      ...limits,
      id,
      log,
      applied,
      preVote,
      checkQuorum,
      electionTicks: ELECTION_TICKS,
      heartbeatTicks: 1,
      random: (n) => this.random(n),
    });
  }

  /** A small generator of its own: the choices decide all that matters. */
  private random(n: number): number {
    this.draws = (Math.imul(this.draws, 48_271) + 11) >>> 0;
    return this.draws % n;
  }

  private pick(at: number): Member {
    return this.members[at % this.members.length]!;
  }

  private take(at: number): Message | undefined {
    if (this.network.length === 0) return undefined;
    return this.network.splice(at % this.network.length, 1)[0];
  }

  private receive(message: Message): void {
    const receiver = this.members[message.to - 1]!;
    receiver.node.step(message);
    if (message.type === 'snapshot') {
      this.members[message.from - 1]!.node.reportSnapshot(message.to, true);
    }
  }

  private drain(member: Member): void {
    const ready = member.node.ready();
    this.network.push(...ready.send);
    if (ready.persist !== undefined) member.persist.push(ready.persist);
    if (ready.apply !== undefined) member.apply.push(ready.apply);
    const { id, log, applied } = member;
    if (member.node.snapshotWanted && applied >= log.firstIndex()) {
      log.createSnapshot(applied, member.conf);
    }
    for (const read of ready.reads) this.oracle.readAnswered(id, read);
  }

  private applyEntry(member: Member, entry: Entry): void {
    // A snapshot may have overtaken what was queued before it.
    if (entry.index <= member.applied) return;
    this.oracle.applied(member.id, member.applied, entry);
    if (entry.type !== 'normal') {
      member.conf = member.node.applyChange(entry.data, entry.index);
      this.oracle.changed(member.id, entry.index, member.conf);
    }
    member.applied = entry.index;
  }
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}

/**
 * A group of cores whose lanes run at once and in order: for scenarios that are told step by
 * step, where cluster.ts leaves the steps to chance.
 */
import type { ConfState, Message, NodeId, RaftOptions, ReadState } from '../../src/raft';
import { EMPTY_CONF, MemoryLog, RaftNode } from '../../src/raft';

/** Bytes of an ASCII text. */
export function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

export class Group {
  readonly nodes = new Map<NodeId, RaftNode>();
  readonly logs = new Map<NodeId, MemoryLog>();
  readonly applied = new Map<NodeId, string[]>();
  readonly reads = new Map<NodeId, ReadState[]>();
  readonly confs = new Map<NodeId, ConfState>();
  /** Nodes that reach only each other. */
  readonly cut = new Set<NodeId>();
  inbox: Message[] = [];
  /** Milliseconds, for lease reads. */
  nowMs = 0;

  constructor(
    voters: readonly NodeId[],
    private readonly options: Partial<RaftOptions> = {},
    joining: readonly NodeId[] = [],
  ) {
    for (const id of [...voters, ...joining]) {
      const conf = voters.includes(id) ? { ...EMPTY_CONF, voters } : EMPTY_CONF;
      this.logs.set(id, new MemoryLog(conf));
      this.confs.set(id, conf);
      this.applied.set(id, []);
      this.reads.set(id, []);
      this.start(id, 0);
    }
  }

  node(id: NodeId): RaftNode {
    return this.nodes.get(id)!;
  }

  log(id: NodeId): MemoryLog {
    return this.logs.get(id)!;
  }

  /** Starts the node on its log, as after a crash. */
  start(id: NodeId, applied: number): void {
    const node = new RaftNode({
      id,
      log: this.log(id),
      applied,
      electionTicks: 10,
      heartbeatTicks: 1,
      random: () => id % 10,
      nowMs: () => this.nowMs,
      electionTimeoutMs: 1000,
      ...this.options,
    });
    this.nodes.set(id, node);
  }

  /** Elects a node and lets everything settle. */
  elect(id: NodeId): void {
    this.node(id).campaign();
    this.run();
  }

  tick(id: NodeId, count: number): void {
    for (let i = 0; i < count; i++) this.node(id).tick();
  }

  run(): void {
    for (let moved = true; moved;) {
      moved = false;
      for (const id of this.nodes.keys()) moved = this.drain(id) || moved;
      const batch = this.inbox;
      this.inbox = [];
      for (const message of batch) {
        if (this.cut.has(message.from) !== this.cut.has(message.to)) continue;
        moved = true;
        this.nodes.get(message.to)?.step(message);
      }
    }
  }

  /** Runs the lanes of one node; its messages wait in the inbox. */
  drain(id: NodeId): boolean {
    const node = this.node(id);
    const log = this.log(id);
    let moved = false;
    while (node.hasReady) {
      moved = true;
      const { send, reads, persist, apply } = node.ready();
      this.inbox.push(...send);
      this.reads.get(id)!.push(...reads);
      if (persist !== undefined) {
        if (persist.snapshot !== undefined) log.applySnapshot(persist.snapshot);
        if (persist.hard !== undefined) log.setHardState(persist.hard);
        log.append(persist.entries);
        for (const ack of persist.acks) {
          if (ack.to === id) node.step(ack);
          else this.inbox.push(ack);
        }
      }
      if (apply === undefined) continue;
      for (const { type, data, index } of apply.entries) {
        if (type !== 'normal') this.confs.set(id, node.applyChange(data, index));
        else if (data.length > 0) this.applied.get(id)!.push(String.fromCharCode(...data));
      }
      node.step(apply.ack);
    }
    return moved;
  }
}

/**
 * Handing leadership to a chosen voter, and telling when it leads.
 *
 * The core tries for one election timeout and may fail without a word, so a transfer that has
 * not come about is asked for again until its time is up.
 */
import type { RaftNode } from '../raft';
import type { NodeId } from '../raft/types';
import type { Runtime } from '../runtime/runtime';
import type { ResolvedDriverOptions } from './driverOptions';
import { NotServed } from './notServed';

/** Undefined once the chosen member leads. */
type TransferResult = NotServed | undefined;

interface Waiting {
  readonly to: NodeId;
  readonly deadlineMs: number;
  readonly done: (outcome: TransferResult) => void;
}

export class LeaderTransfers {
  private waiting: Waiting[] = [];

  constructor(
    private readonly node: RaftNode,
    private readonly runtime: Runtime,
    private readonly options: ResolvedDriverOptions,
  ) {}

  start(to: NodeId, done: (outcome: TransferResult) => void): void {
    const now = this.runtime.nowMs();
    this.waiting.push({ to, deadlineMs: now + this.options.requestTimeoutMs, done });
    this.tick(now);
  }

  tick(nowMs: number): void {
    const { waiting } = this;
    if (waiting.length === 0) return;
    this.waiting = [];
    for (const each of waiting) {
      const { to, deadlineMs, done } = each;
      if (this.node.leader === to) done(undefined);
      else if (nowMs >= deadlineMs) done(this.late(to));
      else {
        if (this.node.role === 'leader' && this.node.transferee === 0) this.node.transferLeader(to);
        this.waiting.push(each);
      }
    }
  }

  stop(reason: NotServed): void {
    for (const { done } of this.waiting.splice(0)) done(reason);
  }

  private late(to: NodeId): NotServed {
    const { requestTimeoutMs } = this.options;
    const text = `member ${to} did not become the leader within ${requestTimeoutMs} ms`;
    return new NotServed('transferTimeout', false, text);
  }
}

/**
 * etcd's `--experimental-corrupt-check-time`: every so often each member reads its own state
 * through, and the leader compares the hashes of all members.
 *
 * What is found wrong is raised as the alarm CORRUPT of the member that has it, after which the
 * whole cluster refuses changes of the keys (src/kv/space.ts) until somebody takes the alarm back.
 * The rules of the comparison are etcd's: hashes count only where both have compacted alike, and
 * nobody may be ahead of a leader that has confirmed that it leads.
 */
import type { Command, StateAudit, StateMachine } from '../kv';
import type { NodeId } from '../raft/types';
import type { Runtime, Timer } from '../runtime/runtime';
import type { Logger } from './logger';
import { hashAnswer, peerHashOf, type PeerHash } from './peerHash';
import type { ReadOutcome } from './readBarriers';

export const HASH_METHOD = 'hashKv';

export interface CorruptionMonitorParts {
  readonly runtime: Runtime;
  readonly intervalMs: number;
  readonly self: NodeId;
  readonly machine: StateMachine;
  readonly isLeader: () => boolean;
  readonly ask: (to: NodeId, revision: number, done: (answer: unknown) => void) => void;
  readonly readBarrier: (done: (outcome: ReadOutcome) => void) => void;
  readonly propose: (command: Command) => void;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
}

interface Asked {
  readonly id: NodeId;
  readonly answer: PeerHash;
}

export class CorruptionMonitor {
  private timer: Timer | undefined;
  private audit: StateAudit | undefined;
  private stopped = false;

  constructor(private readonly parts: CorruptionMonitorParts) {
    parts.logger.info('enabled corruption checking', { intervalMs: parts.intervalMs });
    this.lookAgain();
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
    this.audit?.release();
    this.audit = undefined;
  }

  private lookAgain(): void {
    const { runtime, intervalMs } = this.parts;
    this.timer = runtime.after(intervalMs, () => {
      this.audit = this.parts.machine.audit();
      this.readOn();
    });
  }

  /** A part of the state in each turn: requests go on meanwhile. */
  private readOn(): void {
    if (this.audit === undefined) return;
    const outcome = this.audit.step();
    if (outcome === undefined) {
      this.parts.runtime.defer(() => this.readOn());
      return;
    }
    this.audit = undefined;
    const { self, logger, isLeader } = this.parts;
    if (outcome.damage !== undefined) {
      logger.error('found its own state damaged', { damage: outcome.damage });
      this.raise(self);
    } else if (isLeader()) this.askAll();
    this.lookAgain();
  }

  private askAll(): void {
    const { machine, self, ask } = this.parts;
    const others = machine.cluster.members.filter(({ id }) => id !== self);
    const before = hashAnswer(machine, machine.revision);
    const asked: Asked[] = [];
    let due = others.length;
    for (const { id } of others) {
      ask(id, machine.revision, (found) => {
        const answer = peerHashOf(found);
        if (answer !== undefined) asked.push({ id, answer });
        if (--due === 0) this.confirm(before, asked);
      });
    }
  }

  /** What members say is compared once it is certain that this one still leads. */
  private confirm(before: PeerHash, asked: readonly Asked[]): void {
    if (this.stopped) return;
    this.parts.readBarrier((failure) => {
      if (this.stopped) return;
      if (failure !== undefined) {
        this.parts.logger.warn('failed to check hash KV', { error: failure.message });
        return;
      }
      for (const { id, answer } of asked) this.compare(before, id, answer);
    });
  }

  private compare(before: PeerHash, id: NodeId, answer: PeerHash): void {
    const { machine, logger } = this.parts;
    const now = hashAnswer(machine, 0);
    const found = { peer: id.toString(16), leader: before, follower: answer };
    let text: string | undefined;
    if (answer.revision > now.revision) {
      text = "revision from follower must be less than or equal to leader's";
    } else if (answer.compactRevision > now.compactRevision) {
      text = "compact revision from follower must be less than or equal to leader's";
    } else if (
      answer.hash !== undefined &&
      answer.compactRevision === before.compactRevision &&
      answer.hash !== before.hash
    ) {
      text = 'same compact revision then hashes must match';
    }
    if (text === undefined) return;
    logger.error(text, found);
    this.raise(id);
  }

  private raise(memberId: NodeId): void {
    const alarm = { memberId: BigInt(memberId), alarm: 'corrupt' } as const;
    const { alarms } = this.parts.machine.cluster;
    const isRaised = alarms.some(
      (raised) => raised.memberId === alarm.memberId && raised.alarm === alarm.alarm,
    );
    // Should it not get through, the next look finds the same and tries again.
    if (!isRaised) this.parts.propose({ kind: 'alarm', raised: true, alarm });
  }
}

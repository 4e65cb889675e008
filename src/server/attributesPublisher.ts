/**
 * Tells the cluster this member's name and client URLs, which nobody else can know: a command
 * through the log, tried again until the replicated state says so.
 *
 * Until then the member counts as not started.
 */
import { findMember } from '../kv';
import type { NodeId } from '../raft/types';
import type { Runtime, Timer } from '../runtime/runtime';
import type { Driver } from './driver';

export interface OwnAttributes {
  readonly id: NodeId;
  readonly name: string;
  readonly clientUrls: readonly string[];
}

const RETRY_MS = 200;

export class AttributesPublisher {
  private timer: Timer | undefined;
  private stopped = false;
  private isAsking = false;

  constructor(
    private readonly driver: Driver,
    private readonly runtime: Runtime,
    private readonly own: OwnAttributes,
  ) {}

  /** Call whenever there may be something to say, or somebody to say it to. */
  check(): void {
    if (this.stopped || this.isAsking || this.isPublished) return;
    this.timer?.cancel();
    this.timer = undefined;
    this.isAsking = true;
    this.driver.propose({ kind: 'memberAttributes', ...this.own }, () => {
      this.isAsking = false;
      if (!this.stopped) this.timer = this.runtime.after(RETRY_MS, () => this.check());
    });
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
  }

  /** Also when this member is not known yet: its own addition is still on its way here. */
  private get isPublished(): boolean {
    const { id, name, clientUrls } = this.own;
    const member = findMember(this.driver.machine.cluster, id);
    if (member === undefined) return true;
    return member.name === name && member.clientUrls.join() === clientUrls.join();
  }
}

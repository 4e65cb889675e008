/**
 * The active configuration with the progress of its members.
 *
 * Members are visited in ascending order of their ids, so that the order of messages never
 * depends on the order of arrival. The voters' progress stands in two arrays, one for each
 * half, which are rebuilt when the configuration changes: counting a quorum allocates nothing.
 */
import type { ConfState, Index, NodeId } from './types';
import { EMPTY_CONF, membersOf } from './membership';
import { Progress } from './progress';
import { jointVote, majorityIndex, type VoteResult } from './quorum';

export class Tracker {
  conf: ConfState = EMPTY_CONF;
  /** All members, ascending by id. */
  members: readonly Progress[] = [];
  private byId = new Map<NodeId, Progress>();
  private incoming: readonly Progress[] = [];
  private outgoing: readonly Progress[] = [];
  private scratch = new Float64Array(8);

  constructor(
    private readonly inflightMessagesMax: number,
    private readonly inflightBytesMax: number,
  ) {}

  get(id: NodeId): Progress | undefined {
    return this.byId.get(id);
  }

  /**
   * Makes `conf` the active configuration. Members in `added`, or not known yet, start afresh
   * at `nextIndex`, marked as active: the quorum check must not count against a newcomer that
   * had no time to answer.
   */
  install(conf: ConfState, added: readonly NodeId[], nextIndex: Index): void {
    const fresh = new Set(added);
    const learners = new Set(conf.learners);
    const previous = this.byId;
    this.byId = new Map();
    for (const id of membersOf(conf)) {
      const learner = learners.has(id);
      let progress = fresh.has(id) ? undefined : previous.get(id);
      if (progress === undefined) {
        progress = new Progress(
          id,
          nextIndex,
          learner,
          this.inflightMessagesMax,
          this.inflightBytesMax,
        );
        progress.recentActive = true;
      }
      progress.learner = learner;
      this.byId.set(id, progress);
    }
    this.conf = conf;
    this.members = [...this.byId.values()];
    this.incoming = conf.voters.map((id) => this.byId.get(id)!);
    this.outgoing = conf.votersOutgoing.map((id) => this.byId.get(id)!);
    const voters = Math.max(this.incoming.length, this.outgoing.length);
    if (this.scratch.length < voters) this.scratch = new Float64Array(voters);
  }

  /** Whether `id` is a voter of the incoming half. */
  isVoter(id: NodeId): boolean {
    return this.conf.voters.includes(id);
  }

  /** Whether `id` is the one voter there is: its word alone is a quorum. */
  isAlone(id: NodeId): boolean {
    return this.incoming.length === 1 && this.incoming[0]!.id === id && this.outgoing.length === 0;
  }

  /** The largest index that is stable on a quorum. */
  quorumMatch(): Index {
    return Math.min(this.matchOf(this.incoming), this.matchOf(this.outgoing));
  }

  /** The newest heartbeat round that a quorum has answered. */
  quorumRound(): number {
    return Math.min(this.roundOf(this.incoming), this.roundOf(this.outgoing));
  }

  /** Whether a quorum was heard from since the last check. */
  quorumActive(): boolean {
    const heard = new Map<NodeId, boolean>();
    for (const progress of this.members) {
      if (!progress.learner) heard.set(progress.id, progress.recentActive);
    }
    return this.voteResult(heard) === 'won';
  }

  voteResult(votes: ReadonlyMap<NodeId, boolean>): VoteResult {
    return jointVote(this.conf.voters, this.conf.votersOutgoing, votes);
  }

  private matchOf(voters: readonly Progress[]): Index {
    const count = voters.length;
    for (let i = 0; i < count; i++) this.scratch[i] = voters[i]!.matchIndex;
    return majorityIndex(this.scratch, count);
  }

  private roundOf(voters: readonly Progress[]): number {
    const count = voters.length;
    for (let i = 0; i < count; i++) this.scratch[i] = voters[i]!.ackedRound;
    return majorityIndex(this.scratch, count);
  }
}

/**
 * Persist before you promise. A granted vote and an acknowledged append are promises to the rest
 * of the cluster. When one leaves, what it promises must be on stable storage already (the shadow
 * below knows what was synced), and after a crash the member must still know it.
 */
import type { HardState, Index, Message, NodeId, Term } from '../../raft/types';
import { NOBODY } from '../../raft/types';
import type { LogWork } from '../../storage/logStore';
import type { Invariant, MemberView, Report } from './invariant';

/** The log as it stands on a member's disk, what is not synced yet included. */
export interface StoredLog {
  readonly hardState: HardState;
  lastIndex(): Index;
  term(index: Index): Term | undefined;
}

interface Shadow {
  /** What was synced: hard state, and the log up to here. */
  hard: HardState;
  stableIndex: Index;
  /** The newest term it answered in as a voter or follower, and its vote in that term. */
  term: Term;
  vote: NodeId;
  /** It acknowledged its log up to this entry. */
  index: Index;
  entryTerm: Term;
}

export class DurablePromises implements Invariant {
  readonly name = 'durablePromises';
  readonly sentence =
    'A vote or an acknowledgement leaves a member only when a crash can not take it back.';
  private readonly shadows: Shadow[] = [];

  /** `logOf` gives the log of a living member. */
  constructor(
    private readonly report: Report,
    members: number,
    private readonly logOf: (member: NodeId) => StoredLog,
  ) {
    for (let id = 0; id <= members; id++) {
      const hard = { term: 0, vote: NOBODY, commit: 0 };
      this.shadows.push({ hard, stableIndex: 0, term: 0, vote: NOBODY, index: 0, entryTerm: 0 });
    }
  }

  sent(member: NodeId, message: Message): void {
    if (message.reject) return;
    if (message.type === 'voteResponse') this.voted(member, message);
    else if (message.type === 'appendResponse') this.acknowledged(member, message);
  }

  /** Entries that a newer leader replaces are no longer owed. */
  appending(member: NodeId, work: LogWork): void {
    const shadow = this.shadows[member]!;
    if (work.snapshot !== undefined) {
      shadow.index = 0;
      shadow.stableIndex = 0;
    }
    const first = work.entries?.[0];
    if (first === undefined) return;
    shadow.stableIndex = Math.min(shadow.stableIndex, first.index - 1);
    if (first.index > shadow.index) return;
    const replacement = work.entries!.find((entry) => entry.index === shadow.index);
    if (replacement?.term === shadow.entryTerm) return;
    shadow.index = first.index - 1;
    shadow.entryTerm = this.logOf(member).term(shadow.index) ?? 0;
  }

  synced(member: NodeId): void {
    const shadow = this.shadows[member]!;
    const log = this.logOf(member);
    shadow.hard = log.hardState;
    shadow.stableIndex = log.lastIndex();
  }

  changed(member: MemberView): void {
    if (member.before !== undefined) return;
    this.restarted(member);
    this.synced(member.id);
  }

  private voted(member: NodeId, message: Message): void {
    const shadow = this.shadows[member]!;
    const { hard } = shadow;
    if (hard.term < message.term || (hard.term === message.term && hard.vote !== message.to)) {
      this.report(
        this,
        `n${member} grants its vote in term ${message.term} to n${message.to}, but its disk ` +
          `says ${whom(hard.vote)} in term ${hard.term}`,
      );
    }
    if (message.term < shadow.term) return;
    shadow.term = message.term;
    shadow.vote = message.to;
  }

  private acknowledged(member: NodeId, message: Message): void {
    const shadow = this.shadows[member]!;
    if (message.index > shadow.stableIndex) {
      this.report(
        this,
        `n${member} acknowledges entry ${message.index}, but its disk holds only ` +
          `${shadow.stableIndex} entries that are synced`,
      );
      return;
    }
    if (message.term > shadow.term) {
      shadow.term = message.term;
      shadow.vote = NOBODY;
    }
    const entryTerm = this.logOf(member).term(message.index);
    if (entryTerm !== undefined && entryTerm > message.term) {
      // A leader has no entry of a later term: what it sent was replaced meanwhile.
      this.report(
        this,
        `n${member} acknowledges entry ${message.index} in term ${message.term}, but its disk ` +
          `holds one of term ${entryTerm} there`,
      );
      return;
    }
    if (entryTerm === undefined || message.index <= shadow.index) return;
    shadow.index = message.index;
    shadow.entryTerm = entryTerm;
  }

  private restarted(member: MemberView): void {
    const { term, vote, index, entryTerm } = this.shadows[member.id]!;
    const { now, id } = member;
    const log = this.logOf(id);
    const { hardState } = log;
    const lastTerm = log.term(log.lastIndex()) ?? 0;
    if (lastTerm > hardState.term) {
      this.report(
        this,
        `n${id} restarts in term ${hardState.term} with an entry of term ${lastTerm} in its log`,
      );
      return;
    }
    if (hardState.term < term) {
      this.report(this, `n${id} answered in term ${term} and restarts in term ${hardState.term}`);
      return;
    }
    if (hardState.term === term && vote !== NOBODY && hardState.vote !== vote) {
      this.report(
        this,
        `n${id} voted for n${vote} in term ${term} and after a restart remembers ` +
          whom(hardState.vote),
      );
      return;
    }
    const found = member.termAt(index);
    const compacted = found === undefined && index <= now.commitIndex;
    if (index === 0 || found === entryTerm || compacted) return;
    this.report(
      this,
      `n${id} acknowledged entry ${index} of term ${entryTerm} and after a restart has ` +
        (found === undefined ? `a log that ends at ${now.lastIndex}` : `term ${found} there`),
    );
  }
}

function whom(vote: NodeId): string {
  return vote === NOBODY ? 'nobody' : `n${vote}`;
}

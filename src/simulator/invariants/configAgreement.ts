/**
 * The membership is replicated state too: after the same entry every member goes by the same
 * configuration, joint or not, whether it applied the change or got it with a snapshot.
 */
import type { ConfState, Index, NodeId } from '../../raft/types';
import type { Invariant, Report } from './invariant';

interface Known {
  readonly conf: string;
  readonly by: NodeId;
}

export class ConfigAgreement implements Invariant {
  readonly name = 'configAgreement';
  readonly sentence = 'All members go by the same configuration after the same entry.';
  /** In the order of the entries: these are applied in order. */
  private readonly known = new Map<Index, Known>();

  constructor(private readonly report: Report) {}

  /** A member has put the change at `index` into force, or a snapshot that ends there. */
  changedAt(member: NodeId, index: Index, conf: ConfState): void {
    const text = describe(conf);
    const known = this.known.get(index);
    if (known === undefined) this.known.set(index, { conf: text, by: member });
    else if (known.conf !== text) {
      this.report(
        this,
        `after entry ${index} n${known.by} goes by ${known.conf}, n${member} by ${text}`,
      );
    }
  }

  /** A member has started again, with everything up to `applied` in force. */
  restartedAt(member: NodeId, applied: Index, conf: ConfState): void {
    let newest: Index | undefined;
    for (const index of this.known.keys()) {
      if (index <= applied && index > (newest ?? 0)) newest = index;
    }
    if (newest !== undefined) this.changedAt(member, newest, conf);
  }
}

function describe({ voters, votersOutgoing, learners, learnersNext }: ConfState): string {
  const parts = [`voters ${voters.join(' ')}`];
  if (votersOutgoing.length > 0) parts.push(`outgoing ${votersOutgoing.join(' ')}`);
  if (learners.length > 0) parts.push(`learners ${learners.join(' ')}`);
  if (learnersNext.length > 0) parts.push(`learners to be ${learnersNext.join(' ')}`);
  return parts.join(', ');
}

/**
 * The newest messages of a run with both of their ends, for a diagram. Kept only when somebody
 * will look at it: a run that is one of thousands has none.
 */
import type { Index, Message, MessageType, NodeId, Term } from '../raft/types';

export interface JournalledMessage {
  readonly sentUs: number;
  /** When it arrived; when it was dropped, for one that never does. */
  readonly atUs: number;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly type: MessageType;
  readonly reject: boolean;
  readonly term: Term;
  readonly index: Index;
  readonly entries: number;
  readonly dropped: boolean;
}

export class MessageJournal {
  private messages: JournalledMessage[] = [];

  constructor(private readonly messagesMax: number) {}

  /** `message` is undefined for what does not concern the consensus: that is left out. */
  add(
    atUs: number,
    sentUs: number,
    to: NodeId,
    message: Message | undefined,
    dropped: boolean,
  ): void {
    if (message === undefined) return;
    const { from, type, term, index, reject, entries } = message;
    const count = entries.length;
    this.messages.push({
      sentUs,
      atUs,
      from,
      to,
      type,
      reject,
      term,
      index,
      entries: count,
      dropped,
    });
    if (this.messages.length > 2 * this.messagesMax) this.messages = this.newest();
  }

  /** In the order in which they arrived. */
  newest(): JournalledMessage[] {
    return this.messages.slice(-this.messagesMax);
  }
}

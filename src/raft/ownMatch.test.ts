/** What a new leader says of itself, by what its own disk has acknowledged. */
import { emptyMessage } from './message';
import { MemoryLog } from './memoryLog';
import { RaftNode } from './node';
import type { Entry, Message, Ready } from './types';

const conf = { voters: [1, 2, 3], learners: [], votersOutgoing: [], learnersNext: [] };
const entry: Entry = { index: 1, term: 1, type: 'normal', data: Uint8Array.of(7) };

class Candidate {
  readonly log = new MemoryLog({ ...conf, autoLeave: false });
  readonly node = new RaftNode({
    id: 1,
    electionTicks: 10,
    heartbeatTicks: 1,
    log: this.log,
    random: () => 0,
    preVote: false,
  });

  /** Node 2 led term 1 and sent one entry. */
  takesEntry(): Ready {
    this.node.step({ ...emptyMessage('append', 2, 1, 1), entries: [entry] });
    return this.node.ready();
  }

  /** The disk has written what that work holds. */
  persists({ persist }: Ready): void {
    if (persist!.hard !== undefined) this.log.setHardState(persist!.hard);
    this.log.append(persist!.entries);
    for (const ack of persist!.acks) if (ack.to === 1) this.node.step(ack);
  }

  /** Leads by the votes of the two others, whatever became of its own. */
  wins(): void {
    this.node.campaign();
    for (const from of [2, 3]) this.answer('voteResponse', from);
    expect(this.node.role).toBe('leader');
  }

  private answer(type: Message['type'], from: number): void {
    this.node.step(emptyMessage(type, from, 1, this.node.term));
  }
}

describe('a leader that was elected by the votes of others', () => {
  test('does not count entries of its own that its disk has not acknowledged', () => {
    const candidate = new Candidate();
    candidate.takesEntry();
    candidate.wins();
    expect(candidate.node.progressOf(1)).toMatchObject({ matchIndex: 0 });
  });

  test('counts them when its disk had them before', () => {
    const candidate = new Candidate();
    candidate.persists(candidate.takesEntry());
    candidate.wins();
    expect(candidate.node.progressOf(1)).toMatchObject({ matchIndex: 1 });
  });
});

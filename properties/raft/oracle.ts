/**
 * What must hold in every run of the core, whatever is lost, late, doubled or crashed.
 *
 *   election safety      at most one leader in a term
 *   leader completeness  a new leader has every entry that was committed before
 *   state machine safety all members apply the same entry at an index, in order, without gaps
 *   same configuration   all members have the same members after a change
 *   log matching         equal term at an index: equal logs up to there
 *   monotony             terms never fall, votes never change, commit indices never fall
 *   reads                a read sees every entry committed anywhere before it was asked
 */
import type {
  ConfState,
  Entry,
  HardState,
  Index,
  NodeId,
  ReadState,
  Term,
} from '../../src/raft/types';
import type { RaftNode } from '../../src/raft';

export class Violation extends Error {}

export class Oracle {
  /** Entries by index, as first applied by anybody. */
  readonly chain: Entry[] = [];
  elections = 0;
  reads = 0;
  private readonly leaders = new Map<Term, NodeId>();
  private readonly hard = new Map<NodeId, HardState>();
  private readonly commits = new Map<NodeId, Index>();
  private readonly terms = new Map<NodeId, Term>();
  private readonly confs = new Map<Index, string>();
  private readonly pendingReads = new Map<string, Index>();

  observe(id: NodeId, node: RaftNode): void {
    if (node.term < (this.terms.get(id) ?? 0)) fail(`node ${id} went back to term ${node.term}`);
    this.terms.set(id, node.term);
    const commit = this.commits.get(id) ?? 0;
    if (node.commitIndex < commit) fail(`node ${id} uncommitted ${commit}`);
    this.commits.set(id, node.commitIndex);
    if (node.role === 'leader') this.observeLeader(id, node);
  }

  hardState(id: NodeId, hard: HardState): void {
    const before = this.hard.get(id);
    if (before !== undefined && before.term === hard.term) {
      const changed = before.vote !== 0 && before.vote !== hard.vote;
      if (changed) fail(`node ${id} voted for ${before.vote} and ${hard.vote} in ${hard.term}`);
    }
    this.hard.set(id, hard);
  }

  /** Only what was on disk must be remembered. */
  restarted(id: NodeId): void {
    this.terms.set(id, this.hard.get(id)?.term ?? 0);
    this.commits.delete(id);
    for (const key of [...this.pendingReads.keys()]) {
      if (key.startsWith(`${id}/`)) this.pendingReads.delete(key);
    }
  }

  applied(id: NodeId, before: Index, entry: Entry): void {
    if (entry.index !== before + 1) fail(`node ${id} applies ${entry.index} after ${before}`);
    const first = this.chain[entry.index];
    if (first === undefined) this.chain[entry.index] = entry;
    else if (!sameEntry(first, entry)) {
      fail(`node ${id} applies another entry at ${entry.index}: ${first.term} and ${entry.term}`);
    }
  }

  changed(id: NodeId, index: Index, conf: ConfState): void {
    const text = JSON.stringify(conf);
    const first = this.confs.get(index) ?? text;
    if (first !== text) fail(`node ${id} has ${text} at ${index}, another had ${first}`);
    this.confs.set(index, text);
  }

  readStarted(id: NodeId, token: number, committed: Index): void {
    this.pendingReads.set(`${id}/${token}`, committed);
  }

  readAnswered(id: NodeId, { token, index }: ReadState): void {
    const key = `${id}/${token}`;
    const committed = this.pendingReads.get(key);
    if (committed === undefined) fail(`read ${token} of node ${id} was answered unasked`);
    if (index < committed) fail(`read ${token} sees ${index}, but ${committed} was committed`);
    this.pendingReads.delete(key);
    this.reads++;
  }

  checkLogs(nodes: readonly RaftNode[]): void {
    for (const a of nodes) {
      for (const b of nodes) {
        if (a.id < b.id) checkMatching(a, b);
      }
    }
  }

  private observeLeader(id: NodeId, node: RaftNode): void {
    const known = this.leaders.get(node.term);
    if (known === id) return;
    if (known !== undefined) fail(`nodes ${known} and ${id} both lead in term ${node.term}`);
    this.leaders.set(node.term, id);
    this.elections++;
    for (let index = node.firstIndex; index < this.chain.length; index++) {
      const entry = this.chain[index];
      if (entry !== undefined && node.termAt(index) !== entry.term) {
        fail(`leader ${id} of term ${node.term} lacks committed entry ${index}`);
      }
    }
  }
}

function checkMatching(a: RaftNode, b: RaftNode): void {
  const first = Math.max(a.firstIndex, b.firstIndex);
  let matched = false;
  for (let index = Math.min(a.lastIndex, b.lastIndex); index >= first; index--) {
    if (a.termAt(index) === b.termAt(index)) matched = true;
    else if (matched) fail(`logs of ${a.id} and ${b.id} differ at ${index} and match later`);
  }
}

function sameEntry(a: Entry, b: Entry): boolean {
  return (
    a.term === b.term &&
    a.type === b.type &&
    a.data.length === b.data.length &&
    a.data.every((byte, i) => byte === b.data[i])
  );
}

function fail(message: string): never {
  throw new Violation(message);
}

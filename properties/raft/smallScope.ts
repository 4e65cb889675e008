/**
 * Bounded exhaustive search: every order and every loss of a small scope, where chance would try
 * some. A world of a few cores has a budget of elections, proposals, losses, doublings and
 * crashes; each move spends some of it, or delivers any one of the messages that are under way.
 * All worlds that can be reached are looked at, nearest first, so what fails fails by the
 * shortest way there is.
 *
 * A world is found again by running its moves again; two worlds are the same when their members
 * show the same (terms, votes, roles, logs, what leaders believe) and the same messages are under
 * way. Timers are no part of it: an election may begin at any time.
 */
import type { Entry, Message, NodeId, Term } from '../../src/raft';
import { bytes, Group } from './group';

/** How often each of these may happen on one way. */
export interface Budget {
  readonly campaigns: number;
  readonly proposals: number;
  readonly losses: number;
  readonly doublings: number;
  readonly crashes: number;
}

export interface Scope {
  readonly members: number;
  readonly budget: Budget;
  /** Worlds that are looked at, at most. */
  readonly worldsMax: number;
}

export type Move =
  | { readonly kind: 'campaign' | 'propose' | 'crash'; readonly member: NodeId }
  /** `message`: its place among those under way. */
  | { readonly kind: 'deliver' | 'lose' | 'double'; readonly message: number };

export interface Search {
  /** Different worlds that were looked at. */
  readonly worlds: number;
  /** Moves that led to a world known already. */
  readonly known: number;
  /** Moves of the longest way. */
  readonly depth: number;
  /** True when there is nothing more within the budget. */
  readonly complete: boolean;
  /** What is false, and the shortest way to it. */
  readonly failure: { readonly what: string; readonly moves: readonly string[] } | undefined;
}

const SPENT: Readonly<Partial<Record<Move['kind'], keyof Budget>>> = {
  campaign: 'campaigns',
  propose: 'proposals',
  lose: 'losses',
  double: 'doublings',
  crash: 'crashes',
};

export function searchScope(scope: Scope): Search {
  const seen = new Set<string>();
  let ways: Move[][] = [[]];
  let worlds = 0;
  let known = 0;
  for (let depth = 0; ; depth++) {
    const next: Move[][] = [];
    for (const way of ways) {
      const world = new SmallWorld(scope);
      const what = world.walk(way);
      if (what !== undefined) {
        const failure = { what, moves: new SmallWorld(scope).describe(way) };
        return { worlds, known, depth, complete: false, failure };
      }
      const key = world.fingerprint();
      if (seen.has(key)) {
        known++;
        continue;
      }
      seen.add(key);
      if (++worlds >= scope.worldsMax) {
        return { worlds, known, depth, complete: false, failure: undefined };
      }
      for (const move of world.moves()) next.push([...way, move]);
    }
    if (next.length === 0) return { worlds, known, depth, complete: true, failure: undefined };
    ways = next;
  }
}

class SmallWorld {
  private readonly group: Group;
  private readonly left: Record<keyof Budget, number>;
  private readonly leaders = new Map<Term, NodeId>();
  /** Entries that somebody has committed, by index, and the terms in which it did. */
  private readonly committed: Entry[] = [];
  private readonly committedIn: Term[] = [];

  constructor({ members, budget }: Scope) {
    const ids = Array.from({ length: members }, (_, i) => i + 1);
    this.group = new Group(ids, { preVote: false, checkQuorum: false });
    this.left = { ...budget };
  }

  /** Makes the moves; what is false after one of them, if anything. */
  walk(moves: readonly Move[]): string | undefined {
    for (const move of moves) {
      const what = this.make(move);
      if (what !== undefined) return what;
    }
    return undefined;
  }

  describe(moves: readonly Move[]): string[] {
    return moves.map((move) => {
      const message = 'message' in move ? this.group.inbox[move.message] : undefined;
      this.make(move);
      if (message === undefined) return 'member' in move ? `n${move.member} ${move.kind}` : '';
      const { type, from, to, term, index, entries } = message;
      const more = entries.length > 0 ? ` +${entries.length}` : '';
      return `${move.kind} ${type} n${from} -> n${to} term ${term} index ${index}${more}`;
    });
  }

  /** All that may happen next within the budget. */
  moves(): Move[] {
    const { group, left } = this;
    const moves: Move[] = [];
    const isNew = firstOfEqual(group.inbox);
    group.inbox.forEach((_, message) => {
      if (!isNew[message]) return;
      moves.push({ kind: 'deliver', message });
      if (left.losses > 0) moves.push({ kind: 'lose', message });
      if (left.doublings > 0) moves.push({ kind: 'double', message });
    });
    for (const [member, node] of group.nodes) {
      if (left.campaigns > 0 && node.role !== 'leader') moves.push({ kind: 'campaign', member });
      if (left.proposals > 0 && node.role === 'leader') moves.push({ kind: 'propose', member });
      if (left.crashes > 0) moves.push({ kind: 'crash', member });
    }
    return moves;
  }

  fingerprint(): string {
    const { group, left, committed } = this;
    const members = [...group.nodes].map(([id, node]) => {
      const { term, vote, role, leader, commitIndex, progress } = node;
      const log = this.logOf(id).map((entry) => entry.term);
      return [term, vote, role, leader, commitIndex, log, progress];
    });
    const messages = group.inbox.map((message) => JSON.stringify(message)).sort();
    const chain = committed.map((entry, i) => [entry.term, this.committedIn[i]]);
    return JSON.stringify([members, messages, left, [...this.leaders], chain]);
  }

  private make(move: Move): string | undefined {
    const { group, left } = this;
    const spent = SPENT[move.kind];
    if (spent !== undefined) left[spent]--;
    if ('message' in move) this.handle(move.kind, move.message);
    else if (move.kind === 'campaign') group.node(move.member).campaign();
    else if (move.kind === 'propose') group.node(move.member).propose([bytes('x')]);
    else group.start(move.member, 0);
    for (const id of group.nodes.keys()) group.drain(id);
    return this.check();
  }

  private handle(kind: 'deliver' | 'lose' | 'double', at: number): void {
    const { inbox } = this.group;
    const message = inbox[at]!;
    if (kind !== 'double') inbox.splice(at, 1);
    if (kind !== 'lose') this.group.node(message.to).step(message);
  }

  /** The promises of the Raft paper's figure 3, as far as one look at the members shows them. */
  private check(): string | undefined {
    for (const [id, node] of this.group.nodes) {
      const { term, role, commitIndex } = node;
      const log = this.logOf(id);
      if (role === 'leader') {
        const other = this.leaders.get(term) ?? id;
        if (other !== id) return `n${other} and n${id} both lead term ${term}`;
        const isNew = !this.leaders.has(term);
        this.leaders.set(term, id);
        // Whoever wins an old term late owes nothing to the terms after it.
        const missing = this.committed.find((entry, i) => {
          return this.committedIn[i]! < term && log[i]?.term !== entry.term;
        });
        if (isNew && missing !== undefined) {
          return `n${id} leads term ${term} without the committed entry ${missing.index}`;
        }
      }
      for (let i = 0; i < commitIndex; i++) {
        const entry = log[i];
        const before = this.committed[i];
        if (entry === undefined) return `n${id} has committed ${i + 1} and does not have it`;
        if (before === undefined) {
          this.committed[i] = entry;
          this.committedIn[i] = term;
        } else if (before.term !== entry.term) {
          return `n${id} commits term ${entry.term} at index ${i + 1}, another term ${before.term}`;
        }
      }
    }
    return undefined;
  }

  private logOf(id: NodeId): readonly Entry[] {
    const log = this.group.log(id);
    const last = log.lastIndex();
    return last === 0 ? [] : (log.entries(1, last + 1, Infinity) ?? []);
  }
}

/** Of messages that are the same in all they say, one is enough to try. */
function firstOfEqual(messages: readonly Message[]): boolean[] {
  const seen = new Set<string>();
  return messages.map((message) => {
    const text = JSON.stringify(message);
    const isNew = !seen.has(text);
    seen.add(text);
    return isNew;
  });
}

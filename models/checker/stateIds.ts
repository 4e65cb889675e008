/**
 * Numbers for states: equal states have one number, the first reached has the smallest.
 *
 * A model that has a hash is asked for it. Without one, states are hashed and compared by what
 * they hold, in an open-addressing table; texts are left to a map, which hashes them natively.
 */

import type { Model } from '../model';
import { isSameState, StateHasher } from '../stateHash';

/** What a state is counted as beside what it holds: entries in the tables, headers, the number. */
const stateBytes = 160;
/** A text of the hash, and at most as much for the state itself, two bytes a character. */
const bytesOfCharacter = 4;
/** A value within a state, in a list or as a field. */
const bytesOfValue = 16;
const entriesMin = 64;
/** Up to here a table grows fourfold, which saves time, and beyond twofold, which saves memory. */
const entriesMany = 1 << 16;

export class StateIds<State> {
  /** Bytes held, estimated. */
  bytes = 0;
  private readonly states: State[] = [];
  private readonly byHash = new Map<string | number, number | number[]>();
  private readonly hasher = new StateHasher();
  /** Of each entry the number of the state plus one, and its hash. */
  private table = new Int32Array(0);
  private tableMask = -1;
  private tableUsed = 0;

  constructor(private readonly model: Pick<Model<State>, 'hash' | 'equal'>) {}

  get count(): number {
    return this.states.length;
  }

  state(id: number): State {
    return this.states[id]!;
  }

  idOf(state: State): number {
    if (this.model.hash !== undefined) return this.known(this.model.hash(state), state);
    if (typeof state === 'string') return this.known(state, state);
    return this.inTable(state);
  }

  private known(hash: string | number, state: State): number {
    const found = this.byHash.get(hash);
    if (found === undefined) return this.add(hash, state, undefined);
    if (typeof found === 'number') {
      if (this.isSame(this.states[found]!, state)) return found;
      return this.add(hash, state, [found]);
    }
    for (const id of found) if (this.isSame(this.states[id]!, state)) return id;
    return this.add(hash, state, found);
  }

  private isSame(a: State, b: State): boolean {
    return this.model.equal === undefined || this.model.equal(a, b);
  }

  private add(hash: string | number, state: State, others: number[] | undefined): number {
    const id = this.states.push(state) - 1;
    this.bytes += stateBytes + (typeof hash === 'string' ? bytesOfCharacter * hash.length : 0);
    this.byHash.set(hash, others === undefined ? id : [...others, id]);
    return id;
  }

  private inTable(state: State): number {
    if (2 * this.tableUsed >= this.tableMask) this.growTable();
    this.hasher.weight = 0;
    const hash = this.hasher.hash(state);
    const { table, tableMask } = this;
    let slot = hash & tableMask;
    for (;;) {
      const stored = table[2 * slot]!;
      if (stored === 0) break;
      if (table[2 * slot + 1] === hash) {
        const other = this.states[stored - 1]!;
        if (isSameState(other, state) && this.isSame(other, state)) return stored - 1;
      }
      slot = (slot + 1) & tableMask;
    }
    const id = this.states.push(state) - 1;
    table[2 * slot] = id + 1;
    table[2 * slot + 1] = hash;
    this.tableUsed++;
    this.bytes += stateBytes + bytesOfValue * this.hasher.weight;
    return id;
  }

  private growTable(): void {
    const old = this.table;
    const entries = old.length / 2;
    this.tableMask = Math.max(entriesMin, (entries < entriesMany ? 4 : 2) * entries) - 1;
    const table = new Int32Array(2 * (this.tableMask + 1));
    for (let at = 0; at < old.length; at += 2) {
      if (old[at] === 0) continue;
      let slot = old[at + 1]! & this.tableMask;
      while (table[2 * slot] !== 0) slot = (slot + 1) & this.tableMask;
      table[2 * slot] = old[at]!;
      table[2 * slot + 1] = old[at + 1]!;
    }
    this.table = table;
  }
}

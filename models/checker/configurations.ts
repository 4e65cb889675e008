/**
 * The configurations a search has seen: one flat array of integers and a hash table over it.
 *
 * A configuration is (moment, state, usable slots, optional slots), followed by the configuration
 * it came from and the operation that led here, which are not part of its identity. Everything
 * before the moment is linearized, so nothing else is needed: 16 bytes and 8 for each 32 slots.
 */

import { mix } from '../stateHash';

const header = 4;
const entriesFirst = 64;
/** Up to here the table grows fourfold, which saves time, and beyond twofold, to save memory. */
const entriesMany = 1 << 16;

export class Configurations {
  /** Number of configurations stored. */
  size = 0;
  private readonly stride: number;
  private data: Int32Array;
  private table = new Int32Array(4 * entriesFirst);
  private tableMask = 4 * entriesFirst - 1;

  constructor(
    private readonly words: number,
    private readonly bytesMax: number,
  ) {
    this.stride = header + 2 * words;
    this.data = new Int32Array(this.stride * entriesFirst);
  }

  /** Bytes held, the hash table included. */
  get bytes(): number {
    return 4 * (this.data.length + this.table.length);
  }

  moment(index: number): number {
    return this.data[index * this.stride]!;
  }

  state(index: number): number {
    return this.data[index * this.stride + 1]!;
  }

  parent(index: number): number {
    return this.data[index * this.stride + 2]!;
  }

  operation(index: number): number {
    return this.data[index * this.stride + 3]!;
  }

  load(index: number, usable: Int32Array, optional: Int32Array): void {
    const at = index * this.stride + header;
    for (let w = 0; w < this.words; w++) {
      usable[w] = this.data[at + w]!;
      optional[w] = this.data[at + this.words + w]!;
    }
  }

  /** Whether these are the open operations of a configuration, less the one in a slot. */
  isWithout(index: number, slot: number, usable: Int32Array, optional: Int32Array): boolean {
    const at = index * this.stride + header;
    for (let w = 0; w < this.words; w++) {
      const keep = slot >>> 5 === w ? ~(1 << (slot & 31)) : -1;
      if ((this.data[at + w]! & keep) !== usable[w]) return false;
      if ((this.data[at + this.words + w]! & keep) !== optional[w]) return false;
    }
    return true;
  }

  /** The index of a configuration not seen before; -1 when it is known, -2 when it is too many. */
  add(
    moment: number,
    state: number,
    usable: Int32Array,
    optional: Int32Array,
    parent: number,
    operation: number,
  ): number {
    let slot = this.hash(moment, state, usable, optional) & this.tableMask;
    for (;;) {
      const stored = this.table[slot]!;
      if (stored === 0) break;
      if (this.matches((stored - 1) * this.stride, moment, state, usable, optional)) return -1;
      slot = (slot + 1) & this.tableMask;
    }
    if (!this.hasRoom()) return -2;
    const index = this.size++;
    this.table[slot] = index + 1;
    const at = index * this.stride;
    const data = this.data;
    data[at] = moment;
    data[at + 1] = state;
    data[at + 2] = parent;
    data[at + 3] = operation;
    for (let w = 0; w < this.words; w++) {
      data[at + header + w] = usable[w]!;
      data[at + header + this.words + w] = optional[w]!;
    }
    if (2 * this.size > this.tableMask) this.growTable();
    return index;
  }

  private hasRoom(): boolean {
    if ((this.size + 1) * this.stride <= this.data.length) return true;
    if (2 * this.bytes > this.bytesMax) return false;
    const grown = new Int32Array(2 * this.data.length);
    grown.set(this.data);
    this.data = grown;
    return true;
  }

  private growTable(): void {
    this.tableMask = (this.tableMask < entriesMany ? 4 : 2) * (this.tableMask + 1) - 1;
    this.table = new Int32Array(this.tableMask + 1);
    const usable = new Int32Array(this.words);
    const optional = new Int32Array(this.words);
    for (let index = 0; index < this.size; index++) {
      this.load(index, usable, optional);
      const hash = this.hash(this.moment(index), this.state(index), usable, optional);
      let slot = hash & this.tableMask;
      while (this.table[slot] !== 0) slot = (slot + 1) & this.tableMask;
      this.table[slot] = index + 1;
    }
  }

  private hash(moment: number, state: number, usable: Int32Array, optional: Int32Array): number {
    let hash = mix(Math.imul(moment, 0x9e3779b1) ^ state);
    for (let w = 0; w < this.words; w++) {
      hash = mix(hash ^ usable[w]!);
      hash = mix(Math.imul(hash, 5) ^ optional[w]!);
    }
    return hash >>> 0;
  }

  private matches(
    at: number,
    moment: number,
    state: number,
    usable: Int32Array,
    optional: Int32Array,
  ): boolean {
    const data = this.data;
    if (data[at] !== moment || data[at + 1] !== state) return false;
    for (let w = 0; w < this.words; w++) {
      if (data[at + header + w] !== usable[w]) return false;
      if (data[at + header + this.words + w] !== optional[w]) return false;
    }
    return true;
  }
}

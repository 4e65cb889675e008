/**
 * Hash and equality of states by what they hold: what tells states apart when a model does not
 * say how.
 *
 * Two states are equal here only if `stateText` gives them one text, so that this is never
 * coarser than the text, only cheaper: no text is built, and a list of twenty numbers costs a
 * walk over twenty numbers. Maps and sets count by what they hold, however it came in. An object
 * of a class may hide what it holds, so it is refused, as it is by the text.
 */

import { isPlain, refuseState, stateText } from './stateText';

const seeds = {
  ...{ null: 0x2d, undefined: 0x3b, true: 0x47, false: 0x53, nan: 0x61 },
  ...{ number: 0x6b, text: 0x79, bigint: 0x83, list: 0x95, object: 0xa7, set: 0xb5, map: 0xc1 },
} as const;

const float = new Float64Array(1);
const halves = new Int32Array(float.buffer);

/** The finaliser of MurmurHash3: every bit of the input reaches every bit of the result. */
export function mix(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function join(hash: number, next: number): number {
  return Math.imul(hash ^ (hash >>> 15), 0x9e3779b1) + next;
}

function hashNumber(value: number): number {
  const whole = value | 0;
  if (whole === value) return Math.imul(whole ^ seeds.number, 0x85ebca6b);
  if (Number.isNaN(value)) return seeds.nan;
  float[0] = value;
  return mix(halves[0]! ^ seeds.number) ^ halves[1]!;
}

function hashText(text: string, seed: number): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash, 31) + text.charCodeAt(i);
  return mix(hash);
}

/** Hashes states and counts what they hold. */
export class StateHasher {
  /** Values and characters seen so far, roughly: what a state costs to keep. */
  weight = 0;

  /** @throws TypeError for a function, a symbol or an object of a class but Map and Set. */
  hash(state: unknown): number {
    return mix(this.of(state));
  }

  private of(value: unknown): number {
    this.weight++;
    switch (typeof value) {
      case 'number':
        return hashNumber(value);
      case 'string':
        this.weight += value.length >>> 2;
        return hashText(value, seeds.text);
      case 'boolean':
        return value ? seeds.true : seeds.false;
      case 'undefined':
        return seeds.undefined;
      case 'bigint':
        return hashText(String(value), seeds.bigint);
      case 'object':
        return value === null ? seeds.null : this.ofObject(value);
      default:
        return refuseState(value);
    }
  }

  private ofObject(value: object): number {
    if (Array.isArray(value)) {
      let hash = seeds.list + value.length;
      for (let i = 0; i < value.length; i++) hash = join(hash, this.of(value[i]));
      return hash;
    }
    // The sum does not depend on the order.
    if (value instanceof Set) {
      let sum = value.size;
      for (const element of value) sum += mix(this.of(element)) | 0;
      return join(seeds.set, sum | 0);
    }
    if (value instanceof Map) {
      let sum = value.size;
      for (const [key, held] of value) sum += mix(join(this.of(key), this.of(held))) | 0;
      return join(seeds.map, sum | 0);
    }
    if (!isPlain(value)) return refuseState(value);
    let hash: number = seeds.object;
    for (const key of Object.keys(value)) {
      hash = join(hash, hashText(key, seeds.text));
      hash = join(hash, this.of((value as Readonly<Record<string, unknown>>)[key]));
    }
    return hash;
  }
}

/** Whether two states that can be hashed hold the same. */
export function isSameState(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    return Number.isNaN(a) && Number.isNaN(b);
  }
  if (Array.isArray(a)) return Array.isArray(b) && isSameList(a, b);
  if (a instanceof Set) return b instanceof Set && isSameSet(a, b);
  if (a instanceof Map) return b instanceof Map && isSameMap(a, b);
  if (Array.isArray(b) || b instanceof Set || b instanceof Map) return false;
  return isSameObject(a as Fields, b as Fields);
}

type Fields = Readonly<Record<string, unknown>>;

function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i] && !isSameState(a[i], b[i])) return false;
  }
  return true;
}

function isSameSet(a: ReadonlySet<unknown>, b: ReadonlySet<unknown>): boolean {
  if (a.size !== b.size) return false;
  for (const element of a) {
    if (b.has(element)) continue;
    // An object is found by what it holds, and not by what it is.
    return typeof element === 'object' && stateText(a) === stateText(b);
  }
  return true;
}

function isSameMap(a: ReadonlyMap<unknown, unknown>, b: ReadonlyMap<unknown, unknown>): boolean {
  if (a.size !== b.size) return false;
  for (const [key, held] of a) {
    if (b.has(key)) {
      if (!isSameState(held, b.get(key))) return false;
    } else {
      return typeof key === 'object' && stateText(a) === stateText(b);
    }
  }
  return true;
}

function isSameObject(a: Fields, b: Fields): boolean {
  const keys = Object.keys(a);
  const others = Object.keys(b);
  if (keys.length !== others.length) return false;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    if (key !== others[i] || !isSameState(a[key], b[key])) return false;
  }
  return true;
}

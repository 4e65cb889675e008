/**
 * The families of hard histories by name: what makes checkers give up, from 5 to 100 clients.
 *
 * - `uniq`: every value is written once; `cas5`: five values, read, write and cas in equal parts;
 *   `readheavy`: nine reads to one write.
 * - `crashP`: P % of the changes never return. `kvK`: K keys. `long`: one key, up to 100 000
 *   operations.
 * - `ok` is linearizable; in `stale` a read returned an overwritten value, in `phantom` one that
 *   nobody wrote.
 */

import type { HardOptions } from './hardHistories';

export interface HardFamily {
  readonly name: string;
  readonly options: HardOptions;
}

type Bug = 'ok' | 'stale' | 'phantom';

const kinds = {
  uniq: { mix: [1, 1, 0], domain: 0 },
  cas5: { mix: [1, 1, 1], domain: 5 },
  readheavy: { mix: [9, 1, 0], domain: 0 },
} as const;

type Kind = keyof typeof kinds;

function family(
  name: string,
  kind: Kind,
  bug: Bug,
  rest: Omit<HardOptions, 'seed' | 'mix' | 'domain' | 'bug'>,
  seed: number,
): HardFamily {
  const options = { ...kinds[kind], ...rest, seed };
  return { name: `${name}-${bug}`, options: bug === 'ok' ? options : { ...options, bug } };
}

/** All 98, each from a seed of its own; `round` gives other histories of the same shapes. */
export function hardFamilies(round = 0): readonly HardFamily[] {
  const all: HardFamily[] = [];
  const add = (name: string, kind: Kind, bugs: readonly Bug[], rest: object): void => {
    for (const bug of bugs) {
      const seed = 1000 * round + all.length + 1;
      all.push(family(name, kind, bug, rest as Omit<HardOptions, 'seed'>, seed));
    }
  };
  for (const clients of [5, 10, 20, 50, 100]) {
    const size = { clients, operations: 1000 };
    add(`uniq-c${clients}`, 'uniq', ['ok', 'stale', 'phantom'], size);
    const isSmall = clients <= 20;
    const bugs: Bug[] = isSmall ? ['ok', 'stale', 'phantom'] : ['ok', 'phantom'];
    add(`cas5-c${clients}`, 'cas5', bugs, size);
    add(`readheavy-c${clients}`, 'readheavy', ['ok', 'stale'], size);
  }
  for (const percent of [1, 3, 10]) {
    for (const clients of [5, 10, 20]) {
      const size = { clients, operations: 500, crash: percent / 100 };
      add(`crash${percent}-uniq-c${clients}`, 'uniq', ['ok', 'stale'], size);
      add(`crash${percent}-cas5-c${clients}`, 'cas5', ['ok', 'phantom'], size);
    }
  }
  for (const [keys, clients, operations] of [
    [10, 20, 5000],
    [10, 100, 10_000],
    [100, 100, 20_000],
  ] as const) {
    const size = { keys, clients, operations };
    const name = `c${clients}-n${operations}`;
    add(`kv${keys}-cas5-crash-${name}`, 'cas5', ['ok', 'phantom'], { ...size, crash: 0.005 });
    add(`kv${keys}-uniq-${name}`, 'uniq', ['ok', 'stale'], size);
  }
  for (const [clients, operations] of [
    [5, 5000],
    [5, 20_000],
    [10, 20_000],
    [5, 100_000],
  ] as const) {
    const size = { clients, operations };
    add(`long-cas5-c${clients}-n${operations}`, 'cas5', ['ok'], size);
    add(`long-uniq-c${clients}-n${operations}`, 'uniq', ['ok', 'stale'], size);
  }
  return all;
}

/**
 * Histories of a map of texts as the KV logs of Porcupine have them: many clients put, append and
 * get under a few keys, and what is appended tells who did it and when.
 *
 * Each operation takes effect at an instant between its call and its return, so a history is
 * linearizable by construction. With `bad`, one get of every key gives the text from before the
 * last change that had ended when the get began: every key is broken, each by itself.
 */

import type { Operation } from '../../src/history';
import { randomFrom } from './hardHistories';

export interface KvHistoryOptions {
  readonly seed: number;
  readonly clients: number;
  readonly operations: number;
  readonly keys: number;
  readonly bad: boolean;
}

interface Effect {
  readonly time: number;
  readonly end: number;
  readonly text: string;
}

export function kvHistory(options: KvHistoryOptions): readonly Operation[] {
  const { seed, clients, operations: count, keys, bad } = options;
  const random = randomFrom(seed);
  const operations: Operation[] = [];
  const free = new Array<number>(clients).fill(0);
  const counters = new Array<number>(clients).fill(0);
  const drafts: { process: number; f: string; key: string; input: unknown; at: number[] }[] = [];
  for (let i = 0; i < count; i++) {
    const process = free.indexOf(Math.min(...free));
    const call = free[process]! + 1 + random() * 10;
    const end = call + 1 + random() * 100;
    const key = String(Math.floor(random() * keys));
    const kind = random();
    const f = kind < 0.5 ? 'get' : kind < 0.9 ? 'append' : 'put';
    const text = `x ${process} ${counters[process]!++} y`;
    const at = [call, call + (end - call) * random(), end];
    drafts.push({ process, f, key, input: f === 'get' ? null : text, at });
    free[process] = end;
  }
  drafts.sort((a, b) => a.at[1]! - b.at[1]!);
  const effects = new Map<string, Effect[]>();
  const broken = new Set<string>();
  drafts.forEach(({ process, f, key, input, at }, i) => {
    const [call, time, end] = at as [number, number, number];
    const past = effects.get(key) ?? [];
    effects.set(key, past);
    let text = past.at(-1)?.text ?? '';
    if (f === 'append') text += input as string;
    if (f === 'put') text = input as string;
    if (f !== 'get') past.push({ time, end, text });
    let output: string | undefined = f === 'get' ? text : undefined;
    if (bad && f === 'get' && i > count / 2 && !broken.has(key)) {
      const stale = staleText(past, call);
      if (stale !== undefined && stale !== output) {
        broken.add(key);
        output = stale;
      }
    }
    operations.push({
      ...{ id: i, process, f, key, input, output: output ?? input },
      ...{ call, return: end, outcome: 'ok' },
    });
  });
  return operations.sort((a, b) => a.call - b.call);
}

/** What the key held before the last change that had ended before a call. */
function staleText(past: readonly Effect[], call: number): string | undefined {
  for (let i = past.length - 1; i > 0; i--) {
    if (past[i]!.end < call) return past[i - 1]!.text;
  }
  return undefined;
}

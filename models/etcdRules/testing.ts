/** Short ways to write operations, watches and full histories in tests. */

import type { Operation, WatchEvent, WatchLog, WatchResponse } from '../../src/history';
import type { RuleResult } from './rule';

const ms = 1e6;

/** An operation from `at` to `until` milliseconds. */
export function operation(
  f: string,
  [at, until]: readonly [number, number],
  fields: Partial<Operation> = {},
): Operation {
  const outcome = fields.outcome ?? 'ok';
  return {
    ...{ id: at, process: 0, f, key: undefined, input: undefined, output: undefined },
    ...{ call: at * ms, return: outcome === 'info' ? Infinity : until * ms, outcome },
    ...fields,
  };
}

export function put(rev: number, key: string, value: string): WatchEvent {
  return { type: 'put', key, value, rev };
}

export function deletion(rev: number, key: string): WatchEvent {
  return { type: 'delete', key, rev };
}

/** A response with events, of the revision of the last one. */
export function response(...events: readonly WatchEvent[]): WatchResponse {
  return { rev: events.at(-1)?.rev ?? 0, events };
}

export function progress(rev: number): WatchResponse {
  return { rev, events: [], isProgress: true };
}

export function watch(
  request: WatchLog['request'],
  ...responses: readonly WatchResponse[]
): WatchLog {
  return { name: 'w', request, responses };
}

/** The messages of the rules that failed, by rule. */
export function broken(results: readonly RuleResult[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    results.flatMap(({ rule, violation }) =>
      violation === undefined ? [] : [[rule, violation.message] as const],
    ),
  );
}

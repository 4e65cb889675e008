/**
 * Large histories of any object, valid by construction: clients in virtual time call a plain
 * sequential subject, which answers at an instant between each call and its return.
 *
 * `appendHistory` makes the workload of MIT's key-value labs with it, which Porcupine's own test
 * data has: clients append marked pieces to few keys and read the whole text back.
 */

import type { Operation } from '../../src/history';
import { randomFrom } from './hardHistories';
import type { PlannedOperation, Subject } from './randomHistories';
import { kvSubject } from './subjects';

export interface ClientOptions {
  readonly seed: number;
  readonly clients: number;
  readonly operations: number;
  readonly subject: Subject;
  /** What a client asks next; `count` is the number of its requests so far. */
  readonly request: (
    random: () => number,
    client: number,
    count: number,
  ) => { readonly f: string; readonly key?: string; readonly input: unknown };
  /** Spoils the answers of the subject; undefined leaves one as it is. */
  readonly spoil?: (operation: Operation, random: () => number) => unknown;
}

interface Pending {
  readonly client: number;
  readonly planned: PlannedOperation;
  readonly id: number;
  readonly callIndex: number;
  answer: ReturnType<Subject['apply']> | undefined;
}

/** One event at a time, of a client drawn by chance: call, effect and return follow each other. */
export function clientHistory(options: ClientOptions): Operation[] {
  const { clients, subject, request, spoil } = options;
  const random = randomFrom(options.seed);
  const pending = new Array<Pending | undefined>(clients);
  const counts = new Int32Array(clients);
  const operations: Operation[] = [];
  let started = 0;
  let open = 0;
  let events = 0;
  while (started < options.operations || open > 0) {
    const client = Math.floor(random() * clients);
    const current = pending[client];
    if (current === undefined) {
      if (started >= options.operations) continue;
      const { f, key, input } = request(random, client, counts[client]!++);
      const planned = {
        f,
        key,
        input,
        delay: 0,
        hold: 0,
        crash: 'no',
        spoiled: undefined,
      } as const;
      pending[client] = { client, planned, id: started++, callIndex: events++, answer: undefined };
      open++;
    } else if (current.answer === undefined) {
      current.answer = subject.apply(current.planned);
    } else {
      operations[current.id] = finished(current, events++);
      pending[client] = undefined;
      open--;
    }
  }
  if (spoil === undefined) return operations;
  return operations.map((operation) => {
    const output = spoil(operation, random);
    return output === undefined ? operation : { ...operation, output };
  });
}

function finished({ client, planned, id, callIndex, answer }: Pending, index: number): Operation {
  const { f, key, input } = planned;
  const { outcome, output, rev, mod } = answer!;
  const asked = { id, process: client, f, key, input, call: callIndex, callIndex };
  const seen = { ...(rev === undefined ? {} : { rev }), ...(mod === undefined ? {} : { mod }) };
  return { ...asked, ...seen, return: index, returnIndex: index, outcome, output };
}

export interface AppendOptions {
  readonly seed: number;
  readonly clients: number;
  readonly operations: number;
  readonly keys: number;
  /** Whether one get of each key, in the last third, misses the piece that was appended last. */
  readonly isBad: boolean;
}

export function appendHistory({ keys, isBad, ...options }: AppendOptions): Operation[] {
  const spoiled = new Set<string>();
  const late = (2 * options.operations) / 3;
  const lose = ({ id, f, key, output }: Operation): unknown => {
    if (f !== 'get' || id < late || spoiled.has(key!)) return undefined;
    const pieces = String(output).match(/x \d+ \d+ y/g) ?? [];
    if (pieces.length < 3) return undefined;
    spoiled.add(key!);
    // The second piece from the end is lost while a later one is there.
    return [...pieces.slice(0, -2), pieces.at(-1)!].join('');
  };
  return clientHistory({
    ...options,
    subject: kvSubject(),
    request: (random, client, count) => {
      const key = String(Math.floor(random() * keys));
      if (random() < 0.5) return { f: 'get', key, input: null };
      return { f: 'append', key, input: `x ${client} ${count} y` };
    },
    ...(isBad ? { spoil: lose } : {}),
  });
}

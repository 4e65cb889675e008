/**
 * Large histories of registers, valid by construction, with all that makes checking hard: many
 * clients at once, few distinct values, crashed writes, many keys.
 *
 * Clients run in virtual time. Every operation takes effect at an instant between its call and
 * its return, so the instants are a linearization. A bug can then be planted: a read gives an
 * older value of its key (`stale`), or one that nobody wrote (`phantom`), or it is served whole
 * from an older revision (`staleRevision`).
 */

import type { History, Operation, WatchedChange } from '../../src/history';

export interface HardOptions {
  readonly seed: number;
  readonly clients: number;
  readonly operations: number;
  /** Default 1. */
  readonly keys?: number;
  /** Weights of read, write and cas. */
  readonly mix: readonly [number, number, number];
  /** Number of distinct values; 0 makes every written value unique. */
  readonly domain: number;
  /** Share of the writes and cas that crash. Default 0. */
  readonly crash?: number;
  readonly bug?: 'stale' | 'phantom' | 'staleRevision';
}

interface Instant {
  readonly time: number;
  readonly client: number;
  readonly what: 'call' | 'effect' | 'end';
}

interface Draft {
  readonly f: 'read' | 'write' | 'cas';
  readonly key: string;
  readonly input: unknown;
  readonly id: number;
  readonly process: number;
  readonly call: number;
  readonly callIndex: number;
  readonly fate: 'answered' | 'crashedAfter' | 'crashedBefore';
  answer: Pick<Operation, 'outcome' | 'output' | 'rev' | 'mod'> | undefined;
}

/** Mulberry32: small, fast, and the same everywhere. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}

/** A binary heap by time. */
class Agenda {
  private readonly heap: Instant[] = [];

  push(instant: Instant): void {
    const { heap } = this;
    let at = heap.push(instant) - 1;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (heap[parent]!.time <= instant.time) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = instant;
  }

  pop(): Instant | undefined {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.time < heap[child]!.time) child++;
      if (heap[child]!.time >= last.time) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

export function hardHistory(options: HardOptions): History {
  const random = randomFrom(options.seed);
  const [reads, writes, swaps] = options.mix;
  const agenda = new Agenda();
  const drafts: (Draft | undefined)[] = [];
  const processes = Array.from({ length: options.clients }, (_, i) => i);
  const operations: Operation[] = [];
  const cells = new Map<string, { value: unknown; mod: number }>();
  const watch: WatchedChange[] = [];
  let revision = 1;
  let started = 0;
  let events = 0;
  let nextProcess = options.clients;
  const duration = (): number => 1000 + Math.floor(random() * 100_000);
  const pick = (): unknown => Math.floor(random() * options.domain);

  const plan = (client: number, time: number): Draft => {
    const id = started++;
    const key = `k${Math.floor(random() * (options.keys ?? 1))}`;
    const weight = random() * (reads + writes + swaps);
    const f = weight < reads ? 'read' : weight < reads + writes ? 'write' : 'cas';
    const fresh = options.domain === 0 ? id : pick();
    const from = options.domain === 0 ? (cells.get(key)?.value ?? null) : pick();
    const input = f === 'read' ? null : f === 'write' ? fresh : [from, fresh];
    const crashes = f !== 'read' && random() < (options.crash ?? 0);
    const fate = !crashes ? 'answered' : random() < 0.6 ? 'crashedAfter' : 'crashedBefore';
    const process = processes[client]!;
    return { f, key, input, id, process, call: time, callIndex: events++, fate, answer: undefined };
  };

  const take = ({ f, key, input }: Draft): Draft['answer'] => {
    const cell = cells.get(key) ?? { value: null, mod: 0 };
    if (f === 'read') return { outcome: 'ok', output: cell.value, rev: revision, mod: cell.mod };
    const [from, to] = f === 'write' ? [cell.value, input] : (input as [unknown, unknown]);
    if (cell.value !== from)
      return { outcome: 'fail', output: input, rev: revision, mod: undefined };
    cells.set(key, { value: to, mod: ++revision });
    watch.push({ rev: revision, key, value: to });
    return { outcome: 'ok', output: input, rev: revision, mod: undefined };
  };

  const finish = (draft: Draft, client: number, time: number): void => {
    const { f, key, input, id, process, call, callIndex, answer } = draft;
    const asked = { id, process, f, key, input, call, callIndex };
    if (draft.fate === 'answered') {
      const end = { return: time, returnIndex: events++ };
      operations[id] = { ...asked, ...end, ...answer! };
    } else {
      const never = { return: Infinity, returnIndex: Infinity };
      operations[id] = { ...asked, ...never, outcome: 'info', output: undefined };
      processes[client] = nextProcess++;
      events++;
    }
  };

  for (let client = 0; client < options.clients; client++) {
    agenda.push({ time: duration(), client, what: 'call' });
  }
  for (let instant = agenda.pop(); instant !== undefined; instant = agenda.pop()) {
    const { time, client, what } = instant;
    const draft = drafts[client];
    if (what === 'call') {
      if (started >= options.operations) continue;
      drafts[client] = plan(client, time);
      agenda.push({ time: time + duration(), client, what: 'effect' });
    } else if (what === 'effect') {
      if (draft!.fate !== 'crashedBefore') draft!.answer = take(draft!);
      agenda.push({ time: time + duration(), client, what: 'end' });
    } else {
      finish(draft!, client, time);
      agenda.push({ time: time + duration() / 4, client, what: 'call' });
    }
  }
  if (options.bug !== undefined) plant(operations, watch, options.bug, random);
  return { meta: { valid: options.bug === undefined }, operations, faults: [], watch };
}

/** Spoils one read of the last quarter that is able to show the bug. */
function plant(
  operations: Operation[],
  watch: readonly WatchedChange[],
  bug: NonNullable<HardOptions['bug']>,
  random: () => number,
): void {
  const reads = operations.filter(
    ({ f, outcome, mod }) => f === 'read' && outcome === 'ok' && mod! > 0,
  );
  const from = Math.floor(reads.length * (0.75 + random() / 5));
  for (const read of reads.slice(from)) {
    const spoiled = spoil(read, operations, watch, bug);
    if (spoiled === undefined) continue;
    operations[read.id] = { ...read, ...spoiled };
    return;
  }
  throw new Error(`no read of this history can show the bug ${bug}`);
}

/** What the read shows instead; undefined when that might be right after all. */
function spoil(
  read: Operation,
  operations: readonly Operation[],
  watch: readonly WatchedChange[],
  bug: NonNullable<HardOptions['bug']>,
): Partial<Operation> | undefined {
  if (bug === 'phantom') return { output: 1_000_000 + read.id };
  const changes = operations.filter(
    ({ key, f, outcome, call }) =>
      key === read.key && f !== 'read' && outcome !== 'fail' && call < read.return,
  );
  const past = watch.filter(({ rev, key }) => key === read.key && rev < read.mod!);
  for (const { rev, value } of past.slice(-pastMax).reverse()) {
    // Something else must have come after all who wrote the value, and before the read. Of an
    // older revision it is enough that its number is lower.
    let written = -Infinity;
    for (const change of changes) {
      if (valueOf(change) === value) written = Math.max(written, change.return);
    }
    const isReplaced = changes.some(
      (change) =>
        change.outcome === 'ok' &&
        change.return < read.call &&
        (bug === 'staleRevision' ? change.rev! > rev : change.call > written),
    );
    if (!isReplaced) continue;
    const header = bug === 'stale' ? read.rev : rev;
    return { output: value, mod: rev, rev: header };
  }
  return undefined;
}

/** Older values looked at for each read. */
const pastMax = 200;

function valueOf({ f, input }: Operation): unknown {
  return f === 'cas' ? (input as readonly unknown[])[1] : input;
}

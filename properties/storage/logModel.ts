/**
 * What a log store should hold, as plain immutable values, and how to compare it with a real one.
 * Each change makes a new state; the states since the last finished sync are what a power failure
 * may leave behind, whole or not at all.
 */
import type { Entry, HardState, SnapshotMetadata } from '../../src/raft/types';
import type { LogStore, LogWork } from '../../src/storage/logStore';

export interface ModelLog {
  readonly hard: HardState;
  readonly baseIndex: number;
  readonly baseTerm: number;
  readonly snapshot: SnapshotMetadata;
  /** Behind the base, contiguous. */
  readonly entries: readonly Entry[];
}

export function modelLast(model: ModelLog): number {
  return model.baseIndex + model.entries.length;
}

export function modelTerm(model: ModelLog, index: number): number | undefined {
  if (index === model.baseIndex) return model.baseTerm;
  return model.entries[index - model.baseIndex - 1]?.term;
}

export function modelAppend(model: ModelLog, work: LogWork): ModelLog {
  let next = model;
  if (work.snapshot) {
    const { index, term } = work.snapshot;
    next = { ...next, baseIndex: index, baseTerm: term, snapshot: work.snapshot, entries: [] };
  }
  if (work.hard) next = { ...next, hard: work.hard };
  const first = work.entries?.[0];
  if (first !== undefined) {
    const kept = next.entries.filter((entry) => entry.index < first.index);
    next = { ...next, entries: kept.concat(work.entries!) };
  }
  return next;
}

export function modelCompact(model: ModelLog, index: number): ModelLog {
  const target = Math.min(index, model.snapshot.index);
  if (target <= model.baseIndex) return model;
  return {
    ...model,
    baseIndex: target,
    baseTerm: modelTerm(model, target)!,
    entries: model.entries.filter((entry) => entry.index > target),
  };
}

/** The whole content of a store, read through its public face. */
export function contentOf(store: LogStore): ModelLog {
  const first = store.firstIndex();
  const last = store.lastIndex();
  const { hard, conf } = store.initialState();
  return {
    hard,
    baseIndex: first - 1,
    baseTerm: store.term(first - 1)!,
    snapshot: store.snapshot() ?? { index: 0, term: 0, conf },
    entries: store.entries(first, last + 1, Infinity)!,
  };
}

const descriptions = new WeakMap<object, string>();

/** Values are immutable, so each is rendered once. */
function once<T extends object>(value: T, render: (value: T) => string): string {
  let text = descriptions.get(value);
  if (text === undefined) descriptions.set(value, (text = render(value)));
  return text;
}

/** One line per state, for comparing and for the reader of a failure. */
export function describeLog(model: ModelLog): string {
  return once(model, ({ hard, baseIndex, baseTerm, snapshot, entries }) =>
    [
      `hard ${hard.term}/${hard.vote}/${hard.commit}`,
      `base ${baseIndex}/${baseTerm}`,
      `snapshot ${snapshot.index}/${snapshot.term} ${JSON.stringify(snapshot.conf)}`,
      `entries ${describeEntries(entries)}`,
    ].join('; '),
  );
}

/** Compared as text: matchers take milliseconds for a few thousand bytes. */
export function describeEntries(entries: readonly Entry[]): string {
  return entries.map((entry) => once(entry, describeEntry)).join(' ');
}

function describeEntry({ index, term, type, data }: Entry): string {
  let digest = 7;
  for (let i = 0; i < data.length; i++) digest = (Math.imul(digest, 31) + data[i]!) >>> 0;
  return `${index}/${term}/${type}/${data.length}:${digest}`;
}

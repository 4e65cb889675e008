/**
 * The native format: one JSON object a line, read and written as a stream.
 *
 * Lines: `{"meta":{...}}` first, then events, fault records, `{"watch":[[rev,key,value],...]}` and
 * `{"watcher":{name,request,responses}}` in any mixture. A further meta line begins another
 * history, on its own clock and with ids of its own. A line is complete when its newline is
 * there: an unreadable rest behind the last newline is what a killed run leaves and is reported as
 * `torn`; an unreadable line anywhere else is damage and an error, because guessing would change
 * the verdict.
 */

import { damagedLine } from './errors';
import { LineSplitter } from './lines';
import { Pairing } from './pairing';
import type {
  FaultPhase,
  FaultRecord,
  History,
  HistoryEvent,
  HistoryMeta,
  Operation,
  Outcome,
  TornLine,
  WatchedChange,
} from './types';
import type { WatchLog } from './watches';

export function encodeMeta(meta: HistoryMeta): string {
  return `${JSON.stringify({ meta })}\n`;
}

export function encodeEvent(event: HistoryEvent): string {
  return `${JSON.stringify({
    id: event.id,
    process: event.process,
    type: event.type,
    f: event.f,
    key: event.key,
    value: event.value,
    time: event.time,
    rev: event.rev,
    mod: event.mod,
    error: event.error,
    member: event.member,
  })}\n`;
}

export function encodeFault(record: FaultRecord): string {
  const { fault, phase, targets, time, detail } = record;
  return `${JSON.stringify({ fault, phase, targets, time, detail })}\n`;
}

export function encodeWatch(changes: readonly WatchedChange[]): string {
  const rows = changes.map((change) => [change.rev, change.key, change.value]);
  return `${JSON.stringify({ watch: rows })}\n`;
}

export function encodeWatchLog(log: WatchLog): string {
  return `${JSON.stringify({ watcher: log })}\n`;
}

/** The events of operations in the order they happened. */
export function eventsOf(operations: readonly Operation[]): HistoryEvent[] {
  const events: (HistoryEvent & { readonly index: number })[] = [];
  for (const operation of operations) {
    const { id, process, f, key } = operation;
    const place = key === undefined ? { id, process, f } : { id, process, f, key };
    const callIndex = operation.callIndex ?? -1;
    const value = operation.input;
    events.push({ ...place, type: 'invoke', value, time: operation.call, index: callIndex });
    if (operation.outcome === 'info') {
      const { error } = operation;
      if (error !== undefined) {
        const time = operation.call;
        events.push({ ...place, type: 'info', time, error, index: callIndex + 0.5 });
      }
      continue;
    }
    events.push({
      ...place,
      type: operation.outcome,
      value: operation.output,
      time: operation.return,
      ...(operation.rev === undefined ? {} : { rev: operation.rev }),
      ...(operation.mod === undefined ? {} : { mod: operation.mod }),
      ...(operation.error === undefined ? {} : { error: operation.error }),
      ...(operation.member === undefined ? {} : { member: operation.member }),
      index: operation.returnIndex ?? Infinity,
    });
  }
  // The sort is stable, so without positions an operation keeps its call before its return.
  events.sort((a, b) => a.time - b.time || compare(a.index, b.index));
  return events;
}

function compare(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** The lines of a whole history, ready to be written one after the other. */
export function* encodeHistory(history: History): Generator<string> {
  yield encodeMeta(history.meta);
  const events = eventsOf(history.operations);
  let next = 0;
  for (const fault of [...history.faults].sort((a, b) => a.time - b.time)) {
    while (next < events.length && events[next]!.time <= fault.time) {
      yield encodeEvent(events[next++]!);
    }
    yield encodeFault(fault);
  }
  while (next < events.length) yield encodeEvent(events[next++]!);
  if (history.watch !== undefined) yield encodeWatch(history.watch);
  for (const log of history.watches ?? []) yield encodeWatchLog(log);
}

type Fields = Record<string, unknown>;

/** Reads chunks of text as they come; `end` gives the history. */
export class JsonlReader {
  private readonly sections: History[] = [];
  private pairing = new Pairing();
  private faults: FaultRecord[] = [];
  private watched: WatchedChange[] = [];
  private meta: HistoryMeta | undefined;
  private watches: WatchLog[] = [];
  private hasWatch = false;
  private readonly lines = new LineSplitter((text) => this.readLine(text));

  /** `file` is the name that errors give. */
  constructor(private readonly file: string) {}

  push(chunk: string): void {
    this.lines.push(chunk);
  }

  end(): History {
    let torn: TornLine | undefined;
    const rest = this.lines.end();
    if (rest !== '') {
      if (parseJson(rest) === undefined) torn = { line: this.lines.line, text: rest };
      else this.readLine(rest);
    }
    const last = this.finishSection();
    const whole = this.sections.length === 0 ? last : joined([...this.sections, last]);
    return torn === undefined ? whole : { ...whole, torn };
  }

  private finishSection(): History {
    const section: History = {
      meta: this.meta ?? {},
      operations: this.pairing.finish(),
      faults: this.faults,
      ...(this.hasWatch ? { watch: this.watched } : {}),
      ...(this.watches.length > 0 ? { watches: this.watches } : {}),
    };
    this.pairing = new Pairing();
    this.faults = [];
    this.watched = [];
    this.watches = [];
    this.hasWatch = false;
    return section;
  }

  private readMeta(meta: HistoryMeta): void {
    if (this.meta !== undefined) this.sections.push(this.finishSection());
    this.meta = meta;
  }

  private readLine(text: string): void {
    if (text.trim() === '') return;
    const fields = parseJson(text);
    try {
      if (fields === undefined) throw new Error('is no JSON object');
      this.readFields(fields);
    } catch (error) {
      throw damagedLine({ file: this.file, line: this.lines.line }, text, (error as Error).message);
    }
  }

  private readFields(fields: Fields): void {
    if (fields['type'] !== undefined) this.pairing.add(eventFrom(fields));
    else if (fields['meta'] !== undefined) this.readMeta(fields['meta'] as HistoryMeta);
    else if (fields['fault'] !== undefined) this.faults.push(faultFrom(fields));
    else if (fields['watch'] !== undefined) this.readWatch(fields['watch']);
    else if (fields['watcher'] !== undefined) this.watches.push(watcherFrom(fields['watcher']));
    else throw new Error('is no event, fault, watch, watcher or meta line');
  }

  private readWatch(rows: unknown): void {
    if (!Array.isArray(rows)) throw new Error('"watch" is no list');
    this.hasWatch = true;
    for (const row of rows as unknown[]) {
      if (!Array.isArray(row) || !Number.isSafeInteger(row[0]) || typeof row[1] !== 'string') {
        throw new Error(`a watched change is no [revision, key, value]: ${JSON.stringify(row)}`);
      }
      this.watched.push({ rev: row[0] as number, key: row[1], value: (row as unknown[])[2] });
    }
  }
}

function joined(sections: readonly History[]): History {
  return {
    meta: {},
    operations: sections.flatMap(({ operations }) => operations),
    faults: sections.flatMap(({ faults }) => faults),
    sections,
  };
}

function parseJson(text: string): Fields | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
    return isObject ? (parsed as Fields) : undefined;
  } catch {
    return undefined;
  }
}

function eventFrom(fields: Fields): HistoryEvent {
  const { id, process, type, f, key, time, rev, mod, error, member } = fields;
  if (!Number.isSafeInteger(id)) throw new Error('"id" is no integer');
  if (!Number.isSafeInteger(process)) throw new Error('"process" is no integer');
  if (!isEventType(type)) throw new Error('"type" is none of invoke, ok, fail, info');
  if (typeof f !== 'string') throw new Error('"f" is no string');
  if (!isOptional(key, 'string')) throw new Error('"key" is no string');
  if (!Number.isFinite(time)) throw new Error('"time" is no number');
  if (!isOptional(rev, 'number')) throw new Error('"rev" is no number');
  if (!isOptional(mod, 'number')) throw new Error('"mod" is no number');
  if (!isOptional(error, 'string')) throw new Error('"error" is no string');
  if (!isOptional(member, 'string')) throw new Error('"member" is no string');
  return fields as unknown as HistoryEvent;
}

function isOptional(value: unknown, type: 'string' | 'number'): boolean {
  return value === undefined || typeof value === type;
}

function isEventType(type: unknown): type is 'invoke' | Outcome {
  return type === 'invoke' || type === 'ok' || type === 'fail' || type === 'info';
}

function watcherFrom(value: unknown): WatchLog {
  const { name, request, responses } = (value ?? {}) as Partial<WatchLog>;
  if (typeof name !== 'string') throw new Error('"name" of the watcher is no string');
  if (typeof request?.key !== 'string') throw new Error('"request" of the watcher has no key');
  if (!Array.isArray(responses)) throw new Error('"responses" of the watcher is no list');
  for (const response of responses as Partial<WatchLog['responses'][number]>[]) {
    const isEvents = Array.isArray(response?.events) && response.events.every(isWatchEvent);
    if (!isEvents) throw new Error(`a response has no list of events: ${JSON.stringify(response)}`);
  }
  return value as WatchLog;
}

function isWatchEvent(event: unknown): boolean {
  const { type, key, rev } = (event ?? {}) as Fields;
  return /^(?:put|delete)$/.test(String(type)) && typeof key === 'string' && Number.isFinite(rev);
}

const faultPhases: readonly unknown[] = ['inject', 'injected', 'heal', 'healed', 'failed'];

function faultFrom(fields: Fields): FaultRecord {
  const { fault, phase, targets, time, detail } = fields;
  if (typeof fault !== 'string') throw new Error('"fault" is no string');
  if (!faultPhases.includes(phase)) {
    throw new Error(`"phase" is none of ${faultPhases.join(', ')}`);
  }
  if (!Array.isArray(targets) || !targets.every((target) => typeof target === 'string')) {
    throw new Error('"targets" is no list of names');
  }
  if (typeof time !== 'number') throw new Error('"time" is no number');
  const record = { fault, phase: phase as FaultPhase, targets, time };
  return detail === undefined ? record : { ...record, detail };
}

/**
 * The rules of etcd watches, each against the full history of the store.
 *
 * Nine are those that etcd's own robustness suite validates: filter, ordered, unique, atomic,
 * bookmarkable, resumable, is-create, reliable, previous value. Three more follow from the API: no
 * event from the future of its response, none from below the revision that was compacted, and
 * nothing behind the end of a watch.
 * The first violation of each rule is kept; a watch that delivered nothing counts for none.
 */

import { covers } from '../../src/history';
import type { WatchEvent, WatchLog, WatchResponse } from '../../src/history';
import type { Replay, ReplayedEvent } from './replay';
import { ruleResult } from './rule';
import type { Rule, RuleResult, Violation } from './rule';
import { describeWatch } from './watchLines';

export interface WatchRuleOptions {
  /** Whether no revision changes more than one key, as in Kubernetes. Default false. */
  readonly expectUniqueRevisions?: boolean;
  /** Whether nothing was compacted, so that every previous value can be told. Default false. */
  readonly expectPreviousValues?: boolean;
}

type Check = (log: WatchLog, context: Context) => string | undefined;

interface Context {
  readonly replay: Replay | undefined;
  readonly options: WatchRuleOptions;
}

interface WatchRule extends Rule {
  readonly check: Check;
  /** Whether it needs the full history. */
  readonly needsReplay: boolean;
}

function* eventsOf(log: WatchLog): Generator<WatchEvent> {
  for (const { events } of log.responses) yield* events;
}

/** The first event that a sentence is about. */
function firstOf(log: WatchLog, sentence: (event: WatchEvent) => string | undefined) {
  for (const event of eventsOf(log)) {
    const message = sentence(event);
    if (message !== undefined) return message;
  }
  return undefined;
}

function name({ type, key, rev }: Pick<WatchEvent, 'type' | 'key' | 'rev'>): string {
  return `the ${type} of ${key} at revision ${rev}`;
}

function wants({ request }: WatchLog, event: Pick<WatchEvent, 'type' | 'key'>): boolean {
  return covers(request, event.key) && !(request.filters ?? []).includes(`no${event.type}`);
}

const filter: Check = (log) =>
  firstOf(log, (event) => (wants(log, event) ? undefined : `${name(event)} was not asked for`));

const ordered: Check = (log) => {
  let last = 1;
  return firstOf(log, (event) => {
    if (event.rev < last) return `${name(event)} came after one at revision ${last}`;
    last = event.rev;
    return undefined;
  });
};

const unique: Check = (log, { options }) => {
  const seen = new Set<string>();
  return firstOf(log, ({ rev, key, type }) => {
    const identity = options.expectUniqueRevisions === true ? `${rev}` : `${rev} ${key}`;
    if (!seen.has(identity)) {
      seen.add(identity);
      return undefined;
    }
    return options.expectUniqueRevisions === true
      ? `revision ${rev} came twice, the second time with ${key}`
      : `${name({ type, key, rev })} came twice`;
  });
};

const atomic: Check = (log) => {
  let before: WatchResponse | undefined;
  for (const response of log.responses) {
    const [first] = response.events;
    const last = before?.events.at(-1);
    const isContinued = before?.isFragment === true;
    if (!isContinued && first !== undefined && last !== undefined && first.rev === last.rev) {
      return `the events of revision ${first.rev} came in two responses`;
    }
    if (first !== undefined) before = response;
  }
  return undefined;
};

const bookmarkable: Check = (log) => {
  let notified = 0;
  let delivered = 0;
  for (const { rev, events, isProgress } of log.responses) {
    for (const event of events) {
      if (event.rev <= notified) {
        return `${name(event)} came after a notification of progress at revision ${notified}`;
      }
      delivered = Math.max(delivered, event.rev);
    }
    if (isProgress !== true) continue;
    if (rev < notified) return `progress went back from revision ${notified} to ${rev}`;
    if (rev < delivered) {
      return `progress was notified at revision ${rev} after an event at revision ${delivered}`;
    }
    notified = rev;
  }
  return undefined;
};

/** The revision a watch starts at; undefined when it starts "now", which nobody recorded. */
function startOf({ request }: WatchLog): number | undefined {
  return (request.revision ?? 0) > 0 ? request.revision : undefined;
}

/**
 * From which revision on everything must come: what was asked for, else what follows the creation;
 * an event from before the creation is no fault of a watch from "now", but nothing between is lost.
 */
function dueFrom(log: WatchLog): number | undefined {
  const first = (eventsOf(log).next().value as WatchEvent | undefined)?.rev;
  if (startOf(log) !== undefined) return startOf(log);
  if (log.created === undefined) return first;
  return Math.min(first ?? Infinity, log.created + 1);
}

/** What a watch should have shown by a revision and has not. */
export function missedBy(
  log: WatchLog,
  replay: Replay,
  revision: number,
): readonly ReplayedEvent[] {
  const start = dueFrom(log);
  if (start === undefined) return [];
  const seen = new Set([...eventsOf(log)].map(({ rev, key }) => `${rev} ${key}`));
  return due(log, replay, start, revision).filter(({ rev, key }) => !seen.has(`${rev} ${key}`));
}

/** The last revision up to which everything must have been delivered. */
function deliveredUpTo(log: WatchLog): number {
  let last = 0;
  for (const { rev, events, isProgress } of log.responses) {
    if (isProgress === true) last = Math.max(last, rev);
    for (const event of events) last = Math.max(last, event.rev);
  }
  return last;
}

/** The events a watch is due up to a revision, the ones it does not want left out. */
function due(log: WatchLog, replay: Replay, from: number, upTo: number): readonly ReplayedEvent[] {
  const events: ReplayedEvent[] = [];
  for (let i = replay.firstFrom(from); i < replay.events.length; i++) {
    const event = replay.events[i]!;
    if (event.rev > upTo) break;
    if (wants(log, event)) events.push(event);
  }
  return events;
}

const resumable: Check = (log, { replay }) => {
  const start = startOf(log);
  const first = eventsOf(log).next().value as WatchEvent | undefined;
  if (start === undefined || first === undefined) return undefined;
  const expected = due(log, replay!, start, replay!.revision)[0];
  if (expected === undefined) return `${name(first)} is not in the full history`;
  if (expected.rev === first.rev && expected.key === first.key) return undefined;
  return `a watch from revision ${start} began with ${name(first)}, not with ${name(expected)}`;
};

const isCreate: Check = (log, { replay }) =>
  firstOf(log, (event) => {
    if (event.isCreate === undefined || event.type === 'delete') return undefined;
    const before = replay!.at(event.key, event.rev - 1);
    if (event.isCreate === (before === undefined)) return undefined;
    return event.isCreate
      ? `${name(event)} says it created the key, which existed since revision ${before!.create}`
      : `${name(event)} does not say that it created the key, which was missing`;
  });

const reliable: Check = (log, { replay }) => {
  const delivered = [...eventsOf(log)];
  const start = dueFrom(log);
  if (start === undefined) return undefined;
  const expected = due(log, replay!, start, deliveredUpTo(log));
  for (let i = 0; i < Math.max(expected.length, delivered.length); i++) {
    const [want, got] = [expected[i], delivered[i]];
    if (got === undefined) return `${name(want!)} was never delivered`;
    if (want === undefined) return `${name(got)} is not in the full history`;
    if (want.rev !== got.rev || want.key !== got.key || want.type !== got.type) {
      const isMissing = want.rev < got.rev || (want.rev === got.rev && want.key !== got.key);
      return isMissing
        ? `${name(want)} is missing before ${name(got)}`
        : `${name(got)} is not in the full history`;
    }
    const wrong = got.type === 'put' ? wrongField(want, got, replay!) : undefined;
    if (wrong !== undefined) return wrong;
  }
  return undefined;
};

function wrongField(want: ReplayedEvent, got: WatchEvent, replay: Replay): string | undefined {
  if (got.value !== undefined && got.value !== want.value) {
    return `${name(got)} has the value ${show(got.value)}, not ${show(want.value)}`;
  }
  const after = replay.at(got.key, got.rev)!;
  for (const field of ['version', 'create'] as const) {
    if (got[field] === undefined || got[field] === after[field]) continue;
    return `${name(got)} has ${show(got[field])} as ${field}, not ${show(after[field])}`;
  }
  return undefined;
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? 'none';
}

const previous: Check = (log, { replay, options }) =>
  firstOf(log, (event) => {
    const { prev, key, rev } = event;
    const before = replay!.at(key, rev - 1);
    if (prev === undefined) {
      const isDue = options.expectPreviousValues === true && log.request.prevKv === true;
      if (!isDue || before === undefined) return undefined;
      const was = show(before.value);
      return `${name(event)} lacks the previous value, which was asked for and is ${was}`;
    }
    if (before === undefined) {
      return `${name(event)} has the previous value ${show(prev.value)} of a key that was missing`;
    }
    for (const field of ['value', 'mod', 'version'] as const) {
      if (prev[field] === undefined || prev[field] === before[field]) continue;
      const [given, held] = [show(prev[field]), show(before[field])];
      return `${name(event)} has ${given} as ${field} of the previous value, which was ${held}`;
    }
    return undefined;
  });

const notFuture: Check = (log) => {
  for (const { rev, events } of log.responses) {
    const ahead = events.find((event) => rev > 0 && event.rev > rev);
    if (ahead !== undefined) return `${name(ahead)} came in a response of revision ${rev}`;
  }
  return firstOf(log, (event) => {
    const start = startOf(log);
    if (start === undefined || event.rev >= start) return undefined;
    return `${name(event)} came to a watch from revision ${start}`;
  });
};

const notCompacted: Check = (log) => {
  let compacted = 0;
  for (const response of log.responses) {
    for (const event of response.events) {
      if (event.rev < compacted) {
        return `${name(event)} was delivered after revision ${compacted} had been compacted`;
      }
    }
    compacted = Math.max(compacted, response.compacted ?? 0);
    const start = startOf(log);
    if (response.isCanceled === true && start !== undefined && (response.compacted ?? 0) > 0) {
      if (start >= response.compacted!) {
        return (
          `a watch from revision ${start} was canceled because of compaction ` +
          `at ${response.compacted}, which leaves it readable`
        );
      }
    }
  }
  return undefined;
};

const ended: Check = (log) => {
  let isOver = false;
  for (const { events, isCanceled } of log.responses) {
    if (isOver && events.length > 0) return `${name(events[0]!)} came after the watch had ended`;
    isOver ||= isCanceled === true;
  }
  return undefined;
};

const rules: readonly WatchRule[] = [
  ['filter', 'A watch delivers only the keys and kinds of events it asked for', filter],
  ['ordered', 'The revisions of the events of a watch never go back', ordered],
  ['unique', 'No event is delivered twice', unique],
  ['atomic', 'The events of a revision come in one response', atomic],
  ['bookmarkable', 'After a notification of progress only newer events come', bookmarkable],
  ['resumable', 'A watch begins with the first event from its start revision on', resumable, true],
  ['is-create', 'An event says that it created its key exactly when it did', isCreate, true],
  ['reliable', 'A watch misses no event and makes none up', reliable, true],
  ['prev-kv', 'The previous value of an event is what the key held before it', previous, true],
  ['not-future', 'No event is newer than its response or older than was asked for', notFuture],
  [
    'compacted',
    'Only a watch from a compacted revision is refused, and gets no events',
    notCompacted,
  ],
  ['ended', 'Nothing comes after the end of a watch', ended],
].map(([rule, promise, check, needsReplay = false]) => ({
  rule: `watch-${rule as string}`,
  promise: promise as string,
  check: check as Check,
  needsReplay: needsReplay as boolean,
}));

/** All rules over all watches, one result a rule. */
export function checkWatches(
  logs: readonly WatchLog[],
  replay: Replay | undefined,
  options: WatchRuleOptions = {},
): readonly RuleResult[] {
  const context = { replay, options };
  const events = logs.reduce((sum, log) => sum + [...eventsOf(log)].length, 0);
  const answers = logs.reduce((sum, { responses }) => sum + responses.length, 0);
  return rules.map((rule) => {
    if (rule.needsReplay && replay === undefined) {
      return ruleResult(rule, 0, undefined, 'no watch saw the full history');
    }
    const violation = firstViolation(logs, rule.check, context);
    return ruleResult(rule, Math.max(events, answers), violation, 'no watch delivered anything');
  });
}

function firstViolation(
  logs: readonly WatchLog[],
  check: Check,
  context: Context,
): Violation | undefined {
  for (const log of logs) {
    if (check(log, context) === undefined) continue;
    const shortest = shortestBroken(log, check, context);
    const place = log.member === undefined ? '' : ` at ${log.member}`;
    const message = `watch ${log.name}${place}: ${check(shortest, context)}`;
    return { message, operations: [], lines: describeWatch(shortest) };
  }
  return undefined;
}

/** The watch up to the first response that breaks the rule. */
function shortestBroken(log: WatchLog, check: Check, context: Context): WatchLog {
  for (let count = 1; count < log.responses.length; count++) {
    const start = { ...log, responses: log.responses.slice(0, count) };
    if (check(start, context) !== undefined) return start;
  }
  return log;
}

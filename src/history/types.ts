/**
 * What was invoked, what was returned and which faults were injected: the middle of the suite.
 *
 * Everything that runs a workload writes these events; every checker and every report reads the
 * paired form. An event file is JSONL in real-time order: the order of the lines is the order of
 * time, and `id` pairs an invocation with its completion. Operations carry the position of both
 * events, which settles who came first when two events have the same time stamp.
 */

import type { WatchLog } from './watches';

/** `info`: nobody knows whether the operation took effect, now or ever. */
export type Outcome = 'ok' | 'fail' | 'info';

export type EventType = 'invoke' | Outcome;

/** One line of a history: an invocation or its completion. */
export interface HistoryEvent {
  readonly id: number;
  /** A logical client; it has at most one operation open at a time. */
  readonly process: number;
  readonly type: EventType;
  /** What was asked: `read`, `write`, `cas`, `put`, `txn`, ... as the model names it. */
  readonly f: string;
  readonly key?: string;
  readonly value?: unknown;
  /** Nanoseconds on a monotonic clock; the zero is the run's own. */
  readonly time: number;
  /** Revision of the store in the header of the response. */
  readonly rev?: number;
  /** Revision at which the key that was read was last modified; 0 for a missing key. */
  readonly mod?: number;
  /** Why it failed or is unknown. A `fail` with an error was refused and observed nothing. */
  readonly error?: string;
  /** The member that was asked or that answered. */
  readonly member?: string;
}

/** `inject` and `heal` are the orders, `injected` and `healed` the facts. */
export type FaultPhase = 'inject' | 'injected' | 'heal' | 'healed' | 'failed';

export interface FaultRecord {
  readonly fault: string;
  readonly phase: FaultPhase;
  /** The members it hits. */
  readonly targets: readonly string[];
  readonly time: number;
  readonly detail?: unknown;
}

/** First line of a history file. Fields beyond these are kept as they are. */
export interface HistoryMeta {
  readonly name?: string;
  /** Name of the model the workload was made for. */
  readonly model?: string;
  readonly [field: string]: unknown;
}

/** One change as a watcher saw it; `null` is a deletion. */
export interface WatchedChange {
  readonly rev: number;
  readonly key: string;
  readonly value: unknown;
}

/** An invocation with its completion. */
export interface Operation {
  readonly id: number;
  readonly process: number;
  readonly f: string;
  readonly key: string | undefined;
  /** Value of the invocation. */
  readonly input: unknown;
  /** Value of the completion; undefined when the outcome is `info`. */
  readonly output: unknown;
  /** Time of the invocation in nanoseconds. */
  readonly call: number;
  /** Time of the completion; Infinity when the outcome is `info`. */
  readonly return: number;
  readonly outcome: Outcome;
  readonly rev?: number | undefined;
  readonly mod?: number | undefined;
  readonly error?: string | undefined;
  readonly member?: string | undefined;
  /**
   * Positions of the two events among all events. They order events of equal time; without them
   * equal times count as overlapping, which never raises a false alarm.
   */
  readonly callIndex?: number | undefined;
  readonly returnIndex?: number | undefined;
}

/** A text that ended in the middle of a line: what a killed run leaves. */
export interface TornLine {
  readonly line: number;
  readonly text: string;
}

export interface History {
  readonly meta: HistoryMeta;
  /** In the order of their invocations. */
  readonly operations: readonly Operation[];
  readonly faults: readonly FaultRecord[];
  /** The changes a watch from the first revision saw, if the run kept one, by revision. */
  readonly watch?: readonly WatchedChange[];
  /** What single watches delivered, if the run kept it. */
  readonly watches?: readonly WatchLog[];
  readonly torn?: TornLine;
  /**
   * Present when a file held several histories, each behind a meta line of its own: a run of
   * several workloads. They have nothing to do with each other; `operations` has all of them.
   */
  readonly sections?: readonly History[];
}

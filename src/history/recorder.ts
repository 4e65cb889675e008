/**
 * Records what a workload did, one line an event, as it happens.
 *
 * Invariant: every event reaches the sink before the call that recorded it returns, so a run that
 * is killed leaves all of its history but perhaps the last line. The recorder also keeps the
 * events for checking without a file. It knows neither clock nor file: both are handed in.
 */

import { HistoryError } from './errors';
import { encodeEvent, encodeFault, encodeMeta, encodeWatch, encodeWatchLog } from './jsonl';
import { Pairing } from './pairing';
import type {
  FaultPhase,
  FaultRecord,
  History,
  HistoryMeta,
  Outcome,
  WatchedChange,
} from './types';
import type { WatchLog } from './watches';

/** Where the lines go; each call gets one whole line with its newline. */
export interface HistorySink {
  write(line: string): unknown;
}

export interface HistoryRecorderOptions {
  /** Nanoseconds, monotonic. A clock that goes back is held at the latest time it gave. */
  readonly clock: () => number;
  /** Default: none, the events are kept in memory only. */
  readonly sink?: HistorySink;
  /** Written as the first line. Default: empty. */
  readonly meta?: HistoryMeta;
  /** Events kept in memory; the sink gets all of them. Default 4 000 000 (about 2 GiB). */
  readonly eventsKeptMax?: number;
}

export interface Invocation {
  readonly process: number;
  readonly f: string;
  readonly key?: string;
  readonly value?: unknown;
  readonly member?: string;
}

export interface RecordedCompletion {
  readonly type: Outcome;
  readonly value?: unknown;
  readonly rev?: number;
  readonly mod?: number;
  readonly error?: string;
  readonly member?: string;
}

export interface RecordedFault {
  readonly fault: string;
  readonly phase: FaultPhase;
  readonly targets: readonly string[];
  readonly detail?: unknown;
}

interface OpenOperation {
  readonly process: number;
  readonly f: string;
  readonly key: string | undefined;
}

const eventsKeptMaxDefault = 4_000_000;

export class HistoryRecorder {
  private readonly meta: HistoryMeta;
  private readonly sink: HistorySink | undefined;
  private readonly clock: () => number;
  private readonly eventsKeptMax: number;
  private readonly pairing = new Pairing();
  private readonly faults: FaultRecord[] = [];
  private readonly watched: WatchedChange[] = [];
  private readonly watches: WatchLog[] = [];
  private readonly open = new Map<number, OpenOperation>();
  private nextId = 0;
  private lastTime = 0;
  private closed = false;

  constructor(options: HistoryRecorderOptions) {
    this.clock = options.clock;
    this.sink = options.sink;
    this.meta = options.meta ?? {};
    this.eventsKeptMax = options.eventsKeptMax ?? eventsKeptMaxDefault;
    this.sink?.write(encodeMeta(this.meta));
  }

  /** Number of operations invoked but not completed. */
  get openCount(): number {
    return this.open.size;
  }

  /** Records an invocation and returns the id that its completion must name. */
  invoke(invocation: Invocation): number {
    if (this.closed) throw new HistoryError('misuse', 'an invocation after the recorder closed');
    const id = this.nextId++;
    const event = { id, type: 'invoke' as const, time: this.now(), ...invocation };
    this.open.set(id, {
      process: invocation.process,
      f: invocation.f,
      key: invocation.key,
    });
    this.sink?.write(encodeEvent(event));
    if (this.keeps()) this.pairing.invoke(event);
    return id;
  }

  /**
   * Records how an operation ended. A completion after `close` is dropped: the run is over and
   * the operation counts as unknown, which is always true of it.
   */
  complete(id: number, completion: RecordedCompletion): void {
    if (this.closed) return;
    const open = this.open.get(id);
    if (open === undefined) {
      throw new HistoryError('misuse', `operation ${id} completes without being open`);
    }
    this.open.delete(id);
    const time = this.now();
    const { process, f, key } = open;
    const place = key === undefined ? { process, f } : { process, f, key };
    this.sink?.write(encodeEvent({ id, time, ...place, ...completion }));
    if (this.keeps()) this.pairing.complete(id, time, completion);
  }

  fault(fault: RecordedFault): void {
    if (this.closed) return;
    const record: FaultRecord = { ...fault, time: this.now() };
    this.sink?.write(encodeFault(record));
    this.faults.push(record);
  }

  /**
   * Records changes a watcher saw. They must be all changes since the first revision, in order
   * and without gaps over the whole run: checkers conclude from absence.
   */
  watch(changes: readonly WatchedChange[]): void {
    if (this.closed || changes.length === 0) return;
    this.sink?.write(encodeWatch(changes));
    for (const change of changes) this.watched.push(change);
  }

  /** Records what one watch delivered, when nothing more can come of it. */
  watcher(log: WatchLog): void {
    if (this.closed) return;
    this.sink?.write(encodeWatchLog(log));
    this.watches.push(log);
  }

  /** Ends the recording: operations still open stay unknown. */
  close(): void {
    this.closed = true;
  }

  /** What was recorded so far, ready for a checker. Throws when it was too much to keep. */
  history(): History {
    if (this.pairing.events >= this.eventsKeptMax) {
      throw new HistoryError(
        'limit',
        `more than ${this.eventsKeptMax} events: only the sink has the whole history`,
      );
    }
    const history: History = {
      meta: this.meta,
      operations: this.pairing.operations(),
      faults: [...this.faults],
    };
    return {
      ...history,
      ...(this.watched.length > 0 ? { watch: [...this.watched] } : {}),
      ...(this.watches.length > 0 ? { watches: [...this.watches] } : {}),
    };
  }

  private keeps(): boolean {
    return this.pairing.events < this.eventsKeptMax;
  }

  private now(): number {
    const time = Math.round(this.clock());
    if (time > this.lastTime) this.lastTime = time;
    return this.lastTime;
  }
}

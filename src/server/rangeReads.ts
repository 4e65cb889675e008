/**
 * Large ranges, a part of one in each turn of the event loop, so that heartbeats and everybody
 * else's requests go on however many keys somebody counts.
 *
 * Most ranges are answered at once and never get here twice. Of the others only a few are read at
 * a time, in turn: each holds a view of the store, and the engine has room for so many. The rest
 * waits without one, and reads the state as it is when its time comes. A range that nobody waits
 * for any more is not read on.
 */
import type { KeySink, RangeReading, RangeRequest, RangeResult, Revision, ScanBudget } from '../kv';
import { NotServed } from './notServed';

/** A few milliseconds on a slow machine. */
const PART: ScanBudget = { entries: 2000, bytes: 2 * 2 ** 20 };
/** Of the engine's 64 readers. */
const VIEWS_MAX = 4;
/** Each costs its request in memory, and all of them wait for the ones before. */
const WAITING_MAX = 1000;

export interface RangeOutcome {
  /** What the answer was made at. */
  readonly revision: Revision;
  readonly result: RangeResult;
}

/** A refusal of the state machine is thrown by `startRange` and handed on as it is. */
type Done = (outcome: RangeOutcome | Error) => void;

/** Who asks, besides being called back. */
export interface RangeReader {
  /** Whether anybody still waits for the answer. Default: somebody does. */
  readonly isWanted?: () => boolean;
  /** Takes the keys of the answer. Default: they are in the result. */
  readonly sink?: KeySink;
}

interface Waiting extends RangeReader {
  readonly request: RangeRequest;
  readonly done: Done;
}

interface Active {
  readonly reading: RangeReading;
  readonly done: Done;
  readonly isWanted: () => boolean;
}

const always = (): boolean => true;

export interface RangeReadsConfig {
  readonly start: (request: RangeRequest, sink: KeySink | undefined) => RangeReading;
  /** Runs its argument in another turn. */
  readonly defer: (run: () => void) => void;
  readonly part?: ScanBudget;
}

export class RangeReads {
  private readonly active: Active[] = [];
  private readonly waiting: Waiting[] = [];
  private isDue = false;
  private stopped = false;

  constructor(private readonly config: RangeReadsConfig) {}

  /** Calls `done` once, before it returns if the range is small. */
  read(request: RangeRequest, done: Done, reader: RangeReader = {}): void {
    const asked = { ...reader, request, done };
    if (this.stopped) done(stopping());
    else if (this.active.length < VIEWS_MAX) this.begin(asked);
    else if (this.waiting.length < WAITING_MAX) this.tryAtOnce(asked);
    else {
      const text = `${this.waiting.length} large ranges are waiting (limit ${WAITING_MAX})`;
      done(new NotServed('tooManyRequests', true, text));
    }
  }

  /** Whoever waits is told, and no view is held any more. */
  stop(): void {
    this.stopped = true;
    for (const { reading, done } of this.active.splice(0)) {
      reading.release();
      done(stopping());
    }
    for (const { done } of this.waiting.splice(0)) done(stopping());
  }

  private begin({ request, done, sink, isWanted = always }: Waiting): void {
    this.attempt(done, () => {
      const reading = this.config.start(request, sink);
      if (this.proceed(reading, done)) return;
      reading.hold();
      this.active.push({ reading, done, isWanted });
    });
    this.schedule();
  }

  /** A small range need not wait for the large ones. */
  private tryAtOnce(asked: Waiting): void {
    const { request, done, sink } = asked;
    this.attempt(done, () => {
      if (this.proceed(this.config.start(request, sink), done)) return;
      this.waiting.push(asked);
    });
  }

  private schedule(): void {
    if (this.isDue || this.active.length === 0) return;
    this.isDue = true;
    this.config.defer(() => {
      this.isDue = false;
      this.turn();
    });
  }

  private turn(): void {
    const next = this.active.shift();
    if (next === undefined) return;
    const { reading, done, isWanted } = next;
    this.attempt(done, () => {
      try {
        if (!isWanted()) throw unwanted();
        if (!this.proceed(reading, done)) this.active.push(next);
      } catch (error) {
        reading.release();
        throw error;
      }
    });
    while (this.active.length < VIEWS_MAX && this.waiting.length > 0) {
      const asked = this.waiting.shift()!;
      if (asked.isWanted?.() !== false) this.begin(asked);
      else asked.done(unwanted());
    }
    this.schedule();
  }

  /** True when the answer was given. */
  private proceed(reading: RangeReading, done: Done): boolean {
    const result = reading.step(this.config.part ?? PART);
    if (result === undefined) return false;
    done({ revision: reading.revision, result });
    return true;
  }

  private attempt(done: Done, run: () => void): void {
    try {
      run();
    } catch (error) {
      done(error as Error);
    }
  }
}

function unwanted(): NotServed {
  return new NotServed('stopped', true, 'the client does not wait for its range any more');
}

function stopping(): NotServed {
  return new NotServed('stopped', true, 'the member is stopping');
}

/**
 * One incarnation of a member's process on virtual time: its clock, timers, turns and entropy.
 *
 * Everything that reaches a member goes through here, so this is where a process stands still
 * (pause: what arrives is parked and runs on resume, in order) and where it dies (crash: it
 * never runs again). A clock that drifts stretches both what `nowMs` says and how long timers
 * take; the wall clock may also jump, which no decision may depend on.
 */
import type { Runtime, Timer } from '../runtime/runtime';
import type { Prng } from './prng';
import type { EventHandler, EventId, Scheduler } from './scheduler';

/** Kinds of events of a process. */
export const ProcessEvent = { timer: 1, turn: 2, call: 3, message: 4 } as const;

/** Told around each event that a process handled. */
export interface ProcessObserver {
  /** The process is about to run an event of this kind (see ProcessEvent). */
  before(member: number, kind: number): void;
  after(member: number): void;
  /** The process threw: it counts as crashed by its own fault. */
  threw(member: number, error: unknown): void;
}

/** 2020-01-01: a wall clock that is plausible in logs. */
const WALL_START_MS = 1_577_836_800_000;

/** A member's clocks, which outlive its processes: a fault may change them at any time. */
export class SimClock {
  /** Seconds of the monotonic clock per virtual second, e.g. 1.01 for 1 % fast. */
  private currentRate: number;
  private baseUs = 0;
  private baseMs = 0;
  /** Added to the wall clock. */
  wallOffsetMs = 0;

  constructor(
    private readonly scheduler: Scheduler,
    rate: number,
  ) {
    this.currentRate = rate;
  }

  get rate(): number {
    return this.currentRate;
  }

  set rate(rate: number) {
    this.baseMs = this.nowMs();
    this.baseUs = this.scheduler.nowUs;
    this.currentRate = rate;
  }

  nowMs(): number {
    return this.baseMs + ((this.scheduler.nowUs - this.baseUs) * this.currentRate) / 1000;
  }

  wallMs(): number {
    return WALL_START_MS + this.nowMs() + this.wallOffsetMs;
  }
}

class SimTimer implements Timer {
  constructor(
    private readonly scheduler: Scheduler,
    private readonly id: EventId,
  ) {}

  cancel(): void {
    this.scheduler.cancel(this.id);
  }
}

export class SimRuntime implements Runtime, EventHandler {
  private dead = false;
  private paused = false;
  /** Takes the messages that reach the process. */
  onMessage: (message: unknown) => void = () => undefined;
  /** What arrived while paused, as (kind, payload) pairs in order. */
  private parkedKinds: number[] = [];
  private parked: unknown[] = [];

  constructor(
    readonly member: number,
    private readonly scheduler: Scheduler,
    private readonly entropy: Prng,
    private readonly observer: ProcessObserver,
    private readonly clock: SimClock,
  ) {}

  get isPaused(): boolean {
    return this.paused;
  }

  get isDead(): boolean {
    return this.dead;
  }

  nowMs(): number {
    return this.clock.nowMs();
  }

  wallMs(): number {
    return this.clock.wallMs();
  }

  after(delayMs: number, run: () => void): Timer {
    const atUs = this.scheduler.nowUs + (Math.max(0, delayMs) * 1000) / this.clock.rate;
    const id = this.scheduler.schedule(atUs, this, ProcessEvent.timer, 0, run);
    return new SimTimer(this.scheduler, id);
  }

  defer(run: () => void): void {
    this.scheduler.schedule(this.scheduler.nowUs, this, ProcessEvent.turn, 0, run);
  }

  random(n: number): number {
    return this.entropy.below(n);
  }

  /** Runs `run` inside this process, now or when it wakes up; never when it is dead. */
  enter(run: () => void): void {
    this.handle(ProcessEvent.call, 0, run);
  }

  /** A message comes in, now or when the process wakes up; never when it is dead. */
  deliver(message: unknown): void {
    this.handle(ProcessEvent.message, 0, message);
  }

  pause(): void {
    this.paused = true;
  }

  /** Wakes the process: what arrived meanwhile runs now, in the order it arrived. */
  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    const { parked, parkedKinds } = this;
    this.parked = [];
    this.parkedKinds = [];
    for (let i = 0; i < parked.length; i++) {
      this.scheduler.schedule(this.scheduler.nowUs, this, parkedKinds[i]!, 0, parked[i]);
    }
  }

  kill(): void {
    this.dead = true;
    this.parked = [];
    this.parkedKinds = [];
  }

  handle(kind: number, _value: number, payload: unknown): void {
    if (this.dead) return;
    if (this.paused) {
      this.parkedKinds.push(kind);
      this.parked.push(payload);
      return;
    }
    this.observer.before(this.member, kind);
    try {
      if (kind === ProcessEvent.message) this.onMessage(payload);
      else (payload as () => void)();
    } catch (error) {
      this.observer.threw(this.member, error);
      return;
    }
    if (!this.dead) this.observer.after(this.member);
  }
}

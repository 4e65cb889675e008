/**
 * Runs a plan to its outcome: a safety phase with faults and operations, then everything is
 * healed and the cluster must converge, then the history of the clients is judged.
 *
 * Safety is checked after every event of both phases. Liveness can only be asked for once the
 * faults are over: with all members up on good devices there must be a leader, every member must
 * serve writes and reads again, and all must reach the same state, within a bound.
 */
import { HistoryRecorder } from '../history';
import type { History } from '../history';
import { Clients } from './clients';
import { MessageJournal } from './messageJournal';
import type { JournalledMessage } from './messageJournal';
import { Closing } from './closing';
import type { MarkCounts } from './marks';
import { watchedChange } from './operations';
import type { Fault } from './faults';
import type { Plan } from './plan';
import type { TraceRecord } from './trace';
import { Watchers } from './watchers';
import { World } from './world';
import type { Violation } from './world';

/** What the judge of a history says; a message only when it is not valid. */
export interface Judgement {
  readonly valid: true | false | 'unknown';
  readonly message?: string;
}

export interface RunOptions {
  /** Decides whether the clients' history is linearizable. Default: nobody looks at it. */
  readonly judge?: (history: History) => Judgement;
  /** Ends with the safety phase: nothing is healed, nobody judges. Default false. */
  readonly safetyOnly?: boolean;
  /** Newest trace records to keep. Default 4096. */
  readonly recordsMax?: number;
  /** Newest messages to keep with both ends, for a diagram. Default none. */
  readonly messagesMax?: number;
  /** From then on all that is drawn is drawn from another seed; the plan stays. Default: never. */
  readonly reseed?: { readonly atMs: number; readonly seed: string };
  /** Ends a run that runs away (a livelock). Default 3 000 000 events. */
  readonly eventsMax?: number;
}

export interface Outcome {
  readonly verdict: 'ok' | 'violation' | 'undecided';
  /** Of a `violation`. */
  readonly violation: Violation | undefined;
  /** Of an `undecided`: why. */
  readonly reason: string | undefined;
  /** Identity of the run: the same plan always gives the same. */
  readonly hash: string;
  readonly events: number;
  readonly simulatedMs: number;
  /** From the healing to convergence. */
  readonly convergedMs: number | undefined;
  readonly history: History;
  readonly marks: MarkCounts;
  /** The end of the trace, oldest first. */
  readonly records: () => readonly TraceRecord[];
  /** The newest messages, by arrival; empty unless they were asked for. */
  readonly messages: () => readonly JournalledMessage[];
}

const LINEARIZABILITY = {
  name: 'linearizability',
  sentence: 'Every answer fits one order of all operations that keeps real time.',
};
const BOUNDED_WORK = {
  name: 'boundedWork',
  sentence: 'A run takes a bounded number of events: nobody sends or retries without end.',
};

/** Far more than any sound run takes: some twenty events a simulated millisecond. */
const EVENTS_MAX = 3_000_000;

export function simulate(plan: Plan, options: RunOptions = {}): Outcome {
  return new Simulation(plan, options).run();
}

class Simulation {
  private readonly world: World;
  private readonly recorder: HistoryRecorder;
  private readonly clients: Clients;
  private readonly eventsMax: number;
  private readonly watchers: Watchers;
  private readonly journal: MessageJournal | undefined;
  /** Still to come. */
  private reseed: RunOptions['reseed'];
  private convergedMs: number | undefined;

  constructor(
    private readonly plan: Plan,
    private readonly options: RunOptions,
  ) {
    this.eventsMax = options.eventsMax ?? EVENTS_MAX;
    const { messagesMax = 0 } = options;
    if (messagesMax > 0) this.journal = new MessageJournal(messagesMax);
    this.reseed = options.reseed;
    this.recorder = new HistoryRecorder({
      clock: () => this.world.scheduler.nowUs * 1000,
      meta: { name: `simulation ${plan.seed}`, model: 'etcd' },
    });
    this.world = new World(
      {
        plan,
        recordFault: (fault, phase, targets) => this.recordFault(fault, phase, targets),
        memberDown: (member) => {
          this.clients.memberDown(member);
          this.watchers.memberDown(member);
        },
        ask: (operation) => this.clients.probe(operation, () => undefined),
      },
      options.recordsMax,
      this.journal,
    );
    const { scheduler, trace, marks, members, streams } = this.world;
    this.clients = new Clients({
      scheduler,
      recorder: this.recorder,
      trace,
      marks,
      members,
      random: streams.get('clients'),
      timeoutMs: plan.options.clientTimeoutMs,
      valueBytes: plan.options.valueBytes,
    });
    this.watchers = new Watchers({
      scheduler,
      random: streams.get('watchers'),
      marks,
      trace,
      members,
      delivery: this.world.watches,
    });
  }

  run(): Outcome {
    const { world, plan, clients, watchers } = this;
    world.begin();
    clients.plan(plan.operations);
    watchers.plan(plan.watchers ?? []);
    const advance = (untilMs: number): boolean => this.advance(untilMs);
    if (advance(plan.options.safetyMs) && this.options.safetyOnly !== true) {
      this.convergedMs = new Closing({ plan, world, clients, watchers, advance }).run();
    }
    // What was written tells the judge which unknown outcomes took effect.
    this.recorder.watch(world.changes().map(watchedChange));
    this.recorder.close();
    return this.outcome();
  }

  /** False when the run is over before its time. */
  private advance(untilMs: number): boolean {
    const { world, eventsMax, reseed } = this;
    if (reseed !== undefined && reseed.atMs <= untilMs) {
      this.reseed = undefined;
      if (!this.advance(reseed.atMs)) return false;
      world.streams.reseed(reseed.seed);
    }
    world.run(untilMs, eventsMax);
    if (world.scheduler.events >= eventsMax) {
      world.report(BOUNDED_WORK, `the run did not end within ${eventsMax} events`);
    }
    return world.violation === undefined;
  }

  private outcome(): Outcome {
    const { world } = this;
    const history = this.recorder.history();
    let reason: string | undefined;
    const { judge, safetyOnly } = this.options;
    if (world.violation === undefined && judge !== undefined && safetyOnly !== true) {
      const judgement = judge(history);
      if (judgement.valid === false) world.report(LINEARIZABILITY, judgement.message ?? '');
      if (judgement.valid === 'unknown') reason = judgement.message ?? 'the judge gave up';
    }
    return {
      verdict: world.violation !== undefined ? 'violation' : reason ? 'undecided' : 'ok',
      violation: world.violation,
      reason: world.violation === undefined ? reason : undefined,
      hash: world.trace.hash,
      events: world.scheduler.events,
      simulatedMs: world.scheduler.nowUs / 1000,
      convergedMs: this.convergedMs,
      history,
      marks: world.marks.counts(),
      records: () => world.trace.records(),
      messages: () => this.journal?.newest() ?? [],
    };
  }

  private recordFault(fault: Fault, phase: 'injected' | 'healed', targets: number[]): void {
    const names = targets.map((id) => `n${id}`);
    this.recorder.fault({ fault: fault.kind, phase, targets: names });
  }
}

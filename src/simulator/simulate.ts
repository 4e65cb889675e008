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
import { Clients, PROBE_CLIENT } from './clients';
import type { MarkCounts } from './marks';
import { watchedChange } from './operations';
import type { Fault, Plan, PlannedKind } from './plan';
import { prng } from './prng';
import type { TraceRecord } from './trace';
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
  /** Newest trace records to keep. Default 4096. */
  readonly recordsMax?: number;
  /** Ends a run that runs away (a livelock). Default 50 000 000 events. */
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
}

const LINEARIZABILITY = {
  name: 'linearizability',
  sentence: 'Every answer fits one order of all operations that keeps real time.',
};
const LIVENESS = {
  name: 'liveness',
  sentence: 'A healed cluster elects a leader, serves every member and converges, in time.',
};

const EVENTS_MAX = 50_000_000;
const PROBE_KEY = 1_000_000;
/** How often the closing phase looks at where the cluster is. */
const LOOK_MS = 20;

export function simulate(plan: Plan, options: RunOptions = {}): Outcome {
  return new Simulation(plan, options).run();
}

class Simulation {
  private readonly world: World;
  private readonly recorder: HistoryRecorder;
  private readonly clients: Clients;
  private readonly eventsMax: number;
  /** What each member still has to answer: a write, then a read of every key. */
  private readonly probes: Probe[] = [];
  private convergedMs: number | undefined;
  private ranAway = false;

  constructor(
    private readonly plan: Plan,
    private readonly options: RunOptions,
  ) {
    this.eventsMax = options.eventsMax ?? EVENTS_MAX;
    this.recorder = new HistoryRecorder({
      clock: () => this.world.scheduler.nowUs * 1000,
      meta: { name: `simulation ${plan.seed}`, model: 'etcd' },
    });
    this.world = new World(
      {
        plan,
        recordFault: (fault, phase, targets) => this.recordFault(fault, phase, targets),
        memberDown: (member) => this.clients.memberDown(member),
      },
      options.recordsMax,
    );
    const { scheduler, trace, marks, members } = this.world;
    this.clients = new Clients({
      scheduler,
      recorder: this.recorder,
      trace,
      marks,
      members,
      random: prng(plan.seed, 'clients'),
      timeoutMs: plan.options.clientTimeoutMs,
      valueBytes: plan.options.valueBytes,
    });
  }

  run(): Outcome {
    const { world, plan } = this;
    const { safetyMs, livenessMs } = plan.options;
    world.begin();
    this.clients.plan(plan.operations);
    this.advance(safetyMs);
    if (world.violation === undefined && !this.ranAway) this.close(safetyMs, livenessMs);
    // What was written tells the judge which unknown outcomes took effect.
    this.recorder.watch(world.changes().map(watchedChange));
    this.recorder.close();
    return this.outcome();
  }

  private advance(untilMs: number): void {
    const { world, eventsMax } = this;
    world.run(untilMs, () => world.scheduler.events >= eventsMax);
    this.ranAway = world.scheduler.events >= eventsMax;
  }

  /** The liveness phase. */
  private close(safetyMs: number, livenessMs: number): void {
    const { world } = this;
    this.clients.stopPlanned();
    world.nemesis.heal();
    this.planProbes();
    let now = safetyMs;
    const end = safetyMs + livenessMs;
    while (world.violation === undefined && !this.ranAway) {
      if (this.hasConverged()) {
        this.convergedMs = now - safetyMs;
        return;
      }
      if (now >= end) {
        world.report(LIVENESS, `${this.whatIsMissing()} ${livenessMs} ms after the healing`);
        return;
      }
      now += LOOK_MS;
      this.advance(now);
      this.startProbes();
    }
  }

  private planProbes(): void {
    const keys = new Set(this.plan.operations.map((operation) => operation.key));
    for (const { id } of this.world.members) {
      this.probes.push(newProbe(id, 'write', PROBE_KEY));
    }
    for (const key of [...keys].sort((a, b) => a - b)) {
      this.probes.push(newProbe(1 + (key % this.plan.members), 'read', key));
    }
  }

  private startProbes(): void {
    if (this.world.leader === undefined) return;
    for (const probe of this.probes) {
      if (probe.state !== 'waiting') continue;
      probe.state = 'sent';
      const { member, kind, key } = probe;
      const client = PROBE_CLIENT + this.probes.indexOf(probe);
      this.clients.probe({ atMs: 0, client, kind, key, member }, (ok) => {
        probe.state = ok ? 'served' : 'waiting';
      });
    }
  }

  private hasConverged(): boolean {
    const { leader, members } = this.world;
    if (leader === undefined || this.clients.openCount > 0) return false;
    if (this.probes.some((probe) => probe.state !== 'served')) return false;
    const { lastIndex } = leader.now;
    return members.every(
      ({ isUp, now }) => isUp && now.appliedIndex === lastIndex && now.commitIndex === lastIndex,
    );
  }

  private whatIsMissing(): string {
    const { leader, members } = this.world;
    const states = members
      .map(({ id, isUp, now }) =>
        isUp
          ? `n${id} ${now.role} term ${now.term} log ${now.lastIndex} commit ${now.commitIndex} ` +
            `applied ${now.appliedIndex}`
          : `n${id} down`,
      )
      .join('; ');
    const probe = this.probes.find(({ state }) => state !== 'served');
    if (leader === undefined) return `no leader (${states})`;
    if (probe !== undefined) return `no ${probe.kind} served by n${probe.member} (${states})`;
    return `not the same log everywhere (${states})`;
  }

  private outcome(): Outcome {
    const { world } = this;
    const history = this.recorder.history();
    let reason: string | undefined;
    if (this.ranAway) reason = `the run did not end within ${this.eventsMax} events`;
    else if (world.violation === undefined && this.options.judge !== undefined) {
      const judgement = this.options.judge(history);
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
    };
  }

  private recordFault(fault: Fault, phase: 'injected' | 'healed', targets: number[]): void {
    const names = targets.map((id) => `n${id}`);
    this.recorder.fault({ fault: fault.kind, phase, targets: names });
  }
}

interface Probe {
  readonly member: number;
  readonly kind: PlannedKind;
  readonly key: number;
  state: 'waiting' | 'sent' | 'served';
}

function newProbe(member: number, kind: PlannedKind, key: number): Probe {
  return { member, kind, key, state: 'waiting' };
}

/**
 * The part of a run during which the cluster lives: clients and nemesis side by side, then healing
 * and reading back. What was seen is judged later, when the cluster is gone.
 */
import type { History, HistoryRecorder } from '../src/history';
import type { Series, TargetReport } from '../reports';
import { ChangeFollower } from './changeFollower';
import { runClients } from './clients';
import type { Fault } from './faults/fault';
import { planNemesis, runNemesis, type NemesisResult } from './faults/nemesis';
import { runFinalPhase, type FinalPhaseResult } from './finalPhase';
import { startMemorySampler } from './memorySampler';
import { chaosDefaults, type ChaosOptions, type ChaosProgress } from './options';
import { Random } from './random';
import type { RunningCluster, UnexpectedExit } from './target';
import { pause, soonAfter, waitFor } from './wait';

/** Work without faults after the last one: what a fault broke may show only later. */
const settleMs = 1_000;
const progressIntervalMs = 250;
/** After an interruption, what healing and reading back may still take. */
const graceMs = 5_000;

/** What was seen while the cluster ran; judged when it is gone. */
export interface Observed {
  readonly history: History;
  readonly nemesis: NemesisResult;
  readonly ending: FinalPhaseResult;
  /** Final reads are the operations from this process number on. */
  readonly firstFinalProcess: number;
  readonly exits: readonly UnexpectedExit[];
  readonly memory: Series | undefined;
  readonly workedSeconds: number;
  readonly target: TargetReport;
}

export class ChaosRun {
  private readonly random: Random;
  private readonly patience: AbortSignal;
  private operations = 0;

  constructor(
    private readonly options: ChaosOptions,
    private readonly name: string,
    private readonly faults: readonly Fault[],
    private readonly recorder: HistoryRecorder,
    /** Nanoseconds, the recorder's own clock. */
    private readonly clock: () => number,
  ) {
    this.random = new Random(`${options.seed}/${name}`);
    this.patience = soonAfter(options.signal, graceMs);
  }

  async run(): Promise<Observed> {
    const { options, recorder } = this;
    this.report('starting', 0);
    await using cluster = await options.target.start(options.signal);
    const { memberNames, target } = await this.identify(cluster);
    const memory = startMemorySampler({
      cluster,
      clockSeconds: () => this.clock() / 1e9,
      history: this.name,
    });
    let series: Series | undefined;
    const follower = this.follow(cluster);
    try {
      const workStart = performance.now();
      const { nemesis, firstProcess } = await this.work(cluster, memberNames);
      const workedSeconds = (performance.now() - workStart) / 1_000;
      this.report('reading back', workedSeconds);
      const ending = await runFinalPhase({
        ...{ cluster, memberNames, recorder, firstProcess },
        ...{ workload: options.workload, signal: this.patience },
        limitMs: options.healLimitMs ?? chaosDefaults.healLimitMs,
      });
      series = memory.stop();
      const limitMs = options.healLimitMs ?? chaosDefaults.healLimitMs;
      const followed = await follower?.upTo(ending.revision, limitMs, this.patience);
      const complete = ending.endings.find(({ replay }) => replay.changes !== undefined);
      const changes = complete?.replay.changes ?? followed?.changes;
      if (this.isOwnStore) recorder.watch(changes ?? []);
      recorder.close();
      const history = recorder.history();
      const exits = cluster.unexpectedExits();
      return {
        ...{ history, nemesis, ending, exits, workedSeconds, target, memory: series },
        firstFinalProcess: firstProcess,
      };
    } finally {
      follower?.close();
      if (!series) memory.stop();
      recorder.close();
    }
  }

  /** Clients and nemesis side by side, until the time is over or the run is aborted. */
  private async work(
    cluster: RunningCluster,
    memberNames: ReadonlyMap<bigint, string>,
  ): Promise<{ readonly nemesis: NemesisResult; readonly firstProcess: number }> {
    const { options, recorder, random } = this;
    const { seconds, workload, signal, quietMs, holdMs } = options;
    const workStart = performance.now();
    const stopClients = new AbortController();
    const timeIsUp = AbortSignal.timeout(Math.round(seconds * 1_000));
    const stopNemesis = signal ? AbortSignal.any([signal, timeIsUp]) : timeIsUp;
    let fault: string | undefined;
    const worked = (): number => (performance.now() - workStart) / 1_000;
    const progress = setInterval(() => {
      this.report(timeIsUp.aborted ? 'healing' : 'working', worked(), fault);
    }, progressIntervalMs);
    const clients = runClients({
      ...{ members: cluster.members(), memberNames, workload, recorder },
      random: random.stream('clients'),
      clientCount: options.clients ?? chaosDefaults.clients,
      pauseMs: options.pauseMs ?? chaosDefaults.pauseMs,
      timeoutMs: options.timeoutMs ?? chaosDefaults.timeoutMs,
      onInvoke: () => (this.operations += 1),
      stop: stopClients.signal,
    });
    try {
      const plan = planNemesis({
        faults: this.faults,
        random: random.stream('plan'),
        totalMs: seconds * 1_000,
        ...(quietMs === undefined ? {} : { quietMs }),
        ...(holdMs === undefined ? {} : { holdMs }),
      });
      const nemesis = await runNemesis({
        ...{ cluster, plan, recorder, signal: stopNemesis, patience: this.patience },
        random: random.stream('nemesis'),
        healLimitMs: options.healLimitMs ?? chaosDefaults.healLimitMs,
        onFault: ({ name }, members, phase) => {
          fault = phase === 'inject' ? `${name} (${members.join(', ')})` : undefined;
        },
      });
      // A plan can be over before the time is, and without faults there is none.
      await pause(seconds * 1_000 - worked() * 1_000, stopNemesis);
      await pause(settleMs, signal);
      stopClients.abort();
      return { nemesis, firstProcess: await clients };
    } finally {
      clearInterval(progress);
      stopClients.abort();
      // After an error elsewhere the clients still have to end before the cluster does.
      await Promise.allSettled([clients]);
    }
  }

  /** Where old revisions go, changes must be seen as they come. */
  private follow(cluster: RunningCluster): ChangeFollower | undefined {
    const { workload } = this.options;
    if (!workload.compacts || !this.isOwnStore) return undefined;
    const endpoints = cluster.members().map(({ clientUrl }) => clientUrl);
    return new ChangeFollower(endpoints, workload.vocabulary);
  }

  /** Who is who, and which version they are. */
  private async identify(cluster: RunningCluster): Promise<{
    readonly memberNames: ReadonlyMap<bigint, string>;
    readonly target: TargetReport;
  }> {
    const memberNames = new Map<bigint, string>();
    const versions = new Set<string>();
    for (const { name } of cluster.members()) {
      const status = await waitFor(() => cluster.status(name), {
        what: `the status of ${name}`,
        limitMs: this.options.healLimitMs ?? chaosDefaults.healLimitMs,
        signal: this.patience,
      });
      // Some stores have no member ids; then answers stay with the member that was asked.
      if (status.memberId !== 0n) memberNames.set(status.memberId, name);
      versions.add(status.version);
    }
    const { target: name, how, memberCount } = cluster.description;
    const version = [...versions].filter((text) => text !== '').join(', ');
    return {
      memberNames,
      target: { name, how, memberCount, ...(version === '' ? {} : { version }) },
    };
  }

  /** Whether nobody but this run writes to the store: then a watch shows all of its changes. */
  private get isOwnStore(): boolean {
    return this.options.target.description.target !== 'endpoints';
  }

  private report(phase: ChaosProgress['phase'], seconds: number, fault?: string): void {
    const { operations } = this;
    this.options.onProgress?.({ phase, seconds, operations, ...(fault ? { fault } : {}) });
  }
}

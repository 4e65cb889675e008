/**
 * The part of a run during which the cluster lives: clients and nemesis side by side, then healing
 * and reading back. What was seen is judged later, when the cluster is gone.
 */
import { EtcdClient } from '../src/client';
import { missedBy, replayOf } from '../models';
import type { History, HistoryRecorder, WatchLog } from '../src/history';
import type { Series, TargetReport } from '../reports';
import { ChangeFollower } from './changeFollower';
import type { ChangesRead } from './changeLog';
import { runClients } from './clients';
import type { Fault } from './faults/fault';
import { planNemesis, runNemesis, type NemesisResult } from './faults/nemesis';
import { runFinalPhase, type FinalPhaseResult } from './finalPhase';
import { startMemorySampler } from './memorySampler';
import { chaosDefaults, type ChaosOptions, type ChaosProgress } from './options';
import { Random } from './random';
import { scopeIn, wholeStore, type StoreScope } from './storeScope';
import type { RunningCluster, UnexpectedExit } from './target';
import { pause, soonAfter, waitFor } from './wait';
import { WatchClients } from './watchClients';

/** Work without faults after the last one: what a fault broke may show only later. */
const settleMs = 1_000;
const progressIntervalMs = 250;
/** How long open watches may take to show the last changes. */
const settleLimitMs = 10_000;
const endpointsSettleLimitMs = 4_000;
const scopeLimitMs = 5_000;
/** Reading back from a store that nothing was done to. */
const endpointsLimitMs = 10_000;
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
  /** Why revisions may have gaps: somebody else writes. Undefined when nobody does. */
  readonly shared: string | undefined;
  readonly watches: {
    /** Those that were open to the end, as far as they got. */
    readonly open: readonly WatchLog[];
    /** Up to which revision they had the time to show everything. */
    readonly revision: number;
    /** Why there were none. */
    readonly refusal: string | undefined;
  };
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
    const scope = await this.scopeOf(cluster);
    const follower = this.follow(cluster, scope);
    const watchers = this.watch(cluster, scope);
    try {
      const workStart = performance.now();
      const { nemesis, firstProcess } = await this.work(cluster, memberNames, scope);
      await watchers.stop();
      const workedSeconds = (performance.now() - workStart) / 1_000;
      this.report('reading back', workedSeconds);
      const limitMs = this.endLimitMs;
      const ending = await runFinalPhase({
        ...{ cluster, memberNames, recorder, firstProcess, limitMs, scope },
        ...{ workload: options.workload, signal: this.patience },
      });
      series = memory.stop();
      const followed = await follower?.upTo(ending.revision, limitMs, this.patience);
      const complete = ending.endings.find(({ replay }) => replay.changes !== undefined);
      const changes = complete?.replay.changes ?? followed?.changes;
      recorder.watch(changes ?? []);
      const open = await this.settle(watchers, recorder.history(), ending.revision);
      watchers.close();
      recorder.close();
      const history = recorder.history();
      const exits = cluster.unexpectedExits();
      const { refusal } = watchers;
      return {
        ...{ history, nemesis, ending, exits, workedSeconds, target, memory: series },
        firstFinalProcess: firstProcess,
        shared: follower && this.sharedBy(follower, followed, history, ending.revision),
        watches: { open, revision: ending.revision, refusal },
      };
    } finally {
      watchers.close();
      follower?.close();
      if (!series) memory.stop();
      recorder.close();
    }
  }

  /** Clients and nemesis side by side, until the time is over or the run is aborted. */
  private async work(
    cluster: RunningCluster,
    memberNames: ReadonlyMap<bigint, string>,
    scope: StoreScope,
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
      ...{ members: cluster.members(), access: cluster.access, memberNames, workload },
      ...{ recorder, scope },
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

  /** Where old revisions go, or others may write, changes must be seen as they come. */
  private follow(cluster: RunningCluster, scope: StoreScope): ChangeFollower | undefined {
    const { workload } = this.options;
    if (!workload.compacts && this.isOwnStore) return undefined;
    const endpoints = cluster.members().map(({ clientUrl }) => clientUrl);
    // Members of somebody else may differ: what is taken for the truth then comes from one of them.
    const watches = this.isOwnStore ? endpoints.length : 1;
    return new ChangeFollower(endpoints, workload.vocabulary, {
      ...{ scope, watches },
      ...(cluster.access && { access: cluster.access }),
    });
  }

  private watch(cluster: RunningCluster, scope: StoreScope): WatchClients {
    const { options, recorder, clock } = this;
    return new WatchClients({
      ...{
        members: cluster.members(),
        access: cluster.access,
        scope,
        keys: options.workload.keys,
        clock,
      },
      random: this.random.stream('watchers'),
      count: options.watchers ?? chaosDefaults.watchers,
      record: (log) => recorder.watcher(log),
    });
  }

  /** Waits until the open watches have shown everything; what they have not is judged later. */
  private async settle(
    watchers: WatchClients,
    history: History,
    revision: number,
  ): Promise<readonly WatchLog[]> {
    const replay = replayOf(history.watch, []);
    if (replay === undefined) return [];
    const isDone = (): true | undefined =>
      watchers.open().every((log) => missedBy(log, replay, revision).length === 0) || undefined;
    const limitMs = this.isOwnStore ? settleLimitMs : endpointsSettleLimitMs;
    const wait = { what: 'the open watches', limitMs, signal: this.patience };
    await waitFor(isDone, wait).catch(() => undefined);
    // An ended run gives them no time: then they owe nothing.
    return this.patience.aborted ? [] : watchers.open();
  }

  /**
   * A store of our own holds nothing else. In one of somebody else the watch of everything tells;
   * where there is none, the answers do when they account for every revision.
   */
  private sharedBy(
    follower: ChangeFollower,
    followed: ChangesRead | undefined,
    { operations }: History,
    revision: number,
  ): string | undefined {
    if (this.isOwnStore) return undefined;
    if (followed?.changes !== undefined) return follower.foreign;
    const seen = new Set(
      operations.map(({ rev, outcome }) => (outcome === 'ok' ? rev : undefined)),
    );
    for (let rev = 2; rev <= revision; rev += 1) {
      if (seen.has(rev)) continue;
      return `others may write to this store: nothing shows who made revision ${rev}`;
    }
    return undefined;
  }

  /** Keys of our own in a store of somebody else, whatever earlier runs left there. */
  private async scopeOf(cluster: RunningCluster): Promise<StoreScope> {
    if (this.isOwnStore) return wholeStore;
    const endpoints = cluster.members().map(({ clientUrl }) => clientUrl);
    const client = new EtcdClient({ endpoints, ...cluster.access });
    try {
      const prefix = `crucible/${Date.now().toString(36)}/${this.name}/`;
      return await scopeIn(client, prefix, scopeLimitMs);
    } finally {
      client.close();
    }
  }

  /** Nobody has to recover from anything where no fault was possible. */
  private get endLimitMs(): number {
    const limitMs = this.options.healLimitMs ?? chaosDefaults.healLimitMs;
    return this.isOwnStore ? limitMs : Math.min(limitMs, endpointsLimitMs);
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
